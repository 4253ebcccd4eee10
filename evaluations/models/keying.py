"""Nhập kết quả từ bản giấy: what a signed paper says becomes a version, in the name of those who signed it.

The ward keys for its own cells: the text is then submitted and confirmed like any other. The workplace keys for
communes that are not on the system: their paper is signed and confirmed already, so the text is confirmed and the
request answered.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from evaluations.models.assessments import (
    Assessment,
    AssessmentQuerySet,
    AssessmentVersion,
    issue_form,
    new_form,
)
from evaluations.models.checks import has_another_keyer, open_contests
from evaluations.models.documents import Document, DocumentFile, new_document
from evaluations.models.requests import EvaluationRequest
from evaluations.rulebooks import CURRENT
from members.models import AuditEvent, Organization, Placement
from members.models.conflicts import refuse_conflict, relatives_on_paper, without_conflicts
from members.names import search_key
from members.roles import Action, Side
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat, User

State = AssessmentVersion.State
NO_BASIS = "n"


@dataclass(frozen=True)
class PaperReply:
    """The commune's own letter on paper, with the forms enclosed."""

    number: str
    issued_on: date


@dataclass(frozen=True)
class Paper:
    """One signed form as somebody reads it."""

    answers: dict[str, Any]
    remarks: str
    met_on: date
    on_paper_on: date
    signer_name: str
    signer_position: str
    reason: str
    note: str = ""
    origin: str = AssessmentVersion.Origin.PAPER
    scan: bytes | None = None
    reply: PaperReply | None = None

    def columns(self) -> dict[str, Any]:
        return {
            "answers": self.answers,
            "remarks": self.remarks,
            "met_on": self.met_on,
            "on_paper_on": self.on_paper_on,
            "signer_name": self.signer_name,
            "signer_position": self.signer_position,
            "paper_reason": self.reason,
            "paper_note": self.note,
            "origin": self.origin,
        }


def within_keyers_reach(user: "User", see: bool = False) -> AssessmentQuerySet:
    """Assessments whose paper this user's office keys: its own cells', or what communes on paper answer to it.

    `see` asks for everybody who may know of them, to tell "not yours" from "not there".
    """
    at_home = user.reach(Action.SEE_RESIDENTS if see else Action.KEY, "placement__commune__", Side.RESIDENCE)
    if see:
        at_home |= user.reach(Action.SEE_RESIDENTS, "placement__cell__", Side.RESIDENCE)
    asked = EvaluationRequest.objects.live().filter(
        user.reach(Action.SEE_MEMBERS if see else Action.KEY, "asker_now__", Side.WORKPLACE),
        assessment=OuterRef("pk"),
    )
    external = Q(placement__commune__kind=Organization.Kind.EXTERNAL)
    return Assessment.objects.filter(
        at_home & Q(placement__cell__isnull=False) | external & Exists(asked.exclude(state="prepared"))
    )


def drafts_within_reach(user: "User") -> "models.QuerySet[Document]":
    """Forms of keyed texts that nobody has confirmed yet: their scans are for those who compare."""
    drafts = Document.objects.filter(
        Q(version__assessment__in=within_keyers_reach(user))
        | Q(version__assessment__in=Assessment.objects.for_residence(user, Action.WRITE))
        | Q(version__assessment__in=Assessment.objects.for_residence(user, Action.CONFIRM)),
        version__keyed_by__isnull=False,
        state__in=[Document.State.DRAFT, Document.State.WITHDRAWN],
    )
    return without_conflicts(drafts, user, "version__assessment__placement__member")


def answered_matters(assessment: Assessment, by: "Seat") -> "models.QuerySet[EvaluationRequest]":
    """What this office has asked about the assessment and what the paper answers."""
    return EvaluationRequest.objects.live().filter(assessment=assessment, asker_now=by.organization_id)


def is_keyed_twice(assessment: Assessment) -> bool:
    """A campaign that asks about this member wants its ratings keyed twice."""
    return EvaluationRequest.objects.live().filter(assessment=assessment, campaign__keyed_twice=True).exists()


@transaction.atomic
def key(assessment: Assessment, paper: Paper, *, by: "Seat", expected: int) -> AssessmentVersion:
    """Keep what the paper says. `expected` is the number of the version the page showed, 0 for none.

    Pressed twice it finds the first. Raises Refused, with nothing changed, when this paper cannot be keyed here.
    """
    placement = assessment.placement
    refuse_conflict(placement.member_id, by)
    _refuse_writer(placement, paper, by)
    Assessment.objects.select_for_update().get(pk=assessment.pk)
    latest = assessment.versions.order_by("-no").first()
    if latest is not None and _is_same(latest, paper):
        return latest
    if (latest.no if latest else 0) != expected:
        raise Refused("Bản giấy này vừa được người khác nhập. Nội dung đồng chí nhập còn nguyên bên dưới để so lại.")
    if latest is not None:
        _make_room(latest, by)
    version = AssessmentVersion.objects.create(
        assessment=assessment,
        no=expected + 1,
        state=State.KEYED,
        rulebook=latest.rulebook if latest else _rulebook(assessment),
        keyed_by=by,
        keyed_at=timezone.now(),
        **paper.columns(),
    )
    AuditEvent.objects.record("AssessmentVersion.key", by=by, on=version, fields=sorted(paper.columns()))
    _file_paper(version, paper, by)
    for contest in open_contests(version):
        contest.settle(f"Đã nhập lại theo bản giấy (bản thứ {version.no}).", by=by, corrected_by=version)
    if not is_keyed_twice(assessment):
        _finish(version, by)
    return version


