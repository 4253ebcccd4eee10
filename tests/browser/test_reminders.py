"""Reminders and progress in the browser: the call list ticked on a telephone, and pictures that lead to the people."""

from collections.abc import Callable
from datetime import date

import pytest
from playwright.sync_api import Page

from evaluations.models import EvaluationRequest, Letter
from members.models import Organization, User
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_ward_rings_up_its_cells(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    User.objects.filter(pk=cast.secretary.pk).update(email="")
    Organization.objects.filter(pk=cast.cell.pk).update(phone="0236 111 222", contact="Ông Ngô Văn Bí Thư")
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.assigned()
    EvaluationRequest.objects.update(due_on=date(2026, 11, 15))
    call = Letter.objects.create(
        key="reminder:call",
        kind=Letter.Kind.REMINDER,
        channel=Letter.Channel.CALL,
        state=Letter.State.RENDERED,
        recipient=cast.cell,
        caller=cast.ward,
        reminds_on=date(2026, 11, 13),
    )
    wide = sign_in_as(cast.ward_officer)
    wide.goto("/goi-dien/")
    assert faults(wide) == []

    phone = sign_in_as(cast.ward_clerk, width=360)
    phone.goto("/")
    assert "1 đơn vị cần gọi điện nhắc việc" in phone.inner_text("main")
    phone.get_by_role("link", name="Danh sách gọi điện").click()
    assert faults(phone) == []
    assert phone.get_by_role("link", name="0236 111 222").get_attribute("href") == "tel:0236 111 222"
    phone.get_by_role("button", name="Đã gọi").click()
    assert "Đã ghi: đồng chí đã gọi Chi bộ Tổ dân phố 7." in phone.inner_text("main")
    assert faults(phone) == []
    call.refresh_from_db()
    assert (call.state, call.called_by) == ("sent", cast.ward_clerk.seats.get())


def test_progress_leads_from_the_picture_to_the_people(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.assigned()
    campaign = play.campaign()
    for width in (360, 1280):
        page = sign_in_as(cast.officer, width=width)
        page.goto(f"/dot/{campaign.pk}/")
        assert faults(page) == []
        page.get_by_role("link", name="chờ trả lời bằng giấy").click()
        assert "Lê Văn Xa" in page.inner_text("main")
        assert faults(page) == []
        ward = sign_in_as(cast.ward_officer, width=width)
        ward.goto("/")
        ward.get_by_role("link", name="Tiến độ từng chi bộ").click()
        assert faults(ward) == []
        ward.get_by_role("link", name=cast.cell.name).click()
        assert cast.asked.full_name in ward.inner_text("main")
        assert faults(ward) == []
        figures = sign_in_as(cast.overseer, width=width)
        figures.goto("/so-lieu/")
        assert faults(figures) == []
