"""What anybody who holds an issued paper may know of it: whether it is in force, and the digests of its bytes.

Never its content, and nobody's name: the page must not tell who is a member of the Party.
"""

from allauth.core.internal import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from evaluations.forms.checking import MAX_BYTES, CheckForm, FileForm
from evaluations.models import Document, DocumentFile
from evaluations.models.paper_codes import PaperKind, paper_code, read_paper_code
from evaluations.views.scans import upload_room

LIMIT = "check_code"  # in ACCOUNT_RATE_LIMITS; only wrong codes count
UNKNOWN = (
    "Không có văn bản nào mang mã này. Xin đối chiếu từng chữ với mã in trên văn bản; nếu đúng từng chữ mà vẫn không "
    "tìm thấy, văn bản không do hệ thống này phát hành."
)
TOO_MANY = "Đã nhập sai nhiều lần liên tiếp. Xin chờ 10 phút rồi nhập lại."
STANDINGS = {
    Document.State.ISSUED: ("Đang có hiệu lực", "Văn bản này do cơ quan ghi dưới đây phát hành và chưa bị thay thế."),
    Document.State.REPLACED: (
        "Đã được thay thế",
        "Cơ quan ghi dưới đây đã phát hành văn bản khác thay văn bản này. Xin hỏi cơ quan đó để có bản mới.",
    ),
    Document.State.WITHDRAWN: ("Đã thu hồi", "Cơ quan ghi dưới đây đã thu hồi văn bản này; văn bản không còn giá trị."),
}


@login_not_required
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """The code typed by hand. Whether it exists is said by the page it leads to, which counts the wrong ones."""
    form = CheckForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        found = read_paper_code(form.cleaned_data["code"])
        if found is not None and found[0] == PaperKind.DOCUMENT:
            return redirect("evaluations:check_page", paper_code(*found))
        return _unknown(request, form)
    return render(request, "evaluations/check_enter.html", {"form": form})


@upload_room(MAX_BYTES + 1024 * 1024)
@login_not_required
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, code: str) -> HttpResponse:
    kind, pk = read_paper_code(code[:120]) or (None, 0)
    document = None
    if kind == PaperKind.DOCUMENT and _may_ask(request, dry_run=True):
        papers = Document.objects.out_of_the_house().select_related("issuer").with_files()
        document = papers.filter(pk=pk).first()
    if document is None:
        return _unknown(request, CheckForm(initial={"code": code[:60]}))
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    standing, words = STANDINGS[Document.State(document.state)]
    context = {
        "document": document,
        "code": paper_code(PaperKind.DOCUMENT, document.pk),
        "standing": standing,
        "words": words,
        "files": sorted(document.files.all(), key=lambda file: file.pk),
        "form": form,
        "compared": form.is_valid() and _compare(document, form.cleaned_data["paper"].read()),
    }
    return render(request, "evaluations/check_page.html", context)


def _compare(document: Document, content: bytes) -> dict[str, str]:
    """Which of the stored files the bytes are; none: at least one bit was changed, or it is another paper."""
    digest = DocumentFile.digest(content)
    same = next((file for file in document.files.all() if file.sha256 == digest), None)
    return {"digest": digest, "same": DocumentFile.Kind(same.kind).label if same else ""}


def _unknown(request: HttpRequest, form: CheckForm) -> HttpResponse:
    """The same answer whether the code is made up, of another kind, or of a paper that was never issued."""
    is_allowed = _may_ask(request)
    context = {"form": form, "problem": UNKNOWN if is_allowed else TOO_MANY}
    return render(request, "evaluations/check_enter.html", context, status=404 if is_allowed else 429)


def _may_ask(request: HttpRequest, *, dry_run: bool = False) -> bool:
    # allauth's public door never counts a GET, but here opening an address is already a guess.
    limit = ratelimit.consume(request, app="allauth.account", action=LIMIT, dry_run=dry_run, limit_get=True)
    return limit is not None