def _refuse_writer(placement: Placement, paper: Paper, by: "Seat") -> None:
    """The keyer is not the writer: whoever signed the paper writes here himself or lets somebody else key."""
    if search_key(paper.signer_name) == search_key(by.user.full_name):
        raise Refused(
            "Người ký bản giấy không tự nhập. Xin để cán bộ khác nhập; nếu chỉ trùng họ tên, ghi thêm năm sinh sau tên "
            "người ký."
        )
    if search_key(paper.signer_name) in {search_key(name) for name in relatives_on_paper(placement.member)}:
        raise Refused(
            "Bản giấy do chính đảng viên hoặc người thân đã khai ký. Xin chuyển lại nơi cư trú để cấp phó hoặc đảng ủy "
            "nhận xét và ký; nếu chỉ trùng họ tên, ghi thêm năm sinh sau tên người ký."
        )
    if placement.cell_id and by.user.seats.current().filter(organization=placement.cell_id).exists():
        raise Refused("Đồng chí thuộc chi ủy của chi bộ này: xin nhận xét trực tiếp trên hệ thống.")


def _is_same(latest: AssessmentVersion, paper: Paper) -> bool:
    if not latest.keyed_by_id or latest.state in (State.RETURNED, State.REPLACED):
        return False
    return all(getattr(latest, name) == value for name, value in paper.columns().items())


def _make_room(latest: AssessmentVersion, by: "Seat") -> None:
    """What is signed on paper replaces a draft and what was keyed wrongly, never what the cell has sent itself."""
    if latest.state in (State.SUBMITTED, State.CONFIRMED) and not latest.keyed_by_id:
        raise Refused(
            "Chi bộ đã gửi nhận xét này trên hệ thống. Bản giấy khác bản đã gửi thì đề nghị chi bộ bổ sung, hoàn chỉnh."
        )
    if latest.state in (State.DRAFT, State.KEYED, State.SUBMITTED):
        move(latest, State.REPLACED, by=by)
        move_all(Document.objects.filter(version=latest, state="draft"), Document.State.WITHDRAWN, by=by)


def _rulebook(assessment: Assessment) -> str:
    asked = EvaluationRequest.objects.filter(assessment=assessment, campaign__isnull=False).order_by("-pk")
    return asked.values_list("campaign__rulebook", flat=True).first() or CURRENT


def _file_paper(version: AssessmentVersion, paper: Paper, by: "Seat") -> None:
    """The form of the paper: it holds the scan and, until everything agrees, what the covering letter says."""
    is_foreign = not version.assessment.placement.commune.is_on_system
    facts: dict[str, Any] = {}
    if paper.reply:
        facts["reply"] = {"number": paper.reply.number, "issued_on": paper.reply.issued_on.isoformat()}
    form = new_form(version, facts=facts, keyed_by=by if is_foreign else None)
    form.save()
    if paper.scan:
        add_scan(form, paper.scan, by=by)


def add_scan(document: Document, content: bytes, *, by: "Seat") -> DocumentFile:
    """Keep a picture of the paper beside what was keyed; the same bytes once."""
    stored = document.store(DocumentFile.Kind.SCAN, content, 1)
    AuditEvent.objects.record("Document.scan", by=by, on=document, fields=["files"])
    return stored


def _finish(version: AssessmentVersion, by: "Seat") -> None:
    """Everything that had to be keyed is keyed and agrees."""
    if version.assessment.placement.commune.is_on_system:
        # Sent by nobody here: the paper's signer did, and stands in its own columns.
        move(version, State.SUBMITTED, by=by, submitted_by=None, remarks_key=version.copy_key())
        return
    version.replace_confirmed(by=by)
    move(version, State.CONFIRMED, by=by, confirmed_by=None)
    matters = answered_matters(version.assessment, by)
    reply = _reply(version, matters, by)
    issue_form(version, by)
    move_all(matters, EvaluationRequest.State.ANSWERED, by=by, reply=reply)
    move_all(matters, EvaluationRequest.State.RECEIVED, by=by)
    # Keyed anew: the requests were answered before, perhaps by a letter whose number was keyed wrongly.
    matters.filter(state=EvaluationRequest.State.RECEIVED).exclude(reply=reply).update(reply=reply)


