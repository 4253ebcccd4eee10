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

from evaluations import models
from evaluations.models import Campaign, Document, EvaluationRequest, Letter
from members.models import User
from members.roles import Role
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
        days = (timezone.localdate() - date(2020, 1, 1)).days
        assert "Còn 1 trên 2 đồng chí chưa có trả lời" in page
        assert "1 đã có trả lời 1 quá hạn 0 đã sử dụng khi kiểm điểm" in page
        assert "Đảng ủy phường An Hải 1 đã trả lời chưa mở đọc xong" in page
        assert f"Đảng ủy phường Sơn Trà 1 chờ vào sổ 1 / 1 {days} ngày" in page
        assert page.index("phường Sơn Trà") < page.index("phường An Hải")  # who is late comes first
        assert "Trần Thị Thử" not in page
        assert "buoc=" not in shown(sign_in(person), FIGURES)  # there is nobody to come down to


def second_campaign(cast: Cast) -> Campaign:
    seat = cast.neighbour.seats.get()
    second = Campaign.objects.create(
        committee=cast.other_ministry, year=2026, self_criticism_on="2026-12-01", due_on="2026-11-15", prepared_by=seat
    )
    Campaign.objects.filter(pk=second.pk).update(state="open", opened_at="2026-10-01T00:00Z", opened_by=seat)
    return second


def test_down_to_the_cells_of_a_commune(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.submitted()
    campaign = Campaign.objects.get()
    url = reverse("evaluations:figures_commune", args=[cast.ward.pk])
    assert f'href="{url}?nam=2026&"' in shown(sign_in(cast.overseer), FIGURES)
    for query in ("nam=2026", f"nam=2026&dot={campaign.pk}"):
        page = words(shown(sign_in(cast.overseer), f"{url}?{query}"))
        assert "Còn 2 trên 2 đồng chí chưa có trả lời" in page
        assert "Chi bộ Tổ dân phố 7 1 chi bộ đang nhận xét, 1 chờ xác nhận 2 / 2" in page
        assert "Trần Thị Thử" not in page
    # Only what one's own reach has asked there; and nothing where nothing was asked.
    assert sign_in(cast.neighbour).get(f"{url}?nam=2026").status_code == 404
    assert sign_in(cast.overseer).get(f"{url}?nam=2025").status_code == 404
    other = reverse("evaluations:figures_commune", args=[cast.other_ward.pk])
    assert sign_in(cast.overseer).get(f"{other}?nam=2026").status_code == 404


def test_by_workplace_or_by_commune(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    second_campaign(cast)
    client = sign_in(cast.overseer)
    page = words(shown(client, FIGURES))
    assert "Đảng ủy Sở Thử Nghiệm đã phát hành hạn 15/11/2026 1 chờ vào sổ 1 / 1" in page
    assert "Đảng ủy Sở Láng Giềng đã phát hành hạn 15/11/2026 chưa có đề nghị nào" in page
    communes = words(shown(client, f"{FIGURES}?nam=2026&theo=noi-cu-tru"))
    assert "Đảng ủy phường An Hải 1 chờ vào sổ 1 / 1" in communes
    assert "Còn 1 trên 1 đồng chí chưa có trả lời" in page
    assert "Còn 1 trên 1 đồng chí chưa có trả lời" in communes


def test_a_season_from_above(cast: Cast, play: Season, sign_in: SignIn) -> None:
    """Its committees, begun or not; down to a commune's cells, and never to anybody's name."""
    play.issued()
    second = second_campaign(cast)
    Campaign.objects.filter(pk=second.pk).update(state="draft")
    seat = cast.overseer.seats.get()
    days = {"self_criticism_on": "2026-12-01", "due_on": "2026-11-15", "basis": "Kế hoạch số 12-KH/TU"}
    season = models.Season.objects.create(lead=cast.province, year=2026, prepared_by=seat, **days)
    Campaign.objects.update(season=season)
    url, client = reverse("evaluations:season_steps", args=[season.pk]), sign_in(cast.overseer)
    assert url in shown(client, reverse("evaluations:season_page", args=[season.pk]))
    late = (timezone.localdate() - date(2026, 11, 15)).days
    page = words(shown(client, url))
    assert "Thành ủy Đà Nẵng · 2 đảng ủy · hạn trả lời 15/11/2026" in page
    assert "1 trên 2 đảng ủy chưa phát hành." in page
    assert "Còn 1 trên 1 đồng chí chưa có trả lời" in page
    assert f"Sở Thử Nghiệm đã phát hành hạn 15/11/2026 1 chờ vào sổ 1 / 1 {late} ngày" in page
    assert "Sở Láng Giềng đang soạn hạn 15/11/2026 chưa có đề nghị nào" in page
    cells = reverse("evaluations:figures_commune", args=[cast.ward.pk]) + f"?nam=2026&mua={season.pk}&"
    assert f'href="{cells}"' in shown(client, f"{url}?theo=noi-cu-tru")
    assert "Chưa phân về chi bộ 1 chờ vào sổ 1 / 1" in words(shown(client, cells))
    elsewhere = cells.replace(f"mua={season.pk}", f"mua={season.pk + 1}")
    assert client.get(elsewhere).status_code == 404
    assert sign_in(cast.officer).get(url).status_code == 404
    for query in ("", "?theo=noi-cu-tru"):
        assert "Trần Thị Thử" not in words(shown(client, url + query))


def test_a_committee_above_sees_the_figures_below(cast: Cast, play: Season, sign_in: SignIn) -> None:
    """Counts, not people: who reads the answers is of the committee that asked."""
    above = factories.organization(cast.province, "Đảng ủy Khối Thử", "grassroots")
    officer = factories.official("above", "Cao Văn Khối", above, Role.OFFICER)
    cast.ministry.parent, cast.ministry.path = above, f"{above.path}{cast.ministry.pk}/"
    cast.ministry.save()
    campaign = play.issued()
    client = sign_in(officer)
    assert "Còn 1 trên 1 đồng chí chưa có trả lời" in words(shown(client, FIGURES))
    steps = reverse("evaluations:campaign_steps", args=[campaign.pk])
    page = shown(client, steps)
    assert "Còn 1 trên 1 đồng chí chưa có trả lời" in words(page)
    assert "don-vi=" not in page
    assert client.get(steps + "?buoc=register").status_code == 403
    assert client.get(reverse("evaluations:campaign_page", args=[campaign.pk])).status_code == 403


def test_figures_of_one_campaign(cast: Cast, play: Season, sign_in: SignIn) -> None:
    first = play.issued()
    second = second_campaign(cast)
    client = sign_in(cast.overseer)
    assert "Còn 1 trên 1" in words(shown(client, f"{FIGURES}?nam=2026&dot={first.pk}"))
    assert "Chưa có đề nghị nào" in words(shown(client, f"{FIGURES}?nam=2026&dot={second.pk}"))
    # A workplace sees its own only, whatever stands in the address.
    own = words(shown(sign_in(cast.officer), f"{FIGURES}?nam=2026&dot={second.pk}"))
    assert "Còn 1 trên 1" in own
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
    second_campaign(cast)
    client = sign_in(cast.administrator)
    urls = (FIGURES, f"{FIGURES}?theo=noi-cu-tru")

    def queries() -> list[int]:
        found = []
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(connection) as asked:
                client.get(url)
            found.append(len(asked))
        return found

    one = queries()
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
    assert queries() == one
    page = shown(client, FIGURES)
    assert page.count("Lập báo cáo<") == page.count("csrfmiddlewaretoken") - 1 == 4
    assert Letter.objects.count() == 1
