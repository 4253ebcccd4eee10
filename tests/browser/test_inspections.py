"""What the night found, read in the morning; and letters that did not arrive, sent again by their office."""

from collections.abc import Callable

import pytest
from django.db import connection
from playwright.sync_api import Page

from evaluations import tasks
from evaluations.models import Document, DocumentFile, EvaluationRequest, Letter
from members.models import Seat
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sql(text: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def test_what_the_night_found(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.far()
    play.answered()
    play.rendered()
    far = EvaluationRequest.objects.get(residence_commune=cast.far_ward)
    reply = Document.objects.get(genre="reply_letter")
    sql("UPDATE evaluations_documentfile SET size = size + 1 WHERE document_id = %s", reply.pk)
    sql("UPDATE evaluations_evaluationrequest SET state = 'declined', end_code = 'x' WHERE id = %s", far.pk)
    sql("UPDATE members_seat SET from_on = '2019-12-31' WHERE id = %s", Seat.objects.get(user=cast.ward_clerk).pk)
    tasks.inspect()
    page = sign_in_as(cast.administrator)
    page.goto("/")
    page.get_by_role("link", name="Xem ở đâu và cần làm gì").click()
    assert f"Đề nghị nhận xét số {far.pk}" in page.inner_text("main")
    assert f"Tệp văn bản số {DocumentFile.objects.get(document=reply).pk}" in page.inner_text("main")
    assert faults(page) == []
    phone = sign_in_as(cast.administrator, width=360)
    phone.goto("/kiem-tra-so-lieu/")
    assert faults(phone) == []
    page.get_by_role("link", name="Mở nhiệm vụ được phân công").click()
    assert "An Hải" in page.inner_text("main")
    assert faults(page) == []


def test_the_office_sees_which_letters_did_not_arrive(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.issued()
    Letter.objects.get().mark_failed("550 5.1.1 <anhai@example.org>: Recipient address rejected: User unknown in table")
    for width in (1280, 360):
        page = sign_in_as(cast.officer, width=width)
        page.goto(f"/can-xu-ly/{cast.ministry.pk}/")
        assert "550 5.1.1" in page.inner_text("main")
        assert faults(page) == []
    page.get_by_role("button", name="Gửi lại Đảng ủy phường An Hải").click()
    page.goto(f"/can-xu-ly/{cast.ministry.pk}/")
    assert "Không có việc nào vướng" in page.inner_text("main")