def _reply(version: AssessmentVersion, matters: "models.QuerySet[EvaluationRequest]", by: "Seat") -> Document:
    """The commune's letter, one row however many forms it encloses; a form may also have come without one."""
    commune, typed = version.assessment.placement.commune, version.form.facts.get("reply")
    if typed:
        return reply_on_paper(commune, typed["number"], date.fromisoformat(typed["issued_on"]), {}, by=by)
    answered = matters.filter(reply__isnull=False).select_related("reply").first()
    if answered and answered.reply:
        return answered.reply
    assert version.on_paper_on is not None
    return reply_on_paper(commune, "", version.on_paper_on, {}, by=by, about=version)


def reply_on_paper(
    commune: Organization,
    number: str,
    issued_on: date,
    facts: dict[str, Any],
    *,
    by: "Seat",
    about: AssessmentVersion | None = None,
) -> Document:
    """A letter without a number belongs to one form only."""
    sheet = f"version:{about.pk}" if about else f"{issued_on.isoformat()}:{number}"
    key = f"reply:paper:{commune.pk}:{by.organization_id}:{sheet}"
    if known := Document.objects.filter(key=key).first():
        return known
    reply = new_document(
        Document.Genre.REPLY_LETTER,
        key=key,
        issuer=commune,
        recipient=by.organization,
        number=number or None,
        keyed_by=by,
        prepared_by=by,
        abstract="V/v nhận xét đảng viên giữ mối liên hệ nơi cư trú",
        facts=facts,
    )
    reply.save()
    move(reply, Document.State.ISSUED, by=by, issued_on=issued_on)
    return reply


# The second keying


def ratings(version: AssessmentVersion) -> dict[str, str]:
    """{code: chosen step as a form sends it}: what both keyings must agree on."""
    codes = [*(criterion.code for criterion in version.book.criteria), "recommendation"]
    return {code: _choice(version.answer(code)) for code in codes}


def _choice(answer: dict[str, Any]) -> str:
    if answer["no_basis"]:
        return NO_BASIS
    return "" if answer["option"] is None else str(answer["option"])


def differing(version: AssessmentVersion) -> list[str]:
    """Codes on which the two keyings disagree, in the order of the form."""
    again = version.keyed_again
    return [code for code, chosen in ratings(version).items() if again and again.get(code) != chosen]


@transaction.atomic
def key_again(version: AssessmentVersion, chosen: dict[str, str], *, by: "Seat") -> list[str]:
    """Keep the second keying; when it agrees with the first the text goes on, else the codes that differ."""
    refuse_conflict(version.assessment.placement.member_id, by)
    _read_again(version)
    if version.keyed_by and version.keyed_by.user_id == by.user_id and has_another_keyer(by):
        raise Refused("Lần hai do cán bộ khác nhập, để hai lần độc lập với nhau.")
    version.keyed_again, version.keyed_again_at, version.keyed_again_by = chosen, timezone.now(), by
    version.save(update_fields=["keyed_again", "keyed_again_at", "keyed_again_by"])
    AuditEvent.objects.record("AssessmentVersion.key_again", by=by, on=version, fields=["keyed_again"])
    found = differing(version)
    if not found:
        _finish(version, by)
    return found


@transaction.atomic
def settle_keying(version: AssessmentVersion, chosen: dict[str, dict[str, Any]], *, by: "Seat") -> None:
    """Where the keyings differ the paper decides: `chosen` holds the answers as read from it once more."""
    refuse_conflict(version.assessment.placement.member_id, by)
    _read_again(version)
    if set(chosen) != set(differing(version)):
        raise Refused("Các chỗ khác nhau vừa được người khác đối chiếu. Xin tải lại trang.")
    version.answers = {**version.answers, **chosen}
    version.save(update_fields=["answers"])
    AuditEvent.objects.record("AssessmentVersion.settle_keying", by=by, on=version, fields=sorted(chosen))
    _finish(version, by)


def _read_again(version: AssessmentVersion) -> None:
    Assessment.objects.select_for_update().get(pk=version.assessment_id)
    version.refresh_from_db(fields=["state", "answers", "keyed_again", "keyed_by"])
    if version.state != State.KEYED:
        raise Refused("Bản này đã nhập đủ hai lần. Xin tải lại trang.")


# The national portal


@transaction.atomic
def record_portal_result(matter: EvaluationRequest, code: str, on: date, scan: bytes, *, by: "Seat") -> Document:
    """Handed in through procedure 2.002753: its dossier code and result end the chasing."""
    refuse_conflict(matter.member_id, by)
    EvaluationRequest.objects.select_for_update().get(pk=matter.pk)
    reply = reply_on_paper(matter.residence_commune, code, on, {"portal": code}, by=by)
    if not reply.files.exists():
        add_scan(reply, scan, by=by)
    if matter.reply_id != reply.pk:
        move(matter, EvaluationRequest.State.ANSWERED, by=by, reply=reply, dossier_code=code)
        move(matter, EvaluationRequest.State.RECEIVED, by=by)
    return reply
