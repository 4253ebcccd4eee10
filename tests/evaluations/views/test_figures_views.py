"""Figures without names, the report, and the file outbox."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from pathlib import Path

from django.core import mail
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Campaign, Document, EvaluationRequest, Letter
from members.models import User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
FIGURES, OUTBOX = reverse("evaluations:figures"), reverse("evaluations:outbox")
FILES = "django.core.mail.backends.filebased.EmailBackend"


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def words(page: str) -> str:
    """What stands in the page, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<main")[1]))


def report_url(campaign: Campaign) -> str:
    return reverse("evaluations:campaign_report", args=[campaign.pk])


def test_figures_count_by_state_and_commune(cast: Cast, play: Season, sign_in: SignIn) -> None:
    people = [factories.member(workplace=cast.office_cell, commune=cast.other_ward) for _ in range(2)]
    play.answered()
    people[0].requests.update(state="cancelled", end_code="asker")
    people[1].requests.update(due_on=date(2020, 1, 1))
    for person in (cast.overseer, cast.administrator, cast.officer, cast.signer):
        page = words(shown(sign_in(person), FIGURES))
        assert "2 đề nghị nhận xét 1 đã có trả lời 1 quá hạn chưa trả lời" in page
        assert "đã phát hành 1 / 2" in page
        assert "nơi cư trú đã trả lời 1 / 2" in page
        assert "Đảng ủy phường An Hải 1 1" in page
        assert "Đảng ủy phường Sơn Trà 1 0" in page
        assert "Trần Thị Thử" not in page


def test_figures_of_one_campaign(cast: Cast, play: Season, sign_in: SignIn) -> None:
    first = play.issued()
    seat = cast.neighbour.seats.get()
    second = Campaign.objects.create(
        committee=cast.other_ministry, year=2026, self_criticism_on="2026-12-01", due_on="2026-11-15", prepared_by=seat
    )
    Campaign.objects.filter(pk=second.pk).update(state="open", opened_at="2026-10-01T00:00Z", opened_by=seat)
    client = sign_in(cast.overseer)
    assert "1 đề nghị nhận xét" in words(shown(client, f"{FIGURES}?nam=2026&dot={first.pk}"))
    assert "0 đề nghị nhận xét" in words(shown(client, f"{FIGURES}?nam=2026&dot={second.pk}"))
    # A workplace sees its own only, whatever stands in the address.
    own = words(shown(sign_in(cast.officer), f"{FIGURES}?nam=2026&dot={second.pk}"))
    assert "1 đề nghị nhận xét" in own
    assert "Láng Giềng" not in own
    for query in ("nam=x&dot=y", "nam=1&dot=" + "9" * 40, "trang=-1"):
        assert client.get(f"{FIGURES}?{query}").status_code == 200


