"""From an Excel roster to the register: upload, review row by row, write."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.roster import CommuneChoices, RowForm, UploadForm
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, RosterHeading, RosterImport, Seat, StagedRow, User
from members.roles import Action, Side
from members.roster_headings import COLUMN_LABELS, is_header
from members.states import Refused

ROWS_ON_PAGE = 100
# What keeps people from going on comes first.
ORDER = ("faulty", "question", "new", "changed", "same", "skip")


@require_http_methods(["GET", "POST"])
def upload(request: SignedIn) -> HttpResponse:
    """Choose the file; it is read at once and only the rows that were understood are kept."""
    committees = _committees(request.user)
    sent = [request.POST, request.FILES] if request.method == "POST" else []
    form = UploadForm(committees, *sent)
    if form.is_bound and form.is_valid():
        seat = request.user.acting(Action.KEEP_ROSTER, form.chosen())
        roster = form.cleaned_data["file"]
        staged = RosterImport.objects.stage(form.chosen(), roster, form.filename, by=seat)
        return redirect("members:roster_review", staged.pk)
    waiting = RosterImport.objects.for_user(request.user).waiting()[:10]
    remembered = RosterHeading.objects.filter(committee__in=committees).select_related("committee")
    context = {"form": form, "committees": committees, "waiting": waiting, "remembered": remembered}
    return render(request, "members/roster_upload.html", context)


def _committees(user: User) -> list[Organization]:
    """Whose rosters this person keeps. Raises PermissionDenied when nobody's."""
    found = {seat.organization_id: seat.organization for seat, _ in user.grants(Action.KEEP_ROSTER)}
    if not found:
        raise PermissionDenied("Nhập danh sách đảng viên là việc của cán bộ phụ trách.")
    return list(found.values())


@require_http_methods(["GET", "POST"])
def review(request: SignedIn, import_id: int) -> HttpResponse:
    """Every row as it was understood, the faulty ones first; a POST keeps the answers of the page and plans again."""
    roster, seat = load_import(request.user, import_id)
    if request.method == "POST" and roster.committed_at:
        raise Refused("Danh sách này đã được đưa vào sổ theo dõi.")
    counts = _counts(roster)
    if not counts:
        return _without_rows(request, roster)
    communes, query = CommuneChoices(), RowsAsked.of(request)
    page = query.page(roster)
    if request.method == "POST":
        shown = [int(pk) for pk in request.POST.getlist("row") if pk.isdecimal() and len(pk) < 19]
        forms = [RowForm(row, communes, request.POST) for row in _rows(roster).filter(pk__in=shown[:500])]
        if all(form.is_valid() for form in forms):
            changed = [form.row for form in forms if form.apply()]
            roster.answer(changed, by=seat, skip=request.POST.get("bo_qua", ""))
            messages.success(request, "Đã lưu và kiểm tra lại danh sách.")
            return redirect(query.address(roster, edit=request.POST.get("sua", "")))
    else:
        forms = [RowForm(row, communes, whole=row.pk == query.edit) for row in query.rows(roster, page)]
    AuditEvent.objects.record("read", by=seat, on=roster)
    return render(request, "members/roster_review.html", _review(roster, counts, page, query, forms, communes))


def load_import(user: User, import_id: int) -> tuple[RosterImport, Seat]:
    """A list of one's own committee, or of a committee on paper that the commune has received."""
    own = Q(commune=None) & user.reach(Action.SEE_MEMBERS, "committee__", Side.WORKPLACE)
    received = user.reach(Action.SEE_RESIDENTS, "commune__", Side.RESIDENCE)
    roster = get_object_or_404(
        RosterImport.objects.filter(own | received).select_related("committee", "commune"), pk=import_id
    )
    if roster.commune:
        return roster, user.acting(Action.REGISTER, roster.commune)
    return roster, user.acting(Action.KEEP_ROSTER, roster.committee)


def _without_rows(request: SignedIn, roster: RosterImport) -> HttpResponse:
    """Written, forgotten, or a list whose columns nobody has explained yet."""
    if not is_header(roster.columns) and RosterImport.objects.waiting().filter(pk=roster.pk).exists():
        return redirect("members:roster_columns", roster.pk)
    return render(request, "members/roster_done.html", {"roster": roster})


def _counts(roster: RosterImport) -> dict[str, int]:
    counts: dict[str, int] = {}
    for plan, skip, number in roster.rows.order_by().values_list("plan", "skip").annotate(n=Count("pk")):
        key = "skip" if skip else plan
        counts[key] = counts.get(key, 0) + number
    return counts


def _rows(roster: RosterImport) -> QuerySet[StagedRow]:
    rank = Case(
        When(skip=True, then=Value(len(ORDER))),
        *(When(plan=plan, then=Value(position)) for position, plan in enumerate(ORDER)),
        output_field=IntegerField(),
    )
    rows = roster.rows.select_related("commune__parent", "chosen_commune")
    return rows.annotate(rank=rank).order_by("rank", "row_no")


