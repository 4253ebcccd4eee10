"""Hạn nội bộ: one deadline for the cells of a commune and year, proposed by the first request, chosen by an officer."""

from collections.abc import Callable
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from evaluations import steps
from evaluations.models import EvaluationRequest, InnerDeadline, Letter
from evaluations.models.deadlines import set_inner_deadline
from members.models import AuditEvent, User
from members.roles import Action
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]
YEAR = Season.YEAR


def stored(cast: Cast) -> date | None:
    return InnerDeadline.objects.due_on(cast.ward, YEAR)


def url(cast: Cast, year: int = YEAR) -> str:
    return f"/han-noi-bo/{cast.ward.pk}/{year}/"


# A week before, but three days for the cell where the letter allows.
@pytest.mark.parametrize(("due_in", "proposed_in"), [(40, 33), (9, 3), (3, 3), (1, 1), (-5, -5)])
def test_proposed_with_the_first_work(cast: Cast, play: Season, sign_in: SignIn, due_in: int, proposed_in: int) -> None:
    today = timezone.localdate()
    play.registered()
    EvaluationRequest.objects.update(due_on=today + timedelta(days=due_in))
    matter = EvaluationRequest.objects.get()
    sign_in(cast.ward_officer).post(f"/phan-chi-bo/{cast.ward.pk}/", {f"cell-{matter.pk}": str(cast.cell.pk)})
    expected = today + timedelta(days=proposed_in)
    assert stored(cast) == expected
    assert Letter.objects.get(kind="assigned").facts["due_on"] == expected.isoformat()


def test_an_earlier_letter_brings_it_forward_unless_an_officer_chose(cast: Cast) -> None:
    today = timezone.localdate()
    keep = InnerDeadline.objects.propose
    for days, proposed in ((40, 33), (60, 33), (30, 23)):
        keep(cast.ward, YEAR, today + timedelta(days=days))
        assert stored(cast) == today + timedelta(days=proposed)
    officer = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    chosen = today + timedelta(days=28)
    assert set_inner_deadline(cast.ward, YEAR, chosen, by=officer)
    assert not set_inner_deadline(cast.ward, YEAR, chosen, by=officer)
    keep(cast.ward, YEAR, today + timedelta(days=12))
    assert stored(cast) == chosen
    assert AuditEvent.objects.filter(verb="InnerDeadline.set", seat=officer).count() == 1
    with transaction.atomic(), pytest.raises(IntegrityError):
        InnerDeadline.objects.create(commune=cast.ward, year=YEAR, due_on=chosen)


def test_the_officer_sets_it_and_the_cell_sees_it_everywhere(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    year = timezone.localdate().year
    EvaluationRequest.objects.update(year=year)
    client = sign_in(cast.ward_officer)
    page = unescape(client.get(url(cast, year)).content.decode())
    assert "Hạn trả lời sớm nhất</dt><dd>15/11/2026" in page
    answer = client.post(url(cast, year), {"due_on": f"{year}-11-02"}, follow=True)
    assert f"Hạn nội bộ năm {year} của các chi bộ là ngày 02/11/{year}." in unescape(answer.content.decode())
    home = " ".join(unescape(sign_in(cast.secretary).get("/").content.decode()).split())
    assert f"hạn 02/11/{year}" in home
    (owed,) = [row for row in steps.owed([cast.cell.pk]) if row.step.code == "write"]
    assert owed.due_on == date(year, 11, 2)
    late = client.post(url(cast, year), {"due_on": f"{year}-12-20"}, follow=True)
    assert "sau hạn trả lời sớm nhất của nơi công tác" in unescape(late.content.decode())


@pytest.mark.parametrize("day", ["", "mai", "2025-12-31", "2027-07-01"])
def test_days_that_cannot_be(day: str, cast: Cast, sign_in: SignIn) -> None:
    assert sign_in(cast.ward_officer).post(url(cast), {"due_on": day}).status_code == 200
    assert stored(cast) is None
    assert sign_in(cast.ward_officer).get(url(cast, 1999)).status_code == 404


def test_notices_to_the_cell_name_it(cast: Cast, play: Season, sign_in: SignIn) -> None:
    day = date(YEAR, 10, 30)
    set_inner_deadline(cast.ward, YEAR, day, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    version = play.submitted()
    sent_back = {"code": "evidence", "note": "Mục 2: ghi rõ việc đã làm"}
    sign_in(cast.ward_officer).post(f"/xac-nhan/ban/{version.pk}/bo-sung/", sent_back)
    assert Letter.objects.get(kind="returned").facts["due_on"] == day.isoformat()
