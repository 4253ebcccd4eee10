"""Requests of several askers about the same person stay together at the residence."""

from datetime import date

from evaluations.models import EvaluationRequest, IncomingLetter
from evaluations.models.requests import assign_to_cells
from members.roles import Action
from tests.conftest import Cast
from tests.season import Season, by


def test_assigning_for_one_asker_takes_the_others_along(cast: Cast, play: Season) -> None:
    first = play.assigned()[0]
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    incoming = IncomingLetter.objects.create(
        asker=cast.other_ministry,
        commune=cast.ward,
        number="05-CV/ĐU",
        dated_on=date(2026, 10, 6),
        received_on=date(2026, 10, 8),
        registered_by=seat,
    )
    second = EvaluationRequest.objects.create(
        member=first.member,
        placement=first.placement,
        residence_commune=cast.ward,
        incoming=incoming,
        year=first.year,
        asked_by=cast.other_ministry,
        asker_now=cast.other_ministry,
        state=EvaluationRequest.State.AT_COMMUNE,
        due_on=date(2026, 11, 15),
    )

    assign_to_cells({second: cast.other_cell}, by=seat)

    rows = EvaluationRequest.objects.order_by("pk").values_list("state", "residence_cell", "assessment")
    assert list(rows) == [("at_cell", cast.other_cell.pk, first.assessment_id)] * 2
