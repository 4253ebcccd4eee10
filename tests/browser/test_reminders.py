"""Reminders in the browser: the call list of the ward, ticked on a telephone."""

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
