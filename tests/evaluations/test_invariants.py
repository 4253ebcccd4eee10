"""The rules of the whole database: a season that was played well breaks none, and each broken row is named, alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations import reminders, steps, tasks
from evaluations.invariants import RULES
from evaluations.models import (
    AssessmentVersion,
    Campaign,
    Document,
    DocumentFile,
    EvaluationRequest,
    Inspection,
    Letter,
    NumberSeries,
)
from evaluations.models.rerouting import to_another_cell
from members.models import Kinship, Membership, Organization, Placement, Seat, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

Named = dict[str, list[int]]
EARLIER = "2026-10-06 01:00:00+00:00"


def broken() -> Named:
    return {rule.code: ids for rule in RULES if (ids := rule.broken())}


def sql(text: str, *values: object) -> None:
    """Past forms, verbs and models, as a hand in the database would write."""
    with connection.cursor() as cursor:
        cursor.execute(text, values)


@dataclass
class World:
    """A season under way: one matter answered, one with a text sent back, one at a cell, one on paper far away."""

    cast: Cast
    campaign: Campaign
    answered: EvaluationRequest
    waiting: EvaluationRequest
    far: EvaluationRequest
    confirmed: AssessmentVersion
    returned: AssessmentVersion
    reply: Document
    reminded: Organization


@pytest.fixture
def world(cast: Cast, play: Season, monkeypatch: pytest.MonkeyPatch) -> World:
    now = [datetime(2026, 11, 5, 3, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    back = factories.member("Mai Thử Lại", workplace=cast.office_cell, commune=cast.ward)
    waits = factories.member("Mai Thử Chờ", workplace=cast.office_cell, commune=cast.ward)
    far = play.far()
    answered = play.answered()
    writer, officer = by(cast.secretary, Action.WRITE, cast.cell), by(cast.ward_officer, Action.CONFIRM, cast.ward)
    text = play.assessment(back).write(GOOD, "", by=writer)
    text.submit(play.review(), by=writer, attendance={})
    text.send_back("vague", "Ghi rõ việc làm cụ thể", by=officer)
    play.rendered()
    Seat.objects.update(granted_at=now[0])
    now[0] = datetime(2026, 11, 17, 3, tzinfo=UTC)
    play.rendered()
    reminders.write(steps.last_day_to_run())
    now[0] += timedelta(hours=1)
    version, reply = answered.answering_version(), answered.reply
    assert version
    assert reply
    assert answered.campaign
    return World(
        cast=cast,
        campaign=answered.campaign,
        answered=answered,
        waiting=EvaluationRequest.objects.get(member=waits),
        far=far,
        confirmed=version,
        returned=AssessmentVersion.objects.get(pk=text.pk),
        reply=reply,
        reminded=cast.cell,
    )


# One hand in the database for each rule: what it does, and which rows the rules must name. A few break two at once.


def asked_twice(world: World) -> Named:
    copy = EvaluationRequest.objects.get(pk=world.waiting.pk)
    copy.pk, copy.part, copy.state, copy.letter, copy.assessment = (
        None,
        "2026-01-01..2026-06-30",
        "prepared",
        None,
        None,
    )
    EvaluationRequest.objects.bulk_create([copy])
    return {"asked_twice": [EvaluationRequest.objects.latest("pk").pk]}


def open_in_closed_campaign(world: World) -> Named:
    sql("UPDATE evaluations_campaign SET state = 'closed' WHERE id = %s", world.campaign.pk)
    still = EvaluationRequest.objects.filter(state__in=EvaluationRequest.UNANSWERED)
    return {"open_in_closed_campaign": sorted(still.values_list("pk", flat=True))}


def other_cell(world: World) -> Named:
    sql(
        "UPDATE evaluations_evaluationrequest SET residence_cell_id = %s WHERE id = %s",
        world.cast.other_cell.pk,
        world.waiting.pk,
    )
    return {"wrong_place": [world.waiting.pk], "not_reminded": [world.cast.other_cell.pk]}


def moved_by_the_verb(world: World) -> Named:
    """After the last run: the other cell is told by the next one."""
    to_another_cell(
        world.waiting, world.cast.other_cell, by=by(world.cast.ward_officer, Action.ASSIGN, world.cast.ward)
    )
    return {}


def other_commune(world: World) -> Named:
    sql(
        "UPDATE evaluations_evaluationrequest SET residence_commune_id = %s WHERE id = %s",
        world.cast.other_ward.pk,
        world.far.pk,
    )
    return {"wrong_place": [world.far.pk], "not_reminded": [world.cast.other_ward.pk]}


def other_text(world: World) -> Named:
    sql(
        "UPDATE evaluations_evaluationrequest SET assessment_id = %s WHERE id = %s",
        world.confirmed.assessment_id,
        world.waiting.pk,
    )
    return {"wrong_place": [world.waiting.pk], "not_reminded": [world.cast.ward.pk]}


def without_owner(world: World) -> Named:
    sql("UPDATE members_organization SET closed_on = '2026-11-01' WHERE id = %s", world.cast.far_ward.pk)
    return {"without_owner": [world.far.pk]}


def without_letter(world: World) -> Named:
    letter = world.far.letter_id or 0
    sql("UPDATE evaluations_evaluationrequest SET letter_id = NULL WHERE id = %s", world.far.pk)
    return {"without_letter": [world.far.pk], "miscounted": [letter]}


def miscounted(world: World) -> Named:
    sql("UPDATE evaluations_evaluationrequest SET letter_id = %s WHERE id = %s", world.answered.letter_id, world.far.pk)
    return {"miscounted": sorted([world.answered.letter_id or 0, world.far.letter_id or 0])}


def declined_without_reason(world: World) -> Named:
    sql("UPDATE evaluations_evaluationrequest SET state = 'declined', end_code = 'because' WHERE id = %s", world.far.pk)
    return {"declined_without_reason": [world.far.pk]}


def confirmed_by_writer(world: World) -> Named:
    sql("UPDATE evaluations_assessmentversion SET drafted_by_id = confirmed_by_id WHERE id = %s", world.confirmed.pk)
    return {"confirmed_by_writer": [world.confirmed.pk]}


def confirmed_without_form(world: World) -> Named:
    sql("UPDATE evaluations_document SET state = 'draft' WHERE version_id = %s", world.confirmed.pk)
    return {"confirmed_without_form": [world.confirmed.pk]}


def returned_without_reason(world: World) -> Named:
    sql("UPDATE evaluations_assessmentversion SET return_code = 'because' WHERE id = %s", world.returned.pk)
    return {"returned_without_reason": [world.returned.pk]}


def _becomes(user: User, world: World) -> None:
    sql("UPDATE members_user SET member_id = NULL WHERE id = %s", world.cast.member_user.pk)
    sql("UPDATE members_user SET member_id = %s WHERE id = %s", world.answered.member_id, user.pk)


def confirmed_himself(world: World) -> Named:
    _becomes(world.cast.ward_officer, world)
    return {"text_about_own": [world.confirmed.pk]}


def answered_about_himself(world: World) -> Named:
    _becomes(world.cast.ward_signer, world)
    return {"request_about_own": [world.answered.pk]}


def confirmed_his_wife(world: World) -> Named:
    link = Kinship.objects.declare(world.answered.member, world.cast.ward_officer, "spouse", by=world.cast.nobody)
    sql("UPDATE members_kinship SET declared_at = %s WHERE id = %s", EARLIER, link.pk)
    return {"text_about_own": [world.confirmed.pk]}


def married_afterwards(world: World) -> Named:
    Kinship.objects.declare(world.answered.member, world.cast.ward_officer, "spouse", by=world.cast.nobody)
    return {}


def without_number(world: World) -> Named:
    sql("UPDATE evaluations_document SET number = NULL WHERE id = %s", world.reply.pk)
    return {"without_number": [world.reply.pk], "unexplained_number": [world.reply.series_id or 0]}


def without_file(world: World) -> Named:
    sql("DELETE FROM evaluations_documentfile WHERE document_id = %s", world.reply.pk)
    return {"without_file": [world.reply.pk]}


def damaged_file(world: World) -> Named:
    stored = DocumentFile.objects.get(document=world.reply)
    sql("UPDATE evaluations_documentfile SET size = size + 1 WHERE id = %s", stored.pk)
    return {"damaged_file": [stored.pk]}


def nothing_to_send(world: World) -> Named:
    sql("DELETE FROM evaluations_letter WHERE document_id = %s", world.reply.pk)
    return {"nothing_to_send": [world.reply.pk]}


def sent_to_nobody(world: World) -> Named:
    sent = Letter.objects.get(document=world.reply)
    sql("UPDATE evaluations_letter SET sent_to = 0 WHERE id = %s", sent.pk)
    return {"sent_without_proof": [sent.pk]}


def handed_to_nobody(world: World) -> Named:
    paper = Letter.objects.get(document=world.far.letter_id)
    sql("UPDATE evaluations_letter SET state = 'sent', sent_at = %s WHERE id = %s", EARLIER, paper.pk)
    return {"sent_without_proof": [paper.pk]}


def unexplained_number(world: World) -> Named:
    series = NumberSeries.objects.get(pk=world.reply.series_id)
    sql("UPDATE evaluations_numberseries SET next_no = next_no + 3 WHERE id = %s", series.pk)
    return {"unexplained_number": [series.pk]}


def not_reminded(world: World) -> Named:
    sql("DELETE FROM evaluations_letter WHERE kind = 'reminder' AND recipient_id = %s", world.reminded.pk)
    return {"not_reminded": [world.reminded.pk]}


def two_places(world: World) -> Named:
    copy = Placement.objects.get(pk=world.far.placement_id)
    copy.pk, copy.from_on, copy.until_on = None, date(2026, 2, 1), date(2026, 3, 1)
    Placement.objects.bulk_create([copy])
    return {"two_places": [Placement.objects.latest("pk").pk]}


def two_places_on_the_day_of_a_move(world: World) -> Named:
    copy = Placement.objects.get(pk=world.far.placement_id)
    copy.pk, copy.from_on, copy.until_on = None, date(2019, 2, 1), factories.LONG_AGO
    Placement.objects.bulk_create([copy])
    return {}


def two_workplaces(world: World) -> Named:
    copy = Membership.objects.get(member=world.far.member_id)
    copy.pk, copy.from_on, copy.until_on = None, date(2026, 2, 1), date(2026, 3, 1)
    Membership.objects.bulk_create([copy])
    return {"two_workplaces": [Membership.objects.latest("pk").pk]}


def must_not_be_kept(world: World) -> Named:
    row = Membership.objects.get(member=world.far.member_id)
    sql("UPDATE members_membership SET position = 'Nhiệm vụ đặc biệt' WHERE id = %s", row.pk)
    return {"must_not_be_kept": [row.pk]}


def must_not_be_kept_at_residence(world: World) -> Named:
    sql(
        "UPDATE members_placement SET standing = 'exempt_activity', exemption = 'EX_SECRET' WHERE id = %s",
        world.far.placement_id,
    )
    return {"must_not_be_kept_at_residence": [world.far.placement_id]}


def seat_before_its_office(world: World) -> Named:
    seat = Seat.objects.get(user=world.cast.ward_clerk)
    sql("UPDATE members_seat SET from_on = '2019-12-31' WHERE id = %s", seat.pk)
    return {"seat_outside_life": [seat.pk]}


def seat_after_its_office(world: World) -> Named:
    seat = Seat.objects.get(user=world.cast.other_secretary)
    sql("UPDATE members_organization SET closed_on = '2026-11-01' WHERE id = %s", world.cast.other_cell.pk)
    return {"seat_outside_life": [seat.pk]}


def wrong_path(world: World) -> Named:
    sql("UPDATE members_organization SET path = '/9/9/' WHERE id = %s", world.cast.other_cell.pk)
    return {"wrong_path": [world.cast.other_cell.pk]}


HANDS: tuple[Callable[[World], Named], ...] = (
    asked_twice,
    open_in_closed_campaign,
    other_cell,
    moved_by_the_verb,
    other_commune,
    other_text,
    without_owner,
    without_letter,
    miscounted,
    declined_without_reason,
    confirmed_by_writer,
    confirmed_without_form,
    returned_without_reason,
    confirmed_himself,
    answered_about_himself,
    confirmed_his_wife,
    married_afterwards,
    without_number,
    without_file,
    damaged_file,
    nothing_to_send,
    sent_to_nobody,
    handed_to_nobody,
    unexplained_number,
    not_reminded,
    two_places,
    two_places_on_the_day_of_a_move,
    two_workplaces,
    must_not_be_kept,
    must_not_be_kept_at_residence,
    seat_before_its_office,
    seat_after_its_office,
    wrong_path,
)


def each(world: World) -> Iterator[tuple[str, Named, Named]]:
    """(hand, what it should bring to light, what was found), everything put back in between."""
    for hand in HANDS:
        with transaction.atomic():
            expected = hand(world)
            yield hand.__name__, expected, broken()
            transaction.set_rollback(True)


def test_each_broken_row_is_named_and_no_other(world: World) -> None:
    assert broken() == {}
    outcome = list(each(world))
    assert [row for row in outcome if row[1] != row[2]] == []
    assert {code for _, _, found in outcome for code in found} == {rule.code for rule in RULES}


def test_a_demonstration_breaks_no_rule(db: None) -> None:
    call_command("load_demo", stdout=StringIO())
    assert broken() == {}


def test_the_command_names_rows_counts_and_fails(world: World) -> None:
    out, err = StringIO(), StringIO()
    call_command("check_invariants", stdout=out, stderr=err)
    assert out.getvalue() == f"Đã kiểm tra {len(RULES)} quy tắc; 0 quy tắc có dòng sai, 0 dòng.\n"
    assert [line.split()[1] for line in err.getvalue().splitlines()] == [rule.code for rule in RULES]
    damaged_file(world)
    out = StringIO()
    with pytest.raises(CommandError, match="1 dòng trái quy tắc"):
        call_command("check_invariants", stdout=out, stderr=StringIO())
    stored = DocumentFile.objects.get(document=world.reply)
    assert f"1 tệp văn bản (evaluations.DocumentFile), số {stored.pk}." in out.getvalue()
    assert world.answered.member.full_name not in out.getvalue()


def test_the_administrator_sees_where_it_lies_and_the_monitor_how_much(
    world: World, sign_in: Callable[[User], Client]
) -> None:
    declined_without_reason(world)
    tasks.inspect()
    assert Inspection.objects.get().broken == {"declined_without_reason": {"count": 1, "ids": [world.far.pk]}}
    client = sign_in(world.cast.administrator)
    assert "1 dòng số liệu trái quy tắc" in client.get("/").content.decode()
    page = client.get(reverse("evaluations:inspection")).content.decode()
    assert f"Đề nghị nhận xét số {world.far.pk}" in page
    assert reverse("evaluations:request_page", args=[world.far.pk]) in page
    assert "Đảng ủy Sở Thử Nghiệm" in page
    assert "Hồ Thử Xa" not in page
    answer = client.get("/readyz").json()["invariants"]
    assert (answer["ok"], answer["says"].split(",")[0]) == (False, "1 rows break a rule")


def test_an_administrator_elsewhere_is_told_the_number_only(world: World, sign_in: Callable[[User], Client]) -> None:
    declined_without_reason(world)
    tasks.inspect()
    elsewhere = factories.organization(None, "Tỉnh ủy Quảng Thử", "province", place_name="Quảng Thử")
    stranger = factories.official("stranger", "Tạ Văn Xa", elsewhere, factories.Role.ADMINISTRATOR)
    page = sign_in(stranger).get(reverse("evaluations:inspection")).content.decode()
    assert "1 dòng." in page
    assert f"số {world.far.pk}" not in page


def test_who_does_not_look_for_a_day_and_a_half_is_red(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks.inspect()
    assert Client().get("/readyz").json()["invariants"]["ok"] is True
    later = timezone.now() + timedelta(hours=37)
    monkeypatch.setattr(timezone, "now", lambda: later)
    cache.clear()
    assert Client().get("/readyz").json()["invariants"]["ok"] is False
