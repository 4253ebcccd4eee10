"""From an Excel roster to the register: upload, review row by row, write."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.roster import CommuneChoices, RowForm, UploadForm
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, RosterImport, Seat, StagedRow, User
from members.roles import Action, Side
from members.roster_values import LABELS
from members.states import Refused

ROWS_ON_PAGE = 100
# What keeps people from going on comes first.
ORDER = ("faulty", "question", "new", "changed", "same", "skip")
MORE_LABELS = {
    "number": "Số thứ tự",
    "family_part": "Họ và chữ đệm",
    "given_part": "Tên",
    "male": "Giới tính (nam)",
    "female": "Giới tính (nữ)",
    "birth_male": "Ngày sinh (nam)",
    "birth_female": "Ngày sinh (nữ)",
    "exempt_introduction": "Miễn giới thiệu",
    "exempt_activity": "Miễn sinh hoạt nơi cư trú",
}


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
    waiting = RosterImport.objects.for_user(request.user).filter(committed_at=None, rows__isnull=False).distinct()[:5]
    context = {"form": form, "committees": committees, "waiting": waiting}
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
    roster, seat = _load(request.user, import_id)
    if request.method == "POST" and roster.committed_at:
        raise Refused("Danh sách này đã được đưa vào sổ theo dõi.")
    counts = _counts(roster)
    if not counts:
        return render(request, "members/roster_done.html", {"roster": roster})
    communes, answers, rows = CommuneChoices(), None, None
    if request.method == "POST":
        answers = request.POST
        shown = [int(pk) for pk in answers.getlist("row") if pk.isdecimal() and len(pk) < 19]
        rows = _rows(roster).filter(pk__in=shown[:500])
    plan = request.GET.get("loc", "") if request.GET.get("loc") in ORDER else ""
    page = _page(roster, plan, request.GET.get("trang"))
    forms = [RowForm(row, communes, answers) for row in (page if rows is None else rows)]
    if answers is not None and _keep(roster, forms):
        messages.success(request, "Đã lưu các lựa chọn và kiểm tra lại danh sách.")
        return redirect(request.get_full_path())
    AuditEvent.objects.record("read", by=seat, on=roster)
    return render(request, "members/roster_review.html", _review(roster, counts, page, plan, forms, communes))


def _load(user: User, import_id: int) -> tuple[RosterImport, Seat]:
    reached = RosterImport.objects.filter(user.reach(Action.SEE_MEMBERS, "committee__", Side.WORKPLACE))
    roster = get_object_or_404(reached.select_related("committee"), pk=import_id)
    return roster, user.acting(Action.KEEP_ROSTER, roster.committee)


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


def _page(roster: RosterImport, plan: str, number: str | None) -> Page[StagedRow]:
    rows = _rows(roster)
    if plan:
        rows = rows.filter(skip=True) if plan == "skip" else rows.filter(skip=False, plan=plan)
    return Paginator(rows, ROWS_ON_PAGE).get_page(number)


@transaction.atomic
def _keep(roster: RosterImport, forms: list[RowForm]) -> bool:
    """Save the answers of a page and plan again; nothing when one of them is wrong."""
    faulty = [form for form in forms if not form.is_valid()]
    if faulty:
        return False
    changed = [form.row for form in forms if form.apply()]
    StagedRow.objects.bulk_update(changed, ["skip", "chosen_commune", "is_other_person"], batch_size=200)
    if changed:
        roster.plan()
    return True


def _review(
    roster: RosterImport,
    counts: dict[str, int],
    page: Page[StagedRow],
    plan: str,
    forms: list[RowForm],
    communes: CommuneChoices,
) -> dict[str, Any]:
    labels = dict(StagedRow.Plan.choices)
    address = reverse("members:roster_review", args=[roster.pk])
    pages = {
        name: f"{address}?loc={plan}&trang={number()}" if has() else None
        for name, has, number in (
            ("prev_url", page.has_previous, page.previous_page_number),
            ("next_url", page.has_next, page.next_page_number),
        )
    }
    return {
        "roster": roster,
        "columns": [
            (column["letter"], LABELS.get(field) or MORE_LABELS.get(field, field), column["heading"])
            for field, column in roster.columns.items()
        ],
        "figures": [(name, labels[name], counts[name], name == plan) for name in ORDER if counts.get(name)],
        "total": sum(counts.values()),
        "to_write": counts.get("new", 0) + counts.get("changed", 0),
        "left": counts.get("faulty", 0) + counts.get("question", 0) + counts.get("skip", 0),
        "plan": plan,
        "page": page,
        "rows": [_shown(form) for form in forms],
        "asks_commune": any("commune" in form.fields for form in forms),
        "communes": communes.labels.values(),
        **pages,
    }


def _shown(form: RowForm) -> dict[str, Any]:
    row, values = form.row, form.row.values
    return {
        "row": row,
        "form": form,
        "values": values,
        "birth": _day(values["birth_date"]) or values["birth_year"] or "",
        "joined": _day(values["joined_on"]),
        "sex": {"M": "Nam", "F": "Nữ"}.get(values["sex"], ""),
        "is_exempt": values["exemption"]["class"] != "ACTIVE",
        "errors": [sentence for _, sentence in [*row.errors, *row.found]],
        "warnings": [sentence for _, sentence in row.warnings],
    }


def _day(text: str | None) -> str:
    return f"{date.fromisoformat(text):%d/%m/%Y}" if text else ""


@require_POST
def commit(request: SignedIn, import_id: int) -> HttpResponse:
    """Write everything that is understood into the register (đưa vào sổ theo dõi)."""
    roster, seat = _load(request.user, import_id)
    if not roster.committed_at and not roster.rows.exists():
        raise Refused("Các dòng chờ nhập của lần này đã được xóa. Đồng chí tải lại danh sách.")
    outcome = roster.commit(by=seat)
    messages.success(
        request,
        f"Đã đưa vào sổ theo dõi: {outcome['new']} đồng chí mới, {outcome['changed']} đồng chí được cập nhật, "
        f"{outcome['same']} đồng chí không thay đổi; để lại {outcome['left']} dòng.",
    )
    return redirect("members:roster_review", roster.pk)
