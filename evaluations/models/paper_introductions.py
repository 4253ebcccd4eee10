"""An introduction that reached the commune on paper, from a workplace that is not on the system."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from evaluations.models.documents import Document, new_document
from evaluations.models.introduction_facts import ABSTRACT
from evaluations.models.introductions import Introduction
from evaluations.models.keying import add_scan
from evaluations.rulebooks import load
from evaluations.working_days import shifted
from members.models import AuditEvent, Member, Organization, Placement, RosterImport, StagedRow
from members.roster import Roster
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat

SOURCE = "Ghi tay từ giấy giới thiệu"


@dataclass(frozen=True)
class PaperIntroduction:
    """What stands on the paper and in the book; the person is read like the row of a list."""

    workplace: Organization
    number: str
    dated_on: date
    person: Roster
    is_exempt: bool = False
    registered_no: str = ""
    scan: bytes | None = None
    # Somebody else of the same name is in the register already.
    is_other_person: bool = False


@transaction.atomic
def enter_on_paper(commune: Organization, said: PaperIntroduction, *, by: "Seat") -> Introduction:
    """The member, the paper and the introduction, which goes on like all others. Raises Refused; nothing half-done."""
    if said.workplace.is_on_system:
        raise Refused("Đảng ủy này dùng hệ thống: đề nghị họ phát hành giấy giới thiệu trên hệ thống.")
    member = _member(commune, said, by)
    if Introduction.objects.live().filter(member=member).exists():
        raise Refused("Đồng chí này đã có giấy giới thiệu trong sổ. Tìm ở trang Giấy giới thiệu.")
    placement = Placement.objects.current().get(member=member)
    if said.is_exempt and placement.standing != Placement.Standing.EXEMPT_ACTIVITY:
        # The paper says the class, never the reason.
        placement.set_standing(Placement.Standing.EXEMPT_ACTIVITY, since=said.dated_on, by=by)
    paper = _paper(commune, said, member, by)
    row = Introduction.objects.create(
        member=member, workplace=said.workplace, commune=commune, placement=placement, document=paper, prepared_by=by
    )
    due_on = shifted(timezone.localdate(), load().introduction_days)
    move(row, Introduction.State.ISSUED, by=by, due_on=due_on)
    move(row, Introduction.State.AT_COMMUNE, by=by)
    if said.scan:
        add_scan(paper, said.scan, by=by)
    AuditEvent.objects.record("Introduction.enter_on_paper", by=by, on=row, fields=["number", "dated_on"])
    return row


def _member(commune: Organization, said: PaperIntroduction, by: "Seat") -> Member:
    """By the rules of every list that a commune receives: found, written anew, or a question and nothing written."""
    staged = RosterImport.objects.stage(said.workplace, said.person, SOURCE, by=by, commune=commune)
    rows = list(staged.rows.all())
    if len(rows) != 1:
        raise Refused("Chưa đọc được họ tên, ngày sinh trên giấy. Xin kiểm tra lại.")
    row = rows[0]
    if said.is_other_person:
        StagedRow.objects.filter(pk=row.pk).update(is_other_person=True)
    staged.commit(by=by)
    if not staged.written:
        raise Refused(" ".join(row.sentences) or "Chưa ghi được đồng chí này. Xin kiểm tra lại.")
    member: Member = staged.written[0]
    return member


def _paper(commune: Organization, said: PaperIntroduction, member: Member, by: "Seat") -> Document:
    paper = new_document(
        Document.Genre.INTRODUCTION,
        key=f"introduction:paper:{said.workplace.pk}:{said.dated_on}:{member.pk}:{said.number}",
        issuer=said.workplace,
        recipient=commune,
        number=said.number,
        keyed_by=by,
        prepared_by=by,
        registered_no=said.registered_no,
        registered_at=timezone.now(),
        registered_by=by,
        abstract=ABSTRACT,
        facts={"to": commune.name, "year": said.dated_on.year},
    )
    if Document.objects.filter(key=paper.key).exists():
        raise Refused("Giấy giới thiệu này đã được vào sổ.")
    paper.save()
    move(paper, Document.State.ISSUED, by=by, issued_on=said.dated_on)
    return paper
