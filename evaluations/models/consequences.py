"""What would follow from a change of organisations, counted before anybody confirms it."""

import hashlib
from dataclasses import dataclass

from django.db.models import Count, Q

from evaluations.models import succession
from evaluations.models.changes import Change, Kind
from evaluations.models.documents import Document, NumberSeries
from evaluations.models.reorganizations import Reorganization
from members.models import Membership, Organization, Placement, Seat
from members.models.placements import PlacementQuerySet


@dataclass(frozen=True)
class Line:
    count: int
    label: str
    words: str


def consequences(change: Change) -> list[Line]:
    """Everything that is touched, in the order in which somebody would ask; nothing that stays as it is."""
    return [line for line in (*_below(change), *_people(change), *_work(change), *_papers(change)) if line.count]


def seal(change: Change, lines: list[Line]) -> str:
    """Tells whether what somebody was shown is what would happen now."""
    said = (change.kind, change.on, sorted(row.pk for row in change.touched), change.names, change.chosen, lines)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:20]


def receiver(change: Change) -> str:
    """Under which name everything goes on."""
    if change.kind == Kind.MOVE and change.parent:
        return change.parent.name
    return change.names.get("name", "") or change.organization.name


def _moving(change: Change) -> list[Organization]:
    """The organisations whose people and work are concerned."""
    if change.kind == Kind.ADD:
        return []
    if change.kind == Kind.SPLIT:
        found = Organization.objects.filter(parent=change.organization, pk__in=change.chosen)
        return list(found) if change.organization.may_have_below else []
    return change.ending or [change.organization]


def _below(change: Change) -> list[Line]:
    if change.kind == Kind.SPLIT and change.organization.may_have_below:
        return [Line(len(_moving(change)), "tổ chức trực thuộc", f"chuyển sang {receiver(change)}")]
    if change.kind == Kind.MERGE:
        below = Organization.objects.filter(parent__in=change.ending, closed_on=None)
        return [
            Line(below.count(), "tổ chức trực thuộc", f"chuyển về {receiver(change)}, giữ nguyên tên"),
            Line(_twins(change), "chi bộ sẽ trùng tên nhau", "nên đổi tên sau khi sáp nhập"),
        ]
    if change.kind == Kind.MOVE:
        branch = Organization.objects.below(change.organization).filter(closed_on=None).count() - 1
        return [Line(branch, "tổ chức trực thuộc", "đi cùng")]
    return []


def _twins(change: Change) -> int:
    """Names that two of the organisations have below them."""
    parents = [*change.ending, *([] if change.makes_new else [change.organization])]
    below = Organization.objects.filter(parent__in=parents, closed_on=None)
    return below.order_by().values("name").annotate(n=Count("pk")).filter(n__gt=1).count()


def placements(change: Change) -> PlacementQuerySet:
    """Current places of contact that the change is about."""
    current = Placement.objects.current()
    if change.kind == Kind.SPLIT and not change.organization.may_have_below:
        return current.filter(cell=change.organization, pk__in=change.chosen)
    moving = _moving(change)
    return current.filter(Q(commune__in=moving) | Q(cell__in=moving))


def _people(change: Change) -> list[Line]:
    if change.kind == Kind.ADD:
        return []
    stays = change.kind in (Kind.RENAME, Kind.JOIN)
    words = "giữ nguyên nơi giữ mối liên hệ" if stays else f"giữ mối liên hệ tại {receiver(change)}"
    if change.kind == Kind.MERGE and change.organization.kind == Organization.Kind.CELL:
        words = f"thuộc {receiver(change)}"
    colleagues = Membership.objects.filter(until_on=None, cell__in=_moving(change))
    if change.kind == Kind.SPLIT and change.organization.kind == Organization.Kind.CELL:
        colleagues = Membership.objects.filter(until_on=None, cell=change.organization, pk__in=change.chosen)
        if change.organization.side == Organization.Side.RESIDENCE:
            colleagues = colleagues.none()
    return [
        Line(placements(change).count(), "đảng viên đang giữ mối liên hệ", words),
        Line(colleagues.count(), "đảng viên đang sinh hoạt", "giữ nguyên" if stays else f"thuộc {receiver(change)}"),
    ]


def _work(change: Change) -> list[Line]:
    matters = succession.open_matters(_moving(change))
    if change.kind == Kind.SPLIT and not change.organization.may_have_below:
        matters = succession.lasting().filter(placement__in=placements(change).values("pk"))
    stays = change.kind in (Kind.RENAME, Kind.JOIN)
    seats = Seat.objects.current(change.on).filter(organization__in=change.ending)
    goes = f"{receiver(change)} làm tiếp, không ai phải gửi lại"
    kept = f"tiếp tục tại {receiver(change)}" if change.keeps_seats else "kết thúc"
    return [
        Line(matters.count(), "đề nghị nhận xét chưa xong", "giữ nguyên" if stays else goes),
        Line(seats.count(), "nhiệm vụ đang giao", kept if change.kind == Kind.MERGE else "kết thúc"),
    ]


def _papers(change: Change) -> list[Line]:
    books = NumberSeries.objects.filter(organization__in=change.ending).select_related("organization")
    numbers = "; ".join(
        f"sổ {row.genre_sign} của {row.organization.name} dừng trước số {row.next_no:02d}" for row in books
    )
    named = Q(recipient__in=_moving(change)) | Q(issuer__in=_moving(change))
    waiting = Document.objects.filter(named, state=Document.State.FOR_SIGNATURE) if change.kind != Kind.JOIN else None
    planned = (
        Reorganization.objects.planned().filter(organization__in=change.touched) if change.kind != Kind.ADD else None
    )
    return [
        Line(len(books), "sổ cấp số kết thúc", f"{numbers}; {receiver(change)} ghi tiếp sổ của mình"),
        Line(waiting.count() if waiting else 0, "công văn đang trình ký", "trả lại người soạn để ghi đúng tên mới"),
        Line(planned.count() if planned else 0, "việc sắp xếp khác đã lên kế hoạch", "kiểm tra lại ở trang tổ chức"),
    ]
