"""Giấy giới thiệu at residence: the commune's book and cells, the cell's reception, the counterparts that go back."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.introductions import AcceptForm, CounterpartsForm, GiveBackForm, Placed, PlaceForm
from evaluations.forms.signing import signature_of
from evaluations.models import Introduction, ResidenceReport
from evaluations.models.introductions import IntroductionQuerySet
from evaluations.models.receptions import accept, enter, give_back, issue_counterparts, tell_workplaces
from evaluations.views.letters_in import commune_within, granted
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Seat
from members.roles import Action
from members.views.participation import open_cell

ROWS = 50
GRID_ROWS = 150
State = Introduction.State


def chosen_ids(data: QueryDict) -> list[int]:
    """The rows that were ticked."""
    return [int(pk) for pk in data.getlist("row") if pk.isascii() and pk.isdigit() and len(pk) < 19]


@require_GET
def arrived(request: SignedIn, commune_id: int) -> HttpResponse:
    """The commune's introductions: new ones with the button that enters them; the others with who holds them."""
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.SEE_RESIDENTS, commune)
    own = Introduction.objects.filter(commune=commune, issued_at__isnull=False)
    new = list(own.to_register().listed()[:GRID_ROWS])
    underway = own.filter(state__in=[State.ASSIGNED, State.ACCEPTED, State.RETURNED]).listed().order_by("-pk")
    page = Paginator(underway.prefetch_related("counterpart__letters"), ROWS).get_page(request.GET.get("trang"))
    AuditEvent.objects.record_many("read", by=seat, model=Introduction, ids={row.pk for row in (*new, *page)})
    context = {
        "commune": commune,
        "new": new,
        "page": page,
        "to_assign": own.to_assign().count(),
        "to_sign": own.to_return().count(),
        "reports": ResidenceReport.objects.filter(commune=commune).to_send().count(),
        "may_register": granted(request.user, Action.REGISTER, commune),
        "may_assign": granted(request.user, Action.ASSIGN, commune),
        "may_sign": granted(request.user, Action.REPLY, commune),
    }
    return render(request, "evaluations/introductions_in.html", context)


@require_POST
def register(request: SignedIn, commune_id: int) -> HttpResponse:
    """Those that are ticked enter the book, each with its number when one was typed."""
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.REGISTER, commune)
    ids = chosen_ids(request.POST)
    numbers = {pk: request.POST.get(f"no-{pk}", "").strip()[:12] for pk in ids}
    count = enter(Introduction.objects.filter(pk__in=ids), numbers, by=seat)
    words = f"Đã vào sổ {count} giấy giới thiệu; chờ phân về chi bộ."
    messages.success(request, words if count else "Chưa chọn giấy giới thiệu nào, nên chưa có gì thay đổi.")
    return redirect("evaluations:introductions_in", commune.pk)


@require_http_methods(["GET", "POST"])
def place(request: SignedIn, commune_id: int) -> HttpResponse:
    """The grid: each to a cell, or back to the workplace with the reason."""
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.ASSIGN, commune)
    waiting = Introduction.objects.filter(commune=commune).to_assign().listed()
    rows = waiting.order_by("placement__cell_written_key", "member__sort_key", "pk")
    if request.method == "POST":
        posted = [name.removeprefix("cell-") for name in request.POST if name.startswith("cell-")]
        ids = [int(pk) for pk in posted if pk.isascii() and pk.isdigit() and len(pk) < 19]
        form = PlaceForm(commune, rows.filter(pk__in=ids), request.POST)
        if "fill" in request.POST:
            form = form.filled()
        elif form.is_valid():
            _tell(request, form.place(by=by))
            tasks.wake()
            return redirect("evaluations:introductions_place", commune.pk)
    else:
        form = PlaceForm(commune, rows[:GRID_ROWS])
    AuditEvent.objects.record_many("read", by=by, model=Introduction, ids=list(form.matters))
    context = {"commune": commune, "form": form, "total": waiting.count()}
    return render(request, "evaluations/introductions_place.html", context)


