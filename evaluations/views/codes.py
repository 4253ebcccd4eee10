"""Reading one letter with the code printed on it: for offices without accounts. Nothing else opens with a code."""

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import scans, tasks
from evaluations.forms.commune import CodeForm
from evaluations.forms.scans import ScanForm
from evaluations.models import Campaign, Document, DocumentFile, Letter, ScanBatch
from evaluations.views.documents import pdf
from evaluations.views.scans import upload_room
from members.models import AuditEvent

SESSION_KEY = "letter_id"
LIMIT = "letter_code"  # in ACCOUNT_RATE_LIMITS; only wrong codes count
UNKNOWN = "Không có công văn nào mang mã này. Xin đối chiếu từng chữ với mã in trên công văn rồi nhập lại."
BATCHES = 20  # that one letter may bring in a day
ENOUGH = f"Hôm nay đã gửi {BATCHES} lần bằng mã này. Xin gửi tiếp vào ngày mai, hoặc gọi số điện thoại trên công văn."
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
            "has_stamped": document.stamped is not None,
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
    stored = document.file_to_read()
    if stored is None:
        messages.info(request, "Bản in của công văn đang được lập. Xin mở lại sau ít phút.")
        return redirect("evaluations:code_letter")
    AuditEvent.objects.record("read_by_code", by=None, on=found, fields=["file"])
    return pdf(bytes(stored.content), f"cong-van-{document.pk}")


@login_not_required
@require_GET
def stamped(request: HttpRequest) -> HttpResponse:
    opened = _open_letter(request)
    if opened is None:
        return redirect("evaluations:code_enter")
    found, document = opened
    if document.stamped is None:
        return redirect("evaluations:code_letter")
    AuditEvent.objects.record("read_by_code", by=None, on=found, fields=["stamped"])
    return pdf(bytes(document.stamped.content), f"ban-dong-dau-{document.pk}")


@upload_room(scans.MAX_BYTES + 1024 * 1024)
@login_not_required
@require_http_methods(["GET", "POST"])
def send_scans(request: HttpRequest) -> HttpResponse:
    """Signed and stamped forms of this letter, scanned; the asker's office looks at what no code binds."""
    opened = _open_letter(request)
    if opened is None:
        return redirect("evaluations:code_enter")
    found, document = opened
    sent = ScanBatch.objects.filter(letter=found)
    form = ScanForm(request.POST, request.FILES) if request.method == "POST" else ScanForm()
    if form.is_bound and sent.filter(made_at__date=timezone.localdate()).count() >= BATCHES:
        form.add_error(None, ENOUGH)
    elif form.is_bound and form.is_valid():
        with transaction.atomic():
            batch = ScanBatch.objects.take(document.issuer, form.cleaned_data["papers"], by=None, letter=found)
            tasks.wake()
        messages.success(request, f"Đã nhận {batch.total} trang. {document.issuer.name} thấy các trang này ngay.")
        return redirect("evaluations:code_scans")
    context = {"letter": document, "form": form, "batches": sent.counted().order_by("-pk")[:BATCHES]}
    return render(request, "evaluations/code_scans.html", context)
