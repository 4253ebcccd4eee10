"""Quét phiếu: uploading scanned paper, what the machine made of each page, and deciding what it left open."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import scans, tasks
from evaluations.forms.scans import NEXT, BindForm, ScanForm, SetAsideForm
from evaluations.models import ScanBatch, ScanPage
from evaluations.models.sheets import REASONS
from evaluations.views.campaigns import STOP_POLLING
from evaluations.views.documents import pdf
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Seat, User
from members.roles import Action
from members.states import Refused

ROWS = 20
State = ScanPage.State


def upload_room(size: int) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """How many bytes of files the requests of a view may bring (liaison.uploads)."""

    def mark(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        view.upload_room = size  # type: ignore[attr-defined]
        return view

    return mark


def _within(user: User, prefix: str) -> Q:
    return user.reach(Action.SEE_MEMBERS, prefix) | user.reach(Action.SEE_RESIDENTS, prefix)


@upload_room(scans.MAX_BYTES + 1024 * 1024)
@require_http_methods(["GET", "POST"])
def batch_list(request: SignedIn, organization_id: int) -> HttpResponse:
    """Choose the files; each is opened at once, so that what cannot be read is said here."""
    organization = get_object_or_404(Organization.objects.filter(_within(request.user, "")), pk=organization_id)
    seat = request.user.acting(Action.SCAN, organization)
    form = ScanForm(request.POST, request.FILES) if request.method == "POST" else ScanForm()
    if form.is_bound and form.is_valid():
        with transaction.atomic():
            batch = ScanBatch.objects.take(organization, form.cleaned_data["papers"], by=seat)
            tasks.wake()
        return redirect("evaluations:scan_batch", batch.pk)
    batches = ScanBatch.objects.filter(organization=organization).counted().select_related("made_by__user")
    context = {
        "organization": organization,
        "form": form,
        "page": Paginator(batches.order_by("-pk"), ROWS).get_page(request.GET.get("trang")),
        "waiting": ScanPage.objects.filter(organization=organization, state=State.TRAY).count(),
    }
    return render(request, "evaluations/scan_list.html", context)


def _batch(request: SignedIn, batch_id: int) -> tuple[ScanBatch, Seat]:
    batches = ScanBatch.objects.filter(_within(request.user, "organization__")).counted()
    batch = get_object_or_404(batches.select_related("organization", "made_by__user", "letter__recipient"), pk=batch_id)
    return batch, request.user.acting(Action.SCAN, batch.organization)


def _page(request: SignedIn, page_id: int) -> tuple[ScanPage, Seat]:
    pages = ScanPage.objects.filter(_within(request.user, "organization__"))
    page = get_object_or_404(pages.listed().select_related("batch"), pk=page_id)
    return page, request.user.acting(Action.SCAN, page.organization)


@require_GET
def batch_page(request: SignedIn, batch_id: int) -> HttpResponse:
    """Every page of a batch, those that need somebody first: n pages = bound + tray + duplicate + set aside."""
    batch, seat = _batch(request, batch_id)
    pages: dict[str, list[ScanPage]] = {state: [] for state in State.values}
    for page in batch.pages.all().listed():
        pages[page.state].append(page)
    AuditEvent.objects.record("read", by=seat, on=batch)
    documents = [page.document_id for page in pages[State.BOUND] if page.document_id]
    context = {
        "batch": batch,
        "tray": [(page, REASONS.get(page.why, "Đưa về để xử lý lại")) for page in pages[State.TRAY]],
        "duplicates": pages[State.DUPLICATE],
        "bound": pages[State.BOUND],
        "aside": pages[State.DISCARDED],
        "missing": ScanPage.objects.missing(documents),
        "may_key": request.user.may(Action.KEY),
    }
    return render(request, "evaluations/scan_batch.html", context)


@require_GET
def progress(request: SignedIn, batch_id: int) -> HttpResponse:
    """A fragment that asks for itself until every page is read; then the whole page is there to be shown."""
    batch, _ = _batch(request, batch_id)
    status = 200 if batch.is_in_work else STOP_POLLING
    response = render(request, "evaluations/scan_progress.html", {"batch": batch}, status=status)
    if not batch.is_in_work:
        response["HX-Refresh"] = "true"
    return response


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, page_id: int) -> HttpResponse:
    """One page, large, and what a person says it is."""
    found, seat = _page(request, page_id)
    initial = {"code": found.code, "page_no": found.page_no}
    form = BindForm(found, request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        verb = found.bind_next if NEXT in request.POST else found.bind
        verb(form.sheet(), by=seat)
        tasks.wake()
        messages.success(request, f"Đã gắn trang {found.number} của lần quét.")
        return redirect("evaluations:scan_batch", found.batch_id)
    AuditEvent.objects.record("read", by=seat, on=found)
    context = {
        "page": found,
        "why": REASONS.get(found.why, ""),
        "form": form,
        "aside_form": SetAsideForm(),
        "twin": ScanPage.objects.bound_to(found.organization, found.sheet).exclude(pk=found.pk).light().first()
        if found.state == State.DUPLICATE
        else None,
    }
    return render(request, "evaluations/scan_page.html", context)


@require_POST
def set_aside(request: SignedIn, page_id: int) -> HttpResponse:
    found, seat = _page(request, page_id)
    form = SetAsideForm(request.POST)
    if not form.is_valid():
        raise Refused("Ghi lý do để riêng trang này.")
    found.set_aside(form.cleaned_data["reason"], by=seat)
    messages.success(request, f"Đã để riêng trang {found.number}; trang vẫn được giữ.")
    return redirect("evaluations:scan_batch", found.batch_id)


@require_POST
def put_back(request: SignedIn, page_id: int) -> HttpResponse:
    found, seat = _page(request, page_id)
    found.put_back(by=seat)
    messages.success(request, f"Đã đưa trang {found.number} về phần cần xử lý.")
    return redirect("evaluations:scan_page", found.pk)


@require_POST
def turn(request: SignedIn, page_id: int) -> HttpResponse:
    """A quarter to the right, for a page that no code has set upright."""
    found, seat = _page(request, page_id)
    if not found.is_kept:
        raise Refused("Trang này hỏng, không xoay được.")
    try:
        turned = scans.turn(bytes(found.content), found.is_pdf, 90)
    except scans.ScanError as problem:
        raise Refused(str(problem)) from problem
    found.turned(turned.content, turned.picture, 90, by=seat)
    return redirect("evaluations:scan_page", found.pk)


@require_GET
def picture(request: SignedIn, page_id: int) -> HttpResponse:
    """What is shown on the screen: small, upright, made by us."""
    found, seat = _page(request, page_id)
    AuditEvent.objects.record("read", by=seat, on=found, fields=["picture"])
    return HttpResponse(bytes(found.picture), content_type="image/jpeg")


@require_GET
def stored_file(request: SignedIn, page_id: int) -> HttpResponse:
    """The page in full size."""
    found, seat = _page(request, page_id)
    AuditEvent.objects.record("read", by=seat, on=found, fields=["content"])
    if found.is_pdf:
        return pdf(bytes(found.content), f"trang-quet-{found.pk}")
    headers = {"Content-Disposition": f'inline; filename="trang-quet-{found.pk}.jpg"'}
    return HttpResponse(bytes(found.content), content_type="image/jpeg", headers=headers)