def _tell(request: SignedIn, placed: Placed) -> None:
    done = [
        f"phân {placed.assigned} đồng chí về chi bộ" if placed.assigned else "",
        f"lập {placed.created} chi bộ mới" if placed.created else "",
        f"chuyển lại {placed.returned} đồng chí" if placed.returned else "",
    ]
    if any(done):
        messages.success(request, f"Đã {', '.join(part for part in done if part)}.")
    elif not placed.gone:
        messages.info(request, "Chưa chọn chi bộ cho đồng chí nào, nên chưa có gì thay đổi.")
    if placed.gone:
        messages.warning(request, f"{placed.gone} đồng chí vừa được cán bộ khác xử lý, lựa chọn ở đây không ghi đè.")


@require_http_methods(["GET", "POST"])
def counterparts(request: SignedIn, commune_id: int) -> HttpResponse:
    """Phần tiếp nhận trả lại nơi công tác: who signs, one button for all that are ticked."""
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.REPLY, commune)
    waiting = Introduction.objects.filter(commune=commune).to_return()
    form = CounterpartsForm(commune, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        signature = signature_of(form.cleaned_data["signer"])
        count = issue_counterparts(commune, by=seat, only=chosen_ids(request.POST), signature=signature)
        tasks.wake()
        words = (
            f"Đã ký phần tiếp nhận của {count} đồng chí; nơi công tác nhận được trên hệ thống, nơi chưa dùng thì in."
        )
        messages.success(request, words if count else "Chưa chọn đồng chí nào, nên chưa có gì thay đổi.")
        return redirect("evaluations:introductions_in", commune.pk)
    rows = list(waiting.listed()[:GRID_ROWS])
    AuditEvent.objects.record_many("read", by=seat, model=Introduction, ids=[row.pk for row in rows])
    context = {"commune": commune, "rows": rows, "form": form, "total": waiting.count()}
    return render(request, "evaluations/introductions_counterparts.html", context)


# The cell


@require_http_methods(["GET", "POST"])
def newcomers(request: SignedIn, cell_id: int) -> HttpResponse:
    """Who was introduced to this cell: ticked and received, on a day."""
    cell, seat = _cell(request, cell_id)
    own = Introduction.objects.filter(cell=cell)
    form = AcceptForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        count = accept(own.filter(pk__in=chosen_ids(request.POST)), form.cleaned_data["on"], by=seat)
        words = f"Đã tiếp nhận {count} đồng chí về giữ mối liên hệ tại chi bộ."
        messages.success(request, words if count else "Chưa chọn đồng chí nào, nên chưa có gì thay đổi.")
        return redirect("evaluations:newcomers", cell.pk)
    rows = list(own.to_accept().listed())
    AuditEvent.objects.record_many("read", by=seat, model=Introduction, ids=[row.pk for row in rows])
    context: dict[str, Any] = {"cell": cell, "rows": rows, "form": form}
    context["may_report"] = granted(request.user, Action.RECORD, cell)
    return render(request, "evaluations/newcomers.html", context)


def _cell(request: SignedIn, cell_id: int) -> tuple[Organization, Seat]:
    """The cell's own people receive; the commune does it for a cell without an account."""
    cell, seat = open_cell(request, cell_id, timezone.localdate().year, Action.SEE_RESIDENTS)
    if seat.organization_id == cell.pk:
        return cell, request.user.acting(Action.RECORD, cell)
    assert cell.parent
    return cell, request.user.acting(Action.KEY, cell.parent)


def _reached(request: SignedIn, introduction_id: int) -> Introduction:
    rows: IntroductionQuerySet = Introduction.objects.for_residence(request.user, Action.SEE_RESIDENTS)
    return get_object_or_404(rows.listed(), pk=introduction_id)


@require_http_methods(["GET", "POST"])
def send_back(request: SignedIn, introduction_id: int) -> HttpResponse:
    """Không cư trú tại địa bàn: back to the workplace with the reason, also after the cell has received."""
    row = _reached(request, introduction_id)
    seat = request.user.acting(Action.ASSIGN, row.commune)
    form = GiveBackForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        declined = give_back(row, form.cleaned_data["code"], form.cleaned_data["note"], by=seat)
        tell_workplaces([row])
        tasks.wake()
        also = f" {declined} đề nghị nhận xét cũng được chuyển lại." if declined else ""
        messages.success(request, f"Đã chuyển lại nơi công tác.{also}")
        return redirect("evaluations:introductions_in", row.commune_id)
    AuditEvent.objects.record("read", by=seat, on=row)
    return render(request, "evaluations/introduction_back.html", {"row": row, "form": form})
