"""Pages of print copies: what can be printed, its progress, its download, and who may have it."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations import tasks
from evaluations.models import Assessment, Bundle
from members.models import AuditEvent, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
YEAR = Season.YEAR


def url(cast: Cast) -> str:
    return reverse("evaluations:cell_print", args=[cast.cell.pk, YEAR])


def shown(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def resident(cast: Cast, name: str) -> None:
    factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)


def test_the_secretary_prints_the_pack(cast: Cast, sign_in: SignIn) -> None:
    resident(cast, "Đặng Thử Một")
    client = sign_in(cast.secretary)
    assert url(cast) in shown(client, "/")
    assert "Lập bộ 1 phiếu để in" in shown(client, url(cast))

    response = client.post(url(cast), {"kind": "cell_pack"})

    bundle = Bundle.objects.get()
    page = reverse("evaluations:bundle_page", args=[bundle.pk])
    assert response["Location"] == page
    assert "Đang lập bản in" in shown(client, page)
    poll = reverse("evaluations:bundle_progress", args=[bundle.pk])
    assert client.get(poll).status_code == 200
    file = reverse("evaluations:bundle_file", args=[bundle.pk])
    assert client.get(file)["Location"] == page

    tasks.bundle(bundle.pk)

    last = client.get(poll)
    assert (last.status_code, "Tải về để in" in unescape(last.content.decode())) == (286, True)
    download = client.get(file)
    assert b"".join(download).startswith(b"%PDF-")
    assert download["Content-Disposition"] == f'attachment; filename="ban-in-{bundle.pk}.pdf"'
    events = AuditEvent.objects.filter(
        user=cast.secretary, object_type__in=["evaluations.Bundle", "evaluations.Assessment"]
    )
    assert [(event.verb, event.object_id) for event in events.order_by("pk")] == [
        ("Bundle.order", bundle.pk),
        ("Bundle.download", bundle.pk),
        ("read", Assessment.objects.get().pk),
    ]
    assert "3 trang" in shown(client, url(cast))


def test_an_old_copy_says_that_it_is_gone(cast: Cast, sign_in: SignIn) -> None:
    resident(cast, "Đặng Thử Một")
    client = sign_in(cast.secretary)
    client.post(url(cast))
    bundle = Bundle.objects.get()
    tasks.bundle(bundle.pk)
    Bundle.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    tasks.forget_bundles()

    page = shown(client, reverse("evaluations:bundle_file", args=[bundle.pk]))

    assert "Đã hết hạn tải." in page
    assert "Bản in đã lập" not in shown(client, url(cast))


def test_with_everything_sent_there_is_nothing_to_fill_in(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    client = sign_in(cast.secretary)

    page = shown(client, url(cast))

    assert "Đã gửi đủ nhận xét của 1 đồng chí" in page
    assert "In 1 phiếu đã xác nhận" in page
    assert "Không còn văn bản, phiếu nào để in." in unescape(client.post(url(cast), follow=True).content.decode())
    client.post(url(cast), {"kind": "cell_answers"})
    assert Bundle.objects.get().kind == "cell_answers"


def test_an_empty_cell_has_nothing_to_print(cast: Cast, sign_in: SignIn) -> None:
    assert "Chi bộ chưa có đồng chí nào" in shown(sign_in(cast.secretary), url(cast))


def test_the_page_asks_as_much_for_three_as_for_one(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.secretary)
    counts = []
    for name in ("Đặng Thử Một", "Đặng Thử Hai", "Đặng Thử Ba"):
        resident(cast, name)
        client.post(url(cast))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shown(client, url(cast))
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_a_copy_with_ones_own_form_is_not_given_out(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    client = sign_in(cast.secretary)
    client.post(url(cast), {"kind": "cell_answers"})
    bundle = Bundle.objects.get()
    tasks.bundle(bundle.pk)
    cast.member_user.member = None
    cast.member_user.save()
    cast.secretary.member = cast.asked
    cast.secretary.save()

    assert client.get(reverse("evaluations:bundle_file", args=[bundle.pk])).status_code == 404
