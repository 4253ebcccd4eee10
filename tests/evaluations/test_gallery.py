"""The papers that are drawn on the spot: the administrator's gallery, minutes and invitations of a cell."""

import io
import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from evaluations.gallery import SPECIMENS
from members.models import AuditEvent, ContactMeeting, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")]
SignIn = Callable[[User], Client]


def texts(content: bytes) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()).strip() for page in PdfReader(io.BytesIO(content)).pages]


def test_the_administrator_opens_every_document_from_one_page(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.administrator)
    page = client.get(reverse("evaluations:gallery")).content.decode()

    for specimen in SPECIMENS:
        url = reverse("evaluations:gallery_specimen", args=[specimen.name])
        opened = client.get(url)
        assert f'href="{url}"' in page
        assert (opened.status_code, opened["Content-Type"]) == (200, "application/pdf")
        assert specimen.title in page
    drafts = client.get(f"{reverse('evaluations:gallery_specimen', args=['report'])}?ban=du-thao")
    assert all("DỰ THẢO" in text for text in texts(drafts.content))


def test_minutes_say_who_met_and_what_was_found(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.submitted(remarks="Tham gia dọn vệ sinh ngày 12/9.")
    review = cast.cell.joint_reviews.get()
    client = sign_in(cast.secretary)
    url = reverse("evaluations:joint_minutes", args=[cast.cell.pk, 2026, review.pk])

    text = " ".join(texts(client.get(url).content))

    assert f'href="{url}"' in client.get(reverse("members:joint_review", args=[cast.cell.pk, 2026])).content.decode()
    assert "BIÊN BẢN họp chi ủy với Ban công tác Mặt trận" in text
    assert "Hôm nay, ngày 20 tháng 10 năm 2026" in text
    assert "- Ngô Văn Bí Thư, Bí thư chi bộ." in text
    assert "- Đinh Thị Mặt Trận, Trưởng ban công tác Mặt trận." in text
    assert "Chủ trì hội nghị: Ngô Văn Bí Thư, Bí thư chi bộ" in text
    assert "1 Trần Thị Thử, 1980 Đảng ủy Sở Thử Nghiệm 1. Nêu gương tốt; 2. Gương mẫu đi đầu;" in text
    assert "Đề nghị: Không đề nghị Tham gia dọn vệ sinh ngày 12/9." in text
    read = AuditEvent.objects.filter(verb="read").order_by("-pk")[0]
    assert (read.object_id, read.fields) == (review.pk, ["minutes"])


def test_minutes_leave_out_what_another_meeting_sent_up(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.submitted()
    later = factories.member("Hồ Thử Muộn", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    seat = by(cast.secretary, Action.WRITE, cast.cell)
    play.assessment(later).write(
        GOOD | {"civic_duty": {"option": None, "no_basis": True, "facts": "mới về"}}, "", by=seat
    )
    second = play.review()
    url = reverse("evaluations:joint_minutes", args=[cast.cell.pk, 2026, second.pk])

    text = " ".join(texts(sign_in(cast.secretary).get(url).content))

    assert "nhận xét 01 đồng chí" in text
    assert "2. không có cơ sở đánh giá" in text
    assert "Trần Thị Thử" not in text


def test_everybody_of_the_cell_gets_an_invitation(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    factories.member("Hồ Thử Hai", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    meeting = play.meeting()
    client = sign_in(cast.secretary)
    url = reverse("evaluations:invitations", args=[cast.cell.pk, 2026, meeting.pk])

    pages = texts(client.get(url).content)

    assert f'href="{url}"' in client.get(reverse("members:attendance", args=[cast.cell.pk, 2026])).content.decode()
    assert len(pages) == 2
    assert "kính mời đồng chí Hồ Thử Hai, Đảng ủy Sở Thử Nghiệm" in pages[0]
    assert "kính mời đồng chí Trần Thị Thử, Đảng ủy Sở Thử Nghiệm" in pages[1]
    assert all("Thời gian: …… giờ ……, ngày 15 tháng 5 năm 2026." in page for page in pages)


def test_a_meeting_of_another_year_or_cell_is_not_found(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting, review = play.meeting(), play.review()
    ContactMeeting.objects.filter(pk=meeting.pk).update(cell=cast.other_cell)
    client = sign_in(cast.secretary)

    for name, pk, year in (("invitations", meeting.pk, 2026), ("joint_minutes", review.pk, 2025)):
        assert client.get(reverse(f"evaluations:{name}", args=[cast.cell.pk, year, pk])).status_code == 404
