"""What a move of a member would do to the requests that are open about him; reads only.

The page and the verb (moves.py) ask the same `plan_of`, so that what was shown is what happens. Every open request
ends with one owner: it stands, goes elsewhere, is split by period, or is cancelled.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.campaigns import Campaign
from evaluations.models.eligibility import months_before
from evaluations.models.introductions import Introduction
from evaluations.models.letters import Letter
from evaluations.models.requests import EvaluationRequest, RequestQuerySet
from evaluations.rulebooks import load
from members.models import Member, Organization

State = EvaluationRequest.State
NO_RESIDENCE = "no_residence"  # end code: taken back until somebody knows where he lives now


class Kind(models.TextChoices):
    RESIDENCE = "residence", "chuyển nơi cư trú"
    CORRECTION = "correction", "ghi lại nơi cư trú cho đúng"
    CELL = "cell", "chuyển chi bộ trong đảng ủy"
    TRANSFER = "transfer", "chuyển công tác sang đảng ủy khác"
    OUTSIDE = "outside", "chuyển công tác ra ngoài hệ thống"
    RETIRED = "retired", "nghỉ hưu"
    DIED = "died", "từ trần"
    LEFT = "left", "ra khỏi Đảng"
    ABROAD = "abroad", "chuyển sinh hoạt đảng ra nước ngoài"


SETTLING = (Kind.RESIDENCE, Kind.CORRECTION)
# Who works or lives elsewhere is introduced anew (domain 2.3).
INTRODUCTION_ENDS = {
    Kind.RESIDENCE: Introduction.End.MOVED,
    Kind.CORRECTION: Introduction.End.MOVED,
    Kind.TRANSFER: Introduction.End.LEFT,
    Kind.OUTSIDE: Introduction.End.LEFT,
    Kind.RETIRED: Introduction.End.RETIRED,
    Kind.DIED: Introduction.End.DECEASED,
    Kind.LEFT: Introduction.End.OUT,
    Kind.ABROAD: Introduction.End.OUT,
}
# Nobody at home goes on keeping contact with them.
GONE = (Kind.RETIRED, Kind.DIED, Kind.LEFT, Kind.ABROAD)


class Effect(models.TextChoices):
    STANDS = "stands", "Giữ nguyên"
    REDIRECTED = "redirected", "Gửi đến nơi mới"
    RESENT = "resent", "Đề nghị nơi mới"
    SPLIT = "split", "Hỏi cả hai nơi"
    PASSED_ON = "passed_on", "Chuyển theo đồng chí"
    CANCELLED = "cancelled", "Hủy đề nghị"


@dataclass(frozen=True)
class Move:
    """What an officer wants to write down."""

    member: Member
    kind: Kind
    on: date
    commune: Organization | None = None  # None: nobody knows yet
    words: str = ""  # tổ dân phố, thôn as he says it
    address: str = ""
    cell: Organization | None = None
    committee: Organization | None = None  # that takes over
    position: str = ""
    note: str = ""


@dataclass(frozen=True)
class Consequence:
    """What becomes of one request."""

    matter: EvaluationRequest
    effect: Effect
    words: str  # the sentence that the officer reads
    old_part: str = ""
    new_part: str = ""


@dataclass(frozen=True)
class Plan:
    change: Move
    consequences: list[Consequence]
    introductions: list[Introduction]  # that are over with it

    @property
    def touched(self) -> list[EvaluationRequest]:
        return [row.matter for row in self.consequences if row.effect != Effect.STANDS]

    @property
    def seal(self) -> str:
        """Tells whether what somebody was shown is what would happen now."""
        said = [(row.matter.pk, row.matter.state, row.effect, row.old_part, row.new_part) for row in self.consequences]
        # Into which cell the new committee takes somebody changes nothing for the requests.
        cell = self.change.cell if self.change.kind == Kind.CELL else None
        places = (self.change.commune, cell, self.change.committee)
        targets = [place.pk if place else None for place in places]
        papers = [(row.pk, row.state) for row in self.introductions]
        text = repr((self.change.kind, self.change.on.isoformat(), targets, said, papers))
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def plan_of(change: Move) -> Plan:
    """Every request that is open about the member, with what becomes of it; few queries."""
    decide = _at_residence if change.kind in SETTLING else _at_work
    found = [decide(change, matter) for matter in open_matters(change.member)]
    live = Introduction.objects.live().filter(member=change.member).select_related("commune", "document")
    papers = list(live.order_by("pk")) if change.kind in INTRODUCTION_ENDS else []
    return Plan(change, [row for row in found if row], papers)


def open_matters(member: Member) -> RequestQuerySet:
    """Live requests about a member, and those of open campaigns that nobody has asked anew since they came back."""
    ended = Q(state=State.DECLINED) | Q(state=State.CANCELLED, end_code=NO_RESIDENCE)
    waiting = ended & Q(campaign__state=Campaign.State.OPEN, replaced_by=None, set_aside_at=None)
    live = ~Q(state__in=[*EvaluationRequest.ENDED, State.NO_REPLY, State.CONSIDERED])
    confirmed = AssessmentVersion.objects.filter(assessment=OuterRef("assessment"), state="confirmed")
    gone = Letter.objects.filter(document=OuterRef("letter"), state=Letter.State.SENT)
    return (
        EvaluationRequest.objects.filter(live | waiting, member=member)
        .select_related("campaign", "placement", "residence_commune", "residence_cell", "asker_now", "letter")
        .annotate(is_confirmed=Exists(confirmed), is_sent=Exists(gone))
        .order_by("pk")
    )


# At residence


def _at_residence(change: Move, matter: EvaluationRequest) -> Consequence | None:
    if matter.state in (State.DECLINED, State.CANCELLED):
        return _anew(change, matter) if change.commune else None
    if matter.state == State.PREPARED:
        return _unsent(change, matter)
    if matter.state not in EvaluationRequest.UNANSWERED:
        return Consequence(matter, Effect.STANDS, "Nơi cư trú đã trả lời; nhận xét này giữ nguyên giá trị.")
    if getattr(matter, "is_confirmed", False):
        return Consequence(matter, Effect.STANDS, "Đảng ủy đã xác nhận nhận xét; chờ công văn trả lời như cũ.")
    if matter.campaign is None or matter.asker_now_id != matter.campaign.committee_id:
        return _of_another_letter(matter)
    if change.commune and change.commune.pk == matter.residence_commune_id and matter.state != State.AT_CELL:
        return Consequence(matter, Effect.REDIRECTED, f"{change.commune.name} phân về chi bộ theo nơi ở mới.")
    if matter.state == State.AT_CELL or (
        not matter.residence_commune.is_on_system and getattr(matter, "is_sent", False)
    ):
        return _by_period(change, matter)
    return _anew(change, matter)


def _unsent(change: Move, matter: EvaluationRequest) -> Consequence:
    if change.commune is None:
        return Consequence(matter, Effect.CANCELLED, f"Công văn chưa phát hành: bỏ tên khỏi danh sách. {_LATER}")
    if change.commune.pk == matter.residence_commune_id:
        return Consequence(matter, Effect.REDIRECTED, "Công văn chưa phát hành: ghi lại nơi ở mới trong danh sách.")
    return Consequence(
        matter, Effect.REDIRECTED, f"Công văn chưa phát hành: chuyển tên sang công văn gửi {change.commune.name}."
    )


_LATER = "Khi biết nơi cư trú mới, ghi vào sổ thì hệ thống đề nghị lại."


def _anew(change: Move, matter: EvaluationRequest) -> Consequence:
    """The old place has nothing to say, or not yet: the new one is asked instead."""
    if matter.state in EvaluationRequest.ENDED:
        assert change.commune is not None
        return Consequence(
            matter, Effect.RESENT, f"Trước đây chuyển lại: nay đề nghị {change.commune.name}; {_SIGNING}."
        )
    took = f"Thôi đề nghị {matter.residence_commune.name}{_ring(matter)}."
    if change.commune is None:
        return Consequence(matter, Effect.CANCELLED, f"{took} {_LATER}")
    return Consequence(matter, Effect.RESENT, f"{took} Đề nghị {change.commune.name}: {_SIGNING}.")


_SIGNING = "công văn mới đưa vào tập trình ký"


def _ring(matter: EvaluationRequest) -> str:
    """Whoever holds a sheet of paper must be told by telephone."""
    commune = matter.residence_commune
    if commune.is_on_system:
        return ""
    return f" (đã gửi giấy: gọi điện báo{f', {commune.phone}' if commune.phone else ''})"


def _of_another_letter(matter: EvaluationRequest) -> Consequence:
    """Asked on paper by others, or by the workplace before this one: no letter of ours can ask about it again."""
    return Consequence(matter, Effect.STANDS, "Nơi cư trú cũ trả lời theo công văn đã nhận.")


def _by_period(change: Move, matter: EvaluationRequest) -> Consequence:
    """The cell has it: whoever knew him long enough writes about his own part of the year (rulebook; V19)."""
    first, last = bounds(matter)
    is_over = matter.placement.until_on is not None  # moved before, and nobody knew then where to
    if change.kind == Kind.CORRECTION and not is_over:
        return _anew(change, matter)
    left = matter.placement.until_on or change.on - timedelta(days=1)
    months = (matter.campaign.book if matter.campaign else load()).both_from_months
    where = matter.residence_cell.name if matter.residence_cell else matter.residence_commune.name
    if not _long_enough(first, min(left, last), months):
        return _anew(change, matter)
    if left >= last:
        return Consequence(matter, Effect.STANDS, f"{where} nhận xét như cũ, vì đã ở đó suốt thời gian được hỏi.")
    if change.commune is None:
        return Consequence(matter, Effect.STANDS, f"{where} vẫn nhận xét thời gian đã ở đó. {_LATER}")
    if not _long_enough(change.on, last, months):
        return Consequence(
            matter, Effect.STANDS, f"{where} nhận xét như cũ: ở nơi mới chưa đủ {months} tháng trong năm."
        )
    words = (
        f"{where} nhận xét từ {first:%d/%m/%Y} đến {left:%d/%m/%Y}; {change.commune.name} nhận xét từ "
        f"{change.on:%d/%m/%Y} đến {last:%d/%m/%Y}: {_SIGNING}."
    )
    return Consequence(matter, Effect.SPLIT, words, _part(first, left), _part(change.on, last))


def bounds(matter: EvaluationRequest) -> tuple[date, date]:
    """First and last day that a request asks about."""
    first, _, last = matter.part.partition("..")
    if last:
        return date.fromisoformat(first), date.fromisoformat(last)
    return date(matter.year, 1, 1), date(matter.year, 12, 31)


def _part(first: date, last: date) -> str:
    return f"{first.isoformat()}..{last.isoformat()}"


def _long_enough(first: date, last: date, months: int) -> bool:
    return months_before(last + timedelta(days=1), months) >= first


# At the workplace


def _at_work(change: Move, matter: EvaluationRequest) -> Consequence | None:
    if matter.state in EvaluationRequest.ENDED:
        return None
    if change.kind == Kind.TRANSFER and change.committee:
        return _passed_on(matter, change.committee)
    if change.kind == Kind.CELL:
        return Consequence(matter, Effect.STANDS, f"Vẫn do {matter.asker_now.name} đề nghị và nhận trả lời.")
    if matter.state == State.PREPARED:
        return Consequence(matter, Effect.CANCELLED, "Công văn chưa phát hành: bỏ tên khỏi danh sách.")
    if matter.state in EvaluationRequest.UNANSWERED:
        took = f"Thôi đề nghị {matter.residence_commune.name}{_ring(matter)}, lý do: {change.kind.label}."
        return Consequence(matter, Effect.CANCELLED, f"{took} Không nhắc việc nữa.")
    return Consequence(matter, Effect.STANDS, "Nơi cư trú đã trả lời; nhận xét giữ trong hồ sơ.")


def _passed_on(matter: EvaluationRequest, committee: Organization) -> Consequence:
    """The asker changes, the text travels; whoever takes the member over has to read and use it (peers 4.5)."""
    if matter.state == State.PREPARED:
        return Consequence(
            matter, Effect.CANCELLED, "Công văn chưa phát hành: bỏ tên khỏi danh sách, nơi mới tự đề nghị."
        )
    if matter.incoming_id:
        return Consequence(matter, Effect.STANDS, "Trả lời theo công văn giấy đã nhận.")
    has_come = matter.state not in EvaluationRequest.UNANSWERED
    words = "đọc và sử dụng nhận xét đã có" if has_come else "nhận trả lời; nơi cư trú không phải làm lại"
    return Consequence(matter, Effect.PASSED_ON, f"{committee.name} {words}.")
