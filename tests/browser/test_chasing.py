"""More time for one comrade, given by both sides, and what a request has been through, in the browser."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from evaluations.models import EvaluationRequest, Letter
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def reminded(cast: Cast, code: str, words: str, at: datetime) -> None:
    to = {"write": cast.cell, "write:above": cast.ward, "write:asker": cast.ministry}[code]
    due_on = EvaluationRequest.objects.order_by("due_on")[0].due_on.isoformat()
    line = {"step": code, "words": words, "count": 1, "due_on": due_on}
    letter = Letter.objects.create(
        key=f"reminder:{code}", kind="reminder", channel="email", recipient=to, reminds_on=at.date()
    )
    facts = {"tone": "after", "count": 1, "due_on": due_on, "lines": [line]}
    Letter.objects.filter(pk=letter.pk).update(state="sent", sent_at=at, facts=facts)


def test_both_sides_give_time_and_the_timeline_tells_it(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    matter = play.assigned()[0]
    now = timezone.now()
    weeks = {"issued_at": 40, "at_commune_at": 38, "at_cell_at": 35}
    EvaluationRequest.objects.update(
        due_on=now.date() - timedelta(days=20), **{name: now - timedelta(days=days) for name, days in weeks.items()}
    )
    for code, days in (("write", 20), ("write:above", 12), ("write:asker", 6)):
        reminded(cast, code, "việc", now - timedelta(days=days))

    until = (now.date() + timedelta(days=10)).isoformat()
    page = sign_in_as(cast.officer)
    page.goto(f"/de-nghi/{matter.pk}/")
    page.get_by_text("Gia hạn cho đề nghị này").click()
    assert faults(page) == []
    page.get_by_label("Gia hạn đến ngày").fill(until)
    page.get_by_label("Lý do").first.fill("Đồng chí đang đi công tác")
    page.get_by_role("button", name="Gia hạn").click()
    assert "Đã gia hạn đến ngày" in page.inner_text("main")
    shown = page.inner_text("main")
    for line in (
        "Nhắc việc",
        "Báo cấp trên về việc chậm",
        "Báo nơi công tác về việc chậm",
        "Đồng chí đang đi công tác",
    ):
        assert line in shown
    phone = sign_in_as(cast.officer, width=360)
    phone.goto(f"/de-nghi/{matter.pk}/")
    assert faults(phone) == []

    ward = sign_in_as(cast.ward_officer, width=360)
    ward.goto(f"/tien-do/{cast.ward.pk}/?buoc=write")
    assert faults(ward) == []
    ward.get_by_role("link", name=f"Gia hạn cho {cast.asked.full_name}").click()
    assert faults(ward) == []
    ward.get_by_label("Gia hạn đến ngày").fill(until)
    ward.get_by_label("Lý do").fill("Bí thư mới nhận nhiệm vụ")
    ward.get_by_role("button", name="Gia hạn").click()
    assert "Chi bộ có thêm thời gian" in ward.inner_text("main")
    assert EvaluationRequest.objects.get(pk=matter.pk).inner_due_on == date.fromisoformat(until)
