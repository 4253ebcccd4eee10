"""What becomes of a Giấy giới thiệu at residence: the book, the cell, the acceptance, the counterpart that returns."""

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evaluations.models.documents import Document
from evaluations.models.introduction_facts import counterpart_document
from evaluations.models.introductions import Introduction, IntroductionQuerySet
from evaluations.models.keying import add_scan
from evaluations.models.letters import Letter, letter_for, notice_to_cell
from evaluations.models.requests import EvaluationRequest, decline
from members.models import AuditEvent, Organization, Placement
from members.models.conflicts import conflicts_of
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat

State = Introduction.State


@transaction.atomic
def enter(rows: IntroductionQuerySet, numbers: dict[int, str], *, by: "Seat") -> int:
    """The commune enters papers in its book ({introduction: số đến}); how many. Entered ones stay as they are."""
    own = rows.filter(commune=by.organization_id).to_register()
    held = list(own.select_for_update(of=("self",)).values_list("pk", "document"))
    for pk, document in held:
        Document.objects.filter(pk=document, registered_at=None).update(
            registered_no=numbers.get(pk, ""), registered_at=timezone.now(), registered_by=by
        )
    return move_all(Introduction.objects.filter(pk__in=[pk for pk, _ in held]), State.AT_COMMUNE, by=by)


@transaction.atomic
def assign(chosen: dict[Introduction, Organization], *, by: "Seat") -> int:
    """Give members to residence cells of the commune, which are told; how many introductions moved.

    One that is at a cell already goes to the other cell without a step of its own.
    """
    moved = 0
    by_cell: dict[Organization, list[Introduction]] = {}
    for row, cell in chosen.items():
        if row.commune_id != by.organization_id:
            raise Refused("Giấy giới thiệu này gửi cho đơn vị khác.")
        row.placement.assign(cell, by=by)
        by_cell.setdefault(cell, []).append(row)
    for cell, rows in by_cell.items():
        ids = [row.pk for row in rows]
        moved += move_all(Introduction.objects.filter(pk__in=ids), State.ASSIGNED, by=by, cell=cell)
        Introduction.objects.filter(pk__in=ids, state=State.ASSIGNED).exclude(cell=cell).update(cell=cell)
        Placement.objects.filter(introductions__in=ids).update(origin=Placement.Origin.INTRODUCTION)
        # What is asked about these people goes where they go.
        asked = EvaluationRequest.objects.filter(
            placement__in=[row.placement_id for row in rows], state=EvaluationRequest.State.AT_CELL
        )
        asked.exclude(residence_cell=cell).update(residence_cell=cell)
        # An introduction comes to a cell once, so its number names the batch.
        notice_to_cell(cell, Letter.Kind.NEWCOMER, f"cell:{cell.pk}:from:{min(ids)}", {"count": len(ids)})
    return moved


@transaction.atomic
def accept(rows: IntroductionQuerySet, on: date, *, by: "Seat") -> int:
    """The cell has received these members (đã tiếp nhận); how many. The commune may enter it for a cell on paper."""
    if on > timezone.localdate():
        raise Refused("Ngày tiếp nhận chưa tới. Xin kiểm tra lại.")
    place = by.organization_id
    own = rows.filter(Q(cell=place) | Q(commune=place)).to_accept()
    ids = list(own.select_for_update(of=("self",)).values_list("pk", flat=True))
    if Introduction.objects.filter(pk__in=ids, member__in=list(conflicts_of(by.user))).exists():
        raise Refused(
            "Đồng chí không tự tiếp nhận mình, người thân của mình. Bỏ dấu ở đồng chí ấy, để đồng chí khác trong chi "
            "ủy tiếp nhận."
        )
    Placement.objects.filter(introductions__in=ids).update(accepted_at=timezone.now(), accepted_by=by)
    return move_all(Introduction.objects.filter(pk__in=ids), State.ACCEPTED, by=by, accepted_on=on)


