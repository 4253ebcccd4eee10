"""A committee above looks where its season is stuck; a commune goes down to the cell that holds it, and its people."""

from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import Page

from evaluations import models
from evaluations.models import Campaign, EvaluationRequest
from members.roles import Action
from tests import factories
from tests.browser.conftest import faults
from tests.browser.test_registers import checked
from tests.conftest import Cast
from tests.season import Season, by

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "Nguyễn Hoàng Thị Bích Phượng Uyên Phương Thảo"


@pytest.fixture
def stuck(transactional_db: None, cast: Cast, play: Season) -> models.Season:
    """Every kind of hand is waited for: two texts on their way, one not begun, letters unanswered, answers unread."""
    here = {"workplace": cast.office_cell, "commune": cast.ward}
    for name in (LONG, "Lê Thử Hai", "Đặng Thử Ánh"):
        factories.member(name, **here)
    factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    factories.member("Vũ Thử Khác", workplace=cast.office_cell, commune=cast.other_ward)
    play.submitted().send_back("vague", "Ghi rõ ngày.", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    first = EvaluationRequest.objects.filter(residence_commune=cast.ward).order_by("pk")[1]
    EvaluationRequest.objects.filter(pk=first.pk).update(due_on=date(2026, 11, 1))
    seat = cast.neighbour.seats.get()
    days = {"self_criticism_on": date(2026, 12, 1), "due_on": date(2026, 11, 15)}
    Campaign.objects.create(committee=cast.other_ministry, year=2026, prepared_by=seat, **days)
    lead = {"lead": cast.province, "prepared_by": cast.overseer.seats.get(), "basis": "Kế hoạch số 12-KH/TU"}
    season = models.Season.objects.create(year=2026, **lead, **days)
    Campaign.objects.update(season=season)
    return season


def test_from_the_season_down_to_a_cell(stuck: models.Season, cast: Cast, sign_in_as: Callable[..., Page]) -> None:
    page = sign_in_as(cast.overseer)
    page.goto(f"/mua/{stuck.pk}/")
    page.get_by_role("link", name="Tiến độ từng đảng ủy").click()
    assert page.get_by_role("heading", name="Còn 6 trên 6 đồng chí chưa có trả lời").is_visible()
    assert page.get_by_text("1 trên 2 đảng ủy chưa phát hành.").is_visible()
    checked(page, "season")
    page.get_by_role("link", name="Theo nơi cư trú").click()
    checked(page, "season-communes")
    page.get_by_role("link", name="Đảng ủy phường An Hải").click()
    assert page.get_by_role("rowheader", name="Chi bộ Tổ dân phố 7").is_visible()
    checked(page, "season-commune")
    assert "Trần Thị Thử" not in page.content()


def test_from_a_commune_down_to_the_people(stuck: models.Season, cast: Cast, sign_in_as: Callable[..., Page]) -> None:
    page = sign_in_as(cast.ward_officer, width=360)
    page.get_by_role("link", name="Tiến độ từng chi bộ").click()
    checked(page, "ward")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("link", name="Chi bộ Tổ dân phố 7").click()
    assert page.get_by_text("Chờ chi bộ nơi cư trú").is_visible()
    checked(page, "cell")
    page.get_by_role("link", name="1 chi bộ đang bổ sung").click()
    assert page.get_by_role("heading", name="1 đồng chí: chi bộ đang bổ sung").is_visible()
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("link", name="Bỏ chọn, xem tất cả các bước").click()
    assert faults(page) == []


def test_a_workplace_looks_who_holds_it(stuck: models.Season, cast: Cast, sign_in_as: Callable[..., Page]) -> None:
    page = sign_in_as(cast.officer)
    page.goto(f"/dot/{Campaign.objects.get(committee=cast.ministry).pk}/tien-do/")
    checked(page, "campaign")
    page.get_by_role("link", name="chi bộ đang nhận xét").click()
    checked(page, "campaign-people")
    assert page.get_by_text(LONG).is_visible()
    page.goto("/so-lieu/")
    checked(page, "figures")
