"""What one request has been through: its steps, who was reminded of them and who was told of the delay, more time.

Reminders are digests without names, so which of them spoke of this request follows from where it lay when they went
out: the same rows are counted there (evaluations/steps.py), and nothing has to be kept beside them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils import timezone

from evaluations.ladder import Rung, first_after
from evaluations.models import AssessmentVersion, EvaluationRequest, Extension, Letter
from evaluations.models.deadlines import inner_due_on
from evaluations.working_days import shifted
from members.models import Organization

HOW = {Letter.Channel.EMAIL: "thư điện tử", Letter.Channel.SMS: "tin nhắn", Letter.Channel.CALL: "gọi điện"}
LABELS = {
    Rung.OWNER: "Nhắc việc",
    Rung.DEPUTY: "Nhắc thêm cấp phó",
    Rung.ABOVE: "Báo cấp trên về việc chậm",
    Rung.ASKER: "Báo nơi công tác về việc chậm",
}


@dataclass(frozen=True)
class Event:
    label: str
    at: datetime | None
    unit: str


@dataclass(frozen=True)
class Stay:
    """Where the request lay, waiting for one step."""

    step: str
    owner: Organization
    above: int | None
    since: datetime
    until: datetime | None


def timeline(matter: EvaluationRequest) -> list[Event]:
    """In the order in which it happened; what has not happened yet comes last."""
    prefetch_related_objects([matter], "extensions")
    events = [*_steps(matter), *_reminders(matter), *_extensions(matter)]
    done = sorted((event for event in events if event.at), key=lambda event: event.at or timezone.now())
    return done + [event for event in events if not event.at]


def _steps(matter: EvaluationRequest) -> list[Event]:
    """At which office; persons of the other side are not named."""
    cell = matter.residence_cell.name if matter.residence_cell else ""
    rows = [
        ("Phát hành công văn đề nghị", matter.issued_at, matter.asked_by.name),
        ("Vào sổ công văn đến", matter.at_commune_at, matter.residence_commune.name),
        ("Phân về chi bộ", matter.at_cell_at, cell),
        ("Trả lời", matter.answered_at, matter.residence_commune.name),
        ("Nơi công tác nhận", matter.received_at, matter.asker_now.name),
        ("Sử dụng khi kiểm điểm", matter.considered_at, matter.asker_now.name),
    ]
    return [Event(label, at, unit if at else "") for label, at, unit in rows]


def _reminders(matter: EvaluationRequest) -> Iterator[Event]:
    stays = {stay.step: stay for stay in _stays(matter)}
    if not stays:
        return
    told = {stay.owner.pk for stay in stays.values()} | {stay.above for stay in stays.values()} | {matter.asker_now_id}
    sent = Letter.objects.filter(
        kind=Letter.Kind.REMINDER,
        state=Letter.State.SENT,
        recipient__in=[place for place in told if place],
        reminds_on__gte=timezone.localdate(min(stay.since for stay in stays.values())),
    )
    seen = set()
    for letter in sent.select_related("recipient").order_by("sent_at", "pk"):
        for line in letter.facts.get("lines", ()):
            step, _, rung = line["step"].partition(":")
            stay = stays.get(step)
            if stay and _spoke_of(letter, line, stay, matter) and letter.recipient and letter.sent_at:
                unit = f"{letter.recipient.name}, {HOW[Letter.Channel(letter.channel)]}"
                if (key := (line["step"], letter.reminds_on, unit)) not in seen:
                    seen.add(key)
                    yield Event(LABELS[Rung(rung or "owner")], letter.sent_at, unit)


def _spoke_of(letter: Letter, line: dict[str, Any], stay: Stay, matter: EvaluationRequest) -> bool:
    rung = Rung(line["step"].partition(":")[2] or "owner")
    assert letter.sent_at
    assert letter.reminds_on
    places = {Rung.ABOVE: stay.above, Rung.ASKER: matter.asker_now_id}
    if letter.recipient_id != places.get(rung, stay.owner.pk):
        return False
    if not stay.since <= letter.sent_at <= (stay.until or letter.sent_at):
        return False
    if rung in (Rung.OWNER, Rung.DEPUTY):
        return True
    due_on = inner_due_on(matter) if stay.step == "write" else matter.due_on
    if any(row.made_at > letter.sent_at for row in matter.extensions.all()):
        due_on = min(due_on, date.fromisoformat(line["due_on"]))  # it was earlier when they were told
    return shifted(max(due_on, timezone.localdate(stay.since)), first_after(rung)) <= letter.reminds_on


def _stays(matter: EvaluationRequest) -> Iterator[Stay]:
    commune, cell, asker = matter.residence_commune, matter.residence_cell, matter.asker_now
    end = matter.ended_at
    written = confirmed = None
    if matter.assessment_id:
        texts = AssessmentVersion.objects.filter(assessment=matter.assessment_id).order_by("-no")
        written, confirmed = texts.values_list("submitted_at", "confirmed_at").first() or (None, None)
    moments = [
        ("register", commune, commune.parent_id, matter.issued_at, matter.at_commune_at),
        ("paper", commune, None, matter.issued_at, matter.answered_at),
        ("key", asker, asker.parent_id, matter.issued_at, matter.answered_at),
        ("assign", commune, commune.parent_id, matter.at_commune_at, matter.at_cell_at),
        ("write", cell, commune.pk, matter.at_cell_at, written or matter.answered_at),
        ("confirm", commune, commune.parent_id, written, confirmed),
        ("reply", commune, commune.parent_id, confirmed, matter.answered_at),
        ("receive", asker, asker.parent_id, matter.answered_at, matter.received_at),
        ("consider", asker, asker.parent_id, matter.received_at, matter.considered_at),
    ]
    on_paper = {"paper", "key"}
    for step, owner, above, since, until in moments:
        if owner and since and (step in on_paper) <= (not commune.is_on_system):
            yield Stay(step, owner, above, since, until or end)


def _extensions(matter: EvaluationRequest) -> Iterator[Event]:
    for row in matter.extensions.all():
        who = (
            matter.asker_now.name if row.side == Extension.Side.ASKER else f"{matter.residence_commune.name} cho chi bộ"
        )
        yield Event("Gia hạn", row.made_at, f"{who}, đến ngày {row.until:%d/%m/%Y}: {row.reason}")
