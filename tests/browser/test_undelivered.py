"""Letters that did not arrive, put right in the browser by the office that sent them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from evaluations.models import Letter, StoppedAddress
from evaluations.models.letters import notice_to_cell
from members.models import Organization
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_office_reads_why_and_sends_again(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    Organization.objects.filter(pk=cast.cell.pk).update(phone="0905 111 222", contact="Ông Ngô Văn Bí Thư")
    play.issued()
    Letter.objects.get().mark_failed("550 5.1.1 <anhai@example.org>: Recipient address rejected: User unknown in table")
    notice = notice_to_cell(cast.cell, Letter.Kind.ASSIGNED, "x", {"count": 3})
    notice.mark_failed("552 5.2.2 Hộp thư đầy")
    StoppedAddress.objects.stop("chibo.to-dan-pho-7.anhai@example.org", notice, "550 5.1.1 User unknown")
    for width in (1280, 360):
        page = sign_in_as(cast.administrator, width=width)
        page.goto("/thu-chua-gui/")
        assert faults(page) == []

    phone = sign_in_as(cast.ward_clerk, width=360)
    phone.goto("/")
    phone.get_by_role("link", name="Xem lý do và gửi lại").click()
    phone.get_by_role("button", name="Gửi lại Chi bộ Tổ dân phố 7").click()
    assert "Đã xếp thư để gửi lại" in phone.inner_text("main")
    phone.get_by_role("button", name="Dùng lại được").click()
    assert "Không có thư nào bị kẹt" in phone.inner_text("main")
    assert faults(phone) == []
    notice.refresh_from_db()
    assert (notice.state, StoppedAddress.objects.stopped().count()) == ("queued", 0)
