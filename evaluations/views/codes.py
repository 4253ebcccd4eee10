"""Reading one letter with the code printed on it: for offices without accounts. Nothing else opens with a code."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from evaluations.forms.commune import CodeForm
from evaluations.models import Campaign, Document, DocumentFile, Letter
from evaluations.views.documents import pdf
from members.models import AuditEvent

SESSION_KEY = "letter_id"
LIMIT = "letter_code"  # in ACCOUNT_RATE_LIMITS; only wrong codes count
UNKNOWN = "Không có công văn nào mang mã này. Xin đối chiếu từng chữ với mã in trên công văn rồi nhập lại."
TOO_MANY = "Đã nhập sai nhiều lần liên tiếp. Xin chờ 10 phút rồi nhập lại, hoặc gọi số điện thoại ghi trên công văn."


@login_not_required
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and not ratelimit.consume(request, action=LIMIT, dry_run=True):
        form.add_error(None, TOO_MANY)
        status = 429
    elif form.is_valid():
        letter = Letter.objects.by_code(form.cleaned_data["code"])
        if letter is not None:
            request.session.cycle_key()
            request.session[SESSION_KEY] = letter.pk
            return redirect("evaluations:code_letter")
        ratelimit.consume(request, action=LIMIT)
        form.add_error("code", UNKNOWN)
    return render(request, "evaluations/code_enter.html", {"form": form}, status=status)


def _open_letter(request: HttpRequest) -> tuple[Letter, Document] | None:
    """The letter this browser has shown the code of, as long as it is in force and its campaign runs."""
    found = Letter.objects.select_related("document__campaign", "document__issuer", "document__recipient")
    letter = found.filter(pk=request.session.get(SESSION_KEY, 0)).exclude(code_hash="").first()
    if letter is None or letter.document is None:
        return None
    campaign = letter.document.campaign
    is_over = campaign is not None and campaign.state in (Campaign.State.CLOSED, Campaign.State.ARCHIVED)
    if is_over or letter.document.state != Document.State.ISSUED:
        del request.session[SESSION_KEY]
        messages.warning(
            request, "Công văn này đã hết hạn xem bằng mã: đợt lấy ý kiến đã kết thúc hoặc đã được thay thế."
        )
        return None
    return letter, letter.document


@login_not_required
@require_GET
def letter(request: HttpRequest) -> HttpResponse:
    opened = _open_letter(request)
    if opened is None:
        return redirect("evaluations:code_enter")
    found, document = opened
    AuditEvent.objects.record("read_by_code", by=None, on=found)
    return render(
        request,
        "evaluations/code_letter.html",
        {
            "letter": document,
            "count": found.facts.get("count"),
            "due_on": document.campaign.due_on if document.campaign else None,
            "reply_to": document.facts.get("reply_to"),
            "has_file": document.files.filter(kind=DocumentFile.Kind.ISSUED).exists(),
        },
    )


@login_not_required
@require_GET
def stored_file(request: HttpRequest) -> HttpResponse:
    opened = _open_letter(request)
    if opened is None:
        return redirect("evaluations:code_enter")
    found, document = opened
    stored = document.issued_file()
    if stored is None:
        messages.info(request, "Bản in của công văn đang được lập. Xin mở lại sau ít phút.")
        return redirect("evaluations:code_letter")
    AuditEvent.objects.record("read_by_code", by=None, on=found, fields=["file"])
    return pdf(bytes(stored.content), f"cong-van-{document.pk}")