def test_draft_campaigns_are_nobodys_figures(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    assert "Chưa có đợt lấy ý kiến nào" in words(shown(sign_in(cast.overseer), FIGURES))


def test_who_may_see_figures(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    found = {name: sign_in(person).get(FIGURES).status_code for name, person in cast.people().items()}
    refused = {"ward_clerk", "secretary", "other_secretary", "auditor", "data_officer", "nobody", "member_user"}
    assert {name for name, code in found.items() if code == 403} == refused
    assert {code for name, code in found.items() if name not in refused} == {200}
    neighbours = words(shown(sign_in(cast.neighbour), FIGURES))
    assert "Chưa có đợt lấy ý kiến nào" in neighbours
    assert sign_in(cast.overseer).post(FIGURES).status_code == 405


def test_report_is_issued_and_linked(cast: Cast, play: Season, sign_in: SignIn) -> None:
    campaign = play.issued()
    for number, person in enumerate((cast.officer, cast.signer, cast.administrator), 1):
        client = sign_in(person)
        factories.member(workplace=cast.office_cell)  # unchanged figures would make no second report
        response = client.post(report_url(campaign))
        assert (response.status_code, response["Location"]) == (302, f"{FIGURES}?nam=2026&dot={campaign.pk}")
        reports = Document.objects.filter(genre=Document.Genre.REPORT, campaign=campaign).order_by("pk")
        assert reports.count() == number
        newest = reports.last()
        assert (newest.state, newest.issued_by.user) == ("issued", person)
        assert reverse("evaluations:document_file", args=[newest.pk]) in shown(client, response["Location"])


def test_who_may_export(cast: Cast, play: Season, sign_in: SignIn) -> None:
    campaign = play.issued()
    assert sign_in(cast.officer).get(report_url(campaign)).status_code == 405
    found = {name: sign_in(person).post(report_url(campaign)).status_code for name, person in cast.people().items()}
    allowed = {"officer", "signer", "administrator"}
    assert {name for name, code in found.items() if code == 302} == allowed
    assert {name for name, code in found.items() if code == 403} == {"overseer"}
    assert {code for name, code in found.items() if name not in {*allowed, "overseer"}} == {404}
    assert report_url(campaign) not in shown(sign_in(cast.overseer), FIGURES)


def test_outbox_shows_the_newest_messages(cast: Cast, play: Season, sign_in: SignIn, tmp_path: Path) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.other_ward)
    with override_settings(EMAIL_BACKEND=FILES, EMAIL_FILE_PATH=str(tmp_path)):
        play.issued()
        play.rendered()
        sent = timezone.localtime()
        page = words(shown(sign_in(cast.administrator), OUTBOX))
    assert "2 đã gửi" in page
    assert page.count("Có công văn đề nghị nhận xét mới chờ vào sổ") == 2
    assert f"Lúc {sent:%H:}" in page
    assert "anhai@example.org" in page
    assert "sontra@example.org" in page
    assert "Xin mở hệ thống để vào sổ và phân về chi bộ" in page
    assert "Trần Thị Thử" not in page


def test_outbox_stops_at_fifty_newest_first(cast: Cast, sign_in: SignIn, tmp_path: Path) -> None:
    with override_settings(EMAIL_BACKEND=FILES, EMAIL_FILE_PATH=str(tmp_path)):
        assert "Chưa có thư nào" in words(shown(sign_in(cast.administrator), OUTBOX))
        with mail.get_connection() as open_connection:
            for number in range(60):
                message = mail.EmailMessage(f"Thư số {number}.", "Xin xem.", to=["a@example.org"])
                open_connection.send_messages([message])
        found = re.findall(r"Thư số (\d+)\.", words(shown(sign_in(cast.administrator), OUTBOX)))
    assert found == [str(number) for number in range(59, 9, -1)]


def test_outbox_with_a_mail_server_says_so(cast: Cast, sign_in: SignIn) -> None:
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend"):
        assert "gửi qua máy chủ thư (SMTP)" in words(shown(sign_in(cast.administrator), OUTBOX))


def test_who_may_see_the_outbox(cast: Cast, sign_in: SignIn) -> None:
    found = {name: sign_in(person).get(OUTBOX).status_code for name, person in cast.people().items()}
    assert {name for name, code in found.items() if code == 200} == {"administrator"}
    assert {code for name, code in found.items() if name != "administrator"} == {403}
    assert sign_in(cast.administrator).post(OUTBOX).status_code == 405


def test_queries_do_not_grow_with_campaigns_and_communes(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    client = sign_in(cast.administrator)
    client.get(FIGURES)
    with CaptureQueriesContext(connection) as one:
        client.get(FIGURES)
    seat = cast.officer.seats.get()
    matter = EvaluationRequest.objects.get()
    for number in (1, 2):
        committee = factories.organization(cast.province, f"Đảng ủy Sở Mẫu {number}", "grassroots")
        campaign = Campaign.objects.create(
            committee=committee, year=2026, self_criticism_on="2026-12-01", due_on="2026-11-15", prepared_by=seat
        )
        Campaign.objects.filter(pk=campaign.pk).update(state="open", opened_at="2026-10-01T00:00Z", opened_by=seat)
        matter.pk, matter.campaign = None, campaign
        matter.residence_commune = factories.commune(cast.province, f"Mẫu {number}")
        matter.save()
    with CaptureQueriesContext(connection) as three:
        page = shown(client, FIGURES)
    assert page.count("Lập báo cáo<") == 3
    assert len(three) == len(one)
    assert Letter.objects.count() == 1