@dataclass(frozen=True)
class RowsAsked:
    """Which rows the address asks for: the kind, the page, the one that is open for correction."""

    plan: str
    number: str
    edit: int

    @classmethod
    def of(cls, request: SignedIn) -> "RowsAsked":
        plan, edit = request.GET.get("loc", ""), request.GET.get("sua", "")
        is_known = edit.isascii() and edit.isdecimal() and len(edit) < 19
        return cls(plan if plan in ORDER else "", request.GET.get("trang", "1"), int(edit) if is_known else 0)

    def page(self, roster: RosterImport) -> Page[StagedRow]:
        rows = _rows(roster)
        if self.plan:
            rows = rows.filter(skip=True) if self.plan == "skip" else rows.filter(skip=False, plan=self.plan)
        return Paginator(rows, ROWS_ON_PAGE).get_page(self.number)

    def rows(self, roster: RosterImport, page: Page[StagedRow]) -> list[StagedRow]:
        """The page's rows; the one that is open stands first wherever its kind would put it."""
        opened = list(_rows(roster).filter(pk=self.edit)) if self.edit else []
        return opened + [row for row in page if row.pk != self.edit]

    def address(self, roster: RosterImport, *, number: object = None, edit: str = "") -> str:
        words = {"loc": self.plan, "trang": number or self.number, "sua": edit if edit.isdecimal() else ""}
        page = reverse("members:roster_review", args=[roster.pk])
        return f"{page}?{urlencode({name: word for name, word in words.items() if word})}#rows"


def _review(
    roster: RosterImport,
    counts: dict[str, int],
    page: Page[StagedRow],
    query: RowsAsked,
    forms: list[RowForm],
    communes: CommuneChoices,
) -> dict[str, Any]:
    labels = dict(StagedRow.Plan.choices)
    number = page.number
    pages = {
        "prev_url": query.address(roster, number=number - 1) if page.has_previous() else None,
        "next_url": query.address(roster, number=number + 1) if page.has_next() else None,
    }
    files = RosterImport.objects.filter(committee=roster.committee).waiting().exclude(pk=roster.pk)
    name = "evaluations:incoming_commit" if roster.commune else "members:roster_commit"
    return {
        "roster": roster,
        "commit_url": reverse(name, args=[roster.pk]),
        "columns": [
            (column["letter"], COLUMN_LABELS.get(field, field), column["heading"])
            for field, column in roster.columns.items()
        ],
        "figures": [(name, labels[name], counts[name], name == query.plan) for name in ORDER if counts.get(name)],
        "total": sum(counts.values()),
        "to_write": counts.get("new", 0) + counts.get("changed", 0),
        "left": counts.get("faulty", 0) + counts.get("question", 0) + counts.get("skip", 0),
        "counts": counts,
        "plan": query.plan,
        "page": page,
        "other_sheets": files.filter(Q(first_sheet=roster.first_sheet_id or roster.pk) | Q(pk=roster.first_sheet_id)),
        "rows": [_shown(form, query.edit) for form in forms],
        "asks_commune": any("commune" in form.fields for form in forms),
        "communes": communes.labels.values(),
        **pages,
    }


def _shown(form: RowForm, edit: int) -> dict[str, Any]:
    row, values = form.row, form.row.values
    return {
        "row": row,
        "form": form,
        "values": values,
        "birth": _day(values["birth_date"]) or values["birth_year"] or "",
        "joined": _day(values["joined_on"]),
        "sex": {"M": "Nam", "F": "Nữ"}.get(values["sex"], ""),
        "is_exempt": values["exemption"]["class"] != "ACTIVE",
        "errors": [sentence for field, sentence in [*row.errors, *row.found] if field != "twin"],
        "warnings": [sentence for field, sentence in row.found if field == "twin"] + [text for _, text in row.warnings],
        "is_open": row.pk == edit,
    }


def _day(text: str | None) -> str:
    return f"{date.fromisoformat(text):%d/%m/%Y}" if text else ""


@require_POST
def commit(request: SignedIn, import_id: int) -> HttpResponse:
    """Write everything that is understood into the register (đưa vào sổ theo dõi)."""
    roster, seat = load_import(request.user, import_id)
    if roster.commune:
        raise Refused("Danh sách này thuộc một công văn giấy; đưa vào sổ ở trang xem lại danh sách.")
    if not roster.committed_at and not roster.rows.exists():
        raise Refused("Các dòng chờ nhập của lần này đã được xóa. Đồng chí tải lại danh sách.")
    outcome = roster.commit(by=seat)
    messages.success(
        request,
        f"Đã đưa vào sổ theo dõi: {outcome['new']} đồng chí mới, {outcome['changed']} đồng chí được cập nhật, "
        f"{outcome['same']} đồng chí không thay đổi; để lại {outcome['left']} dòng.",
    )
    return redirect("members:roster_review", roster.pk)
