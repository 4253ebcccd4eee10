"""The two books of Regulation 213: whom a workplace has introduced where, and who keeps contact at a residence.

A line of either is a placement. Lists read the keys of one page from the order of names and join what a line shows
afterwards (members/paging.py); the printed book and the table are made of the same lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.introductions import Introduction
from members.models import Member, Membership, Organization, Placement
from members.models.organizations import next_path
from members.models.placements import PlacementQuerySet
from members.names import search_key
from members.paging import in_order

ORDER = ("member__sort_key", "pk")
Cell = str | int | date | None


@dataclass(frozen=True)
class Wanted:
    """What somebody narrows a book to; every empty field narrows nothing."""

    name: str = ""
    workplace: str = ""
    residence: str = ""
    standing: str = ""
    stage: str = "current"
    from_on: date | None = None
    until_on: date | None = None


def _underway() -> QuerySet[Any]:
    return Introduction.objects.filter(state__in=Introduction.UNDERWAY).values("placement")


STAGES: dict[str, tuple[str, Q]] = {
    "current": ("Đang giữ mối liên hệ", Q(until_on=None)),
    "waiting": ("Chưa phân về chi bộ nơi cư trú", Q(until_on=None, cell=None)),
    "assigned": ("Đã phân về chi bộ nơi cư trú", Q(until_on=None, cell__isnull=False)),
    "underway": ("Đã gửi giấy giới thiệu, chưa tiếp nhận", Q(until_on=None, pk__in=_underway())),
    "ended": ("Đã kết thúc", Q(until_on__isnull=False)),
    "all": ("Tất cả, kể cả đã kết thúc", Q()),
}
STANDINGS = {
    Placement.Standing.ACTIVE: "Tham gia sinh hoạt",
    Placement.Standing.EXEMPT_ACTIVITY: "Miễn sinh hoạt nơi cư trú",
}


@dataclass(frozen=True)
class Line:
    """One line of a book, in the words of the book."""

    placement: Placement
    membership: Membership | None  # where the member works now
    introduction: Introduction | None = None  # the newest that has gone out
    years: tuple[int, ...] = ()  # of which the residence side has confirmed its comment

    @property
    def member(self) -> Member:
        return self.placement.member

    @property
    def residence_cell(self) -> str:
        row = self.placement
        if row.cell:
            return row.cell.name
        return f"{row.cell_as_written} (chưa phân chi bộ)" if row.cell_as_written else "Chưa phân chi bộ"

    @property
    def workplace(self) -> str:
        """As the workplace calls it: the cell."""
        return self.membership.cell.name if self.membership else ""

    @property
    def office(self) -> str:
        """As the residence side knows it: the committee."""
        if not self.membership:
            return ""
        return (self.membership.cell.parent or self.membership.cell).name

    @property
    def introduced_on(self) -> date:
        """The day on the paper; of who came by a list, the day contact began."""
        paper = self.introduction.document if self.introduction else None
        return (paper.issued_on if paper else None) or self.placement.from_on

    @property
    def paper_no(self) -> str:
        """ "05-GGT/ĐU", or "" of who came by a list."""
        paper = self.introduction.document if self.introduction else None
        return paper.numbered if paper else ""

    @property
    def received_on(self) -> date | None:
        """The day the residence side took the member over: as it wrote, into its book, or else into a cell."""
        if self.introduction and self.introduction.accepted_on:
            return self.introduction.accepted_on
        moment = self.placement.accepted_at or self.placement.assigned_at
        return timezone.localdate(moment) if moment else None

    @property
    def standing(self) -> str:
        return STANDINGS[Placement.Standing(self.placement.standing)]

    @property
    def note(self) -> str:
        said = [self.standing]
        if ended := self.placement.until_on:
            said.append(f"kết thúc ngày {ended:%d/%m/%Y}")
        elif self.introduction and self.introduction.state in (*Introduction.UNDERWAY, Introduction.State.RETURNED):
            said.append(f"giấy giới thiệu {self.introduction.get_state_display()}")
        return "; ".join(said)

    @property
    def birth(self) -> Cell:
        return self.member.birth_date or str(self.member.birth_year)


@dataclass(frozen=True)
class Column:
    heading: str
    width: int  # millimetres on landscape A4
    of: Callable[[Line], Cell]


@dataclass(frozen=True)
class Book:
    """What one of the two books is called and which columns it has."""

    code: str
    title: str
    about: str
    columns: tuple[Column, ...]


INTRODUCED = Book(
    "introduced",
    "Sổ theo dõi giới thiệu đảng viên",
    "đang công tác giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú",
    (
        Column("Họ và tên", 32, lambda line: line.member.full_name),
        Column("Ngày sinh", 20, lambda line: line.birth),
        Column("Ngày vào Đảng", 20, lambda line: line.member.joined_on),
        Column("Chi bộ nơi công tác", 28, lambda line: line.workplace),
        Column("Chức vụ", 22, lambda line: line.membership.position if line.membership else ""),
        Column("Giới thiệu đến", 30, lambda line: line.placement.commune.name),
        Column("Chi bộ nơi cư trú", 25, lambda line: line.residence_cell),
        Column("Số giấy", 17, lambda line: line.paper_no),
        Column("Ngày giới thiệu", 20, lambda line: line.introduced_on),
        Column("Ngày tiếp nhận", 20, lambda line: line.received_on),
        Column("Diện, ghi chú", 20, lambda line: line.note),
    ),
)
RESIDENTS = Book(
    "residents",
    "Sổ theo dõi đảng viên giữ mối liên hệ",
    "đảng viên đang công tác được giới thiệu về giữ mối liên hệ nơi cư trú",
    (
        Column("Họ và tên", 36, lambda line: line.member.full_name),
        Column("Ngày sinh", 20, lambda line: line.birth),
        Column("Ngày vào Đảng", 20, lambda line: line.member.joined_on),
        Column("Ngày chính thức", 20, lambda line: line.member.official_on),
        Column("Đơn vị công tác", 43, lambda line: line.office),
        Column("Chi bộ nơi cư trú", 33, lambda line: line.residence_cell),
        Column("Ngày giới thiệu", 20, lambda line: line.introduced_on),
        Column("Ngày tiếp nhận", 20, lambda line: line.received_on),
        Column("Nhận xét các năm", 20, lambda line: ", ".join(map(str, line.years))),
        Column("Diện, ghi chú", 22, lambda line: line.note),
    ),
)
BOOKS = {book.code: book for book in (INTRODUCED, RESIDENTS)}


def placements_in(book: Book, place: Organization, wanted: Wanted) -> PlacementQuerySet:
    """The lines of the book of one organisation, without order and without what is joined to them."""
    rows = _introduced_by(place) if book is INTRODUCED else _residing_at(place)
    rows = rows.filter(STAGES[wanted.stage][1])
    for word in search_key(wanted.name).split():
        rows = rows.filter(member__search_key__contains=word)
    if words := search_key(wanted.workplace):
        named = Membership.objects.filter(_called(words, "cell__") | _called(words, "cell__parent__"), until_on=None)
        rows = rows.filter(member__in=named.values("member_id"))
    if words := search_key(wanted.residence):
        places = Organization.objects.filter(_called(words)).values("pk")
        rows = rows.filter(Q(commune__in=places) | Q(cell__in=places) | Q(cell_written_key__contains=words))
    if wanted.standing:
        rows = rows.filter(standing=wanted.standing)
    if wanted.from_on:
        rows = rows.filter(from_on__gte=wanted.from_on)
    if wanted.until_on:
        rows = rows.filter(from_on__lte=wanted.until_on)
    return rows


def _introduced_by(place: Organization) -> PlacementQuerySet:
    """Of members who belong to a workplace cell at or below the place now."""
    cells = Q(cell__path__gte=place.path, cell__path__lt=next_path(place.path))
    return Placement.objects.filter(member__in=Membership.objects.filter(cells, until_on=None).values("member_id"))


def _residing_at(place: Organization) -> PlacementQuerySet:
    if place.kind == Organization.Kind.CELL:
        return Placement.objects.filter(cell=place)
    if place.unit:
        return Placement.objects.filter(commune=place)
    return Placement.objects.filter(commune__path__gte=place.path, commune__path__lt=next_path(place.path))


def _called(words: str, prefix: str = "") -> Q:
    found = Q()
    for word in words.split():
        found &= Q(**{f"{prefix}search_key__contains": word})
    return found


def lines(ids: list[int], book: Book) -> list[Line]:
    """The lines of these placements in their order: three queries, four with the years, however many."""
    now = Membership.objects.filter(until_on=None).select_related("cell__parent")
    rows = Placement.objects.select_related("member", "commune", "cell").prefetch_related(
        Prefetch("member__memberships", now)
    )
    years = _confirmed_years(ids) if book is RESIDENTS else {}
    papers = _introductions(ids)
    return [
        Line(row, next(iter(row.member.memberships.all()), None), papers.get(row.pk), tuple(years.get(row.pk, ())))
        for row in in_order(rows, ids)
    ]


def _introductions(ids: list[int]) -> dict[int, Introduction]:
    """{placement: the newest introduction to it that has gone out}"""
    sent = Introduction.objects.filter(placement__in=ids, issued_at__isnull=False).select_related("document")
    return {row.placement_id: row for row in sent.order_by("pk")}


def _confirmed_years(ids: list[int]) -> dict[int, list[int]]:
    confirmed = AssessmentVersion.objects.filter(state="confirmed", assessment__placement__in=ids)
    found: dict[int, list[int]] = {}
    rows = confirmed.order_by("assessment__year").values_list("assessment__placement", "assessment__year")
    for placement, year in rows:
        found.setdefault(placement, []).append(year)
    return found