@transaction.atomic
def give_back(row: Introduction, code: str, note: str, *, by: "Seat") -> int:
    """The commune sends it back to the workplace: not a resident, moved, address unknown.

    The place of contact ends with it, and what is asked about the member here goes back for the same reason; how many
    requests did.
    """
    if row.commune_id != by.organization_id:
        raise Refused("Giấy giới thiệu này gửi cho đơn vị khác.")
    move(row, State.RETURNED, by=by, return_code=code, return_note=note)
    row.placement.end(by=by)
    asked = [EvaluationRequest.State.AT_COMMUNE, EvaluationRequest.State.AT_CELL]
    open_requests = EvaluationRequest.objects.filter(placement=row.placement_id, state__in=asked)
    return decline(open_requests, code, note, by=by)


@transaction.atomic
def tell_workplaces(rows: Collection[Introduction]) -> None:
    """One notice to each workplace on the system: something it introduced came back."""
    for workplace_id in {row.workplace_id for row in rows if row.workplace.is_on_system}:
        own = [row for row in rows if row.workplace_id == workplace_id]
        Letter.objects.get_or_create(
            key=f"{Letter.Kind.ATTENTION}:introduction:{min(row.pk for row in own)}",
            defaults={
                "kind": Letter.Kind.ATTENTION,
                "channel": Letter.Channel.EMAIL,
                "recipient_id": workplace_id,
                "facts": {"count": len(own)},
            },
        )


@transaction.atomic
def issue_counterparts(
    commune: Organization, *, by: "Seat", only: Collection[int] | None = None, signature: dict[str, str] | None = None
) -> int:
    """The commune signs the halves of the papers that go back (phần tiếp nhận); how many. Twice sends nothing twice."""
    Organization.objects.select_for_update(no_key=True).get(pk=commune.pk)
    waiting = Introduction.objects.filter(commune=commune).to_return()
    rows = list((waiting if only is None else waiting.filter(pk__in=only)).listed())
    bound = conflicts_of(by.user)
    if any(row.member_id in bound for row in rows):
        raise Refused("Đồng chí không ký phần tiếp nhận của mình, của người thân. Bỏ dấu ở đó, để đồng chí khác ký.")
    told: set[int] = set()
    for row in rows:
        paper = counterpart_document(row, by, signature)
        paper.save()
        move(paper, Document.State.ISSUED, by=by, issued_on=timezone.localdate())
        row.counterpart = paper
        row.save(update_fields=["counterpart"])
        letter = letter_for(
            paper, Letter.Kind.RECEIPT, {"count": sum(r.workplace_id == row.workplace_id for r in rows)}
        )
        # One notice to each workplace; to those on paper each sheet is sent.
        if letter.channel == Letter.Channel.PRINT or row.workplace_id not in told:
            letter.save()
        told.add(row.workplace_id)
    if rows:
        ids = [row.pk for row in rows]
        AuditEvent.objects.record_many("Introduction.counterpart", by=by, model=Introduction, ids=ids)
    return len(rows)


@transaction.atomic
def key_counterpart(row: Introduction, on: date, cell: str, *, by: "Seat", scan: bytes | None = None) -> None:
    """What came back on paper from a commune that is not on the system, with the words on it."""
    if row.commune.is_on_system:
        raise Refused("Đảng ủy nơi cư trú dùng hệ thống: phần tiếp nhận về đây khi họ ký.")
    assert row.document is not None
    if row.document.issued_on and not row.document.issued_on <= on <= timezone.localdate():
        raise Refused("Ngày tiếp nhận phải từ ngày giấy giới thiệu đến hôm nay. Xin kiểm tra lại.")
    move(row, State.ACCEPTED, by=by, accepted_on=on, cell_as_written=cell, accepted_keyed_by=by)
    row.placement.accept_on_paper(cell, by=by)
    if scan:
        add_scan(row.document, scan, by=by)
