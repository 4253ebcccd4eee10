"""The pages that move a member: what is shown first is what happens."""

from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import EvaluationRequest, Transfer
from evaluations.models.requests import assign_to_cells, decline
from members.models import Member, Placement, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]
NAMES = ("residence", "workplace", "retirement", "death", "leaving")


def address(name: str, member: Member) -> str:
    return reverse(f"evaluations:move_{name}", args=[member.pk])


def seal_in(page: str) -> str:
    return page.split('name="seen" value="')[1].split('"')[0]


def test_the_members_page_leads_to_every_move(cast: Cast, sign_in: SignIn) -> None:
    page = sign_in(cast.officer).get(reverse("members:member_page", args=[cast.asked.pk])).content.decode()
    assert all(address(name, cast.asked) in page for name in NAMES)
    others = sign_in(cast.signer).get(reverse("members:member_page", args=[cast.asked.pk])).content.decode()
    assert not any(address(name, cast.asked) in others for name in NAMES)


def test_a_move_is_shown_and_then_comes_true(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.written()
    client, url = sign_in(cast.officer), address("residence", cast.asked)
    said = {"how": "moved", "on": "2026-09-01", "commune": "phường Sơn Trà", "words": "Tổ 3", "address": "9 Lê Lợi"}

    shown = client.post(url, said).content.decode()
    for words in (
        "Chi bộ Tổ dân phố 7 nhận xét từ 01/01/2026 đến 31/08/2026",
        "Đảng ủy phường Sơn Trà nhận xét từ 01/09/2026 đến 31/12/2026",
    ):
        assert words in shown
    assert EvaluationRequest.objects.count() == 1
    response = client.post(url, said | {"seen": seal_in(shown)}, follow=True)
    assert "1 đề nghị chờ ký phát hành công văn gửi nơi mới" in response.content.decode()
    assert EvaluationRequest.objects.count() == 2
    place = Placement.objects.current().get(member=cast.asked)
    assert (place.commune, place.cell_as_written) == (cast.other_ward, "Tổ 3")
    cast.asked.refresh_from_db()
    assert cast.asked.address == "9 Lê Lợi"


def test_what_changed_meanwhile_is_shown_again(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.registered()
    client, url = sign_in(cast.officer), address("residence", cast.asked)
    said = {"how": "moved", "on": "2026-09-01", "commune": "phường Sơn Trà"}
    seen = seal_in(client.post(url, said).content.decode())
    matter = EvaluationRequest.objects.get()
    assign_to_cells({matter: cast.cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))

    again = client.post(url, said | {"seen": seen})
    assert again.status_code == 409
    assert "Hỏi cả hai nơi" in again.content.decode()
    assert Placement.objects.get(member=cast.asked).until_on is None
    client.post(url, said | {"seen": seal_in(again.content.decode())})
    assert Placement.objects.filter(member=cast.asked).count() == 2


@pytest.mark.parametrize("name", ["retirement", "death", "leaving"])
def test_the_plain_ends_are_shown_at_once(cast: Cast, sign_in: SignIn, play: Season, name: str) -> None:
    play.registered()
    client, url = sign_in(cast.officer), address(name, cast.asked)
    page = client.get(url).content.decode()
    assert "Thôi đề nghị Đảng ủy phường An Hải" in page
    today = page.split('name="on" value="')[1].split('"')[0]
    response = client.post(url, {"on": today, "seen": seal_in(page)})
    # Nobody here reaches the page of who has gone.
    assert response["Location"] == reverse("members:member_list")
    assert EvaluationRequest.objects.get().state == "cancelled"
    assert client.get(reverse("evaluations:request_page", args=[EvaluationRequest.objects.get().pk])).status_code == 200


def test_to_another_cell_or_out_of_the_house(cast: Cast, sign_in: SignIn) -> None:
    other = factories.workplace_cell(cast.ministry, "Phòng Tổ chức")
    client, url = sign_in(cast.officer), address("workplace", cast.asked)
    assert "Chọn chi bộ mới." in client.post(url, {"where": "cell", "on": "2026-09-01"}).content.decode()
    for where, now in (("cell", other.name), ("outside", None)):
        said = {"where": where, "cell": other.pk if now else "", "note": "Đảng ủy Sở Y tế tỉnh Gia Lai"}
        said["on"] = "2026-09-01" if now else "2026-10-01"
        client.post(url, said | {"seen": seal_in(client.post(url, said).content.decode())})
        open_now = cast.asked.memberships.filter(until_on=None).first()
        assert (open_now and open_now.cell.name) == now
    assert cast.asked.memberships.order_by("pk").last().end_note == "Đảng ủy Sở Y tế tỉnh Gia Lai"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"on": "2031-01-01"}, "Ngày này chưa đến"),
        ({"on": "2019-01-01"}, "phải từ 01/01/2020 trở đi"),
        ({"on": ""}, "Ghi ngày bắt đầu ở nơi mới"),
        ({"commune": "phường Không Có"}, "không có trong danh bạ"),
        ({"how": "fly"}, "fly"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(cast: Cast, sign_in: SignIn, said: dict[str, str], words: str) -> None:
    whole = {"how": "moved", "on": "2026-09-01", "commune": "phường Sơn Trà", "words": "Tổ 3"} | said
    page = sign_in(cast.officer).post(address("residence", cast.asked), whole).content.decode()
    assert words in page
    assert 'value="Tổ 3"' in page
    assert "Điều sẽ xảy ra" not in page


def test_a_move_reads_as_much_for_one_request_as_for_three(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.answered()
    client, url = sign_in(cast.officer), address("retirement", cast.asked)
    client.get(url)
    counts = []
    for year in (None, 2024, 2025):
        if year:
            matter = EvaluationRequest.objects.get(year=Season.YEAR)
            campaign = matter.campaign
            assert campaign
            campaign.pk, campaign.year = None, year
            campaign.save()
            matter.pk, matter.year, matter.campaign = None, year, campaign
            matter.save()
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        counts.append(len(queries))
    assert counts[0] == counts[-1]


def test_both_parts_of_the_year_lead_to_each_other(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.written()
    client, url = sign_in(cast.officer), address("residence", cast.asked)
    said = {"how": "moved", "on": "2026-05-01", "commune": "phường Sơn Trà"}
    client.post(url, said | {"seen": seal_in(client.post(url, said).content.decode())})
    pages = [
        reverse("evaluations:request_page", args=[matter.pk]) for matter in EvaluationRequest.objects.order_by("pk")
    ]
    assert f'<a href="{pages[1]}">Đảng ủy phường Sơn Trà, từ 01/05/2026' in client.get(pages[0]).content.decode()
    assert f'<a href="{pages[0]}">Đảng ủy phường An Hải, từ 01/01/2026' in client.get(pages[1]).content.decode()


def test_a_request_and_the_one_that_replaces_it_lead_to_each_other(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.issued()
    client, url = sign_in(cast.officer), address("residence", cast.asked)
    said = {"how": "moved", "on": "2026-05-01", "commune": "phường Sơn Trà"}
    client.post(url, said | {"seen": seal_in(client.post(url, said).content.decode())})
    old, new = (reverse("evaluations:request_page", args=[row.pk]) for row in EvaluationRequest.objects.order_by("pk"))
    assert f'Đã thay bằng đề nghị: <a href="{new}">' in client.get(old).content.decode()
    assert f'Thay cho đề nghị trước: <a href="{old}">' in client.get(new).content.decode()


def test_a_member_is_asked_over_and_taken_in(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.answered()
    client, url = sign_in(cast.officer), address("workplace", cast.asked)
    said = {"where": "elsewhere", "committee": "Đảng ủy Sở Láng Giềng (Thành ủy Đà Nẵng)", "on": "2026-09-01"}
    shown = client.post(url, said).content.decode()
    assert "Đảng ủy Sở Láng Giềng đọc và sử dụng nhận xét đã có" in shown
    done = client.post(url, said | {"seen": seal_in(shown)}, follow=True).content.decode()
    assert "Khi nơi đó tiếp nhận, việc chuyển mới có hiệu lực" in done
    transfer = Transfer.objects.get()
    page = reverse("evaluations:transfer", args=[transfer.pk])
    assert page in client.get(url).content.decode()
    assert "Rút đề nghị chuyển" in client.get(page).content.decode()

    theirs = sign_in(cast.neighbour)
    assert "1 việc cần xử lý" in theirs.get("/").content.decode()
    listed = theirs.get(reverse("evaluations:attention", args=[cast.other_ministry.pk])).content.decode()
    assert page in listed
    assert "Chọn chi bộ tiếp nhận." in theirs.post(page, {"do": "accept"}).content.decode()
    cell = factories.workplace_cell(cast.other_ministry, "Phòng Kế hoạch")
    seen = seal_in(theirs.get(page).content.decode())
    theirs.post(page, {"do": "accept", "cell": cell.pk, "position": "Phó phòng", "seen": seen})
    assert cast.asked.memberships.get(until_on=None).cell == cell

    matter = reverse("evaluations:request_page", args=[EvaluationRequest.objects.get().pk])
    listed = theirs.get(reverse("evaluations:attention", args=[cast.other_ministry.pk])).content.decode()
    assert matter in listed
    read = theirs.get(matter).content.decode()
    assert "Nêu gương tốt" in read
    assert "Đảng ủy Sở Thử Nghiệm giữ" in read
    # The old committee sees where it went, and reads it no longer.
    campaign = EvaluationRequest.objects.get().campaign_id
    ours = client.get(reverse("evaluations:campaign_commune", args=[campaign, cast.ward.pk])).content.decode()
    assert "đã chuyển công tác; Đảng ủy Sở Láng Giềng nhận trả lời" in ours
    assert matter not in ours
    assert client.get(matter).status_code == 404


@pytest.mark.parametrize("do", ["refuse", "withdraw"])
def test_a_question_ends_without_a_move(cast: Cast, sign_in: SignIn, do: str) -> None:
    seat = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)
    transfer = Transfer.objects.ask(cast.asked, cast.other_ministry, date(2026, 9, 1), by=seat)
    page = reverse("evaluations:transfer", args=[transfer.pk])
    sign_in(cast.neighbour if do == "refuse" else cast.officer).post(page, {"do": do, "answer": "Chưa có quyết định"})
    transfer.refresh_from_db()
    assert transfer.state == {"refuse": "refused", "withdraw": "withdrawn"}[do]
    assert "Chưa có quyết định" in sign_in(cast.officer).get(page).content.decode() or do == "withdraw"


def test_what_came_back_is_sent_on_or_left_in_one_press(cast: Cast, sign_in: SignIn, play: Season) -> None:
    letter = play.registered()
    decline(letter.requests.all(), "not_resident", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    client, matter = sign_in(cast.officer), EvaluationRequest.objects.get()
    url, act = (
        reverse(f"evaluations:attention{name}", args=[pk]) for name, pk in (("", cast.ministry.pk), ("_act", matter.pk))
    )
    page = client.get(url).content.decode()
    for words in (
        "chuyển lại: không cư trú tại địa bàn",
        "Ghi nơi cư trú đúng",
        "Vẫn ở đó: gửi lại",
        address("residence", cast.asked),
    ):
        assert words in page
    client.post(act, {"do": "leave", "note": ""}, headers={"Referer": f"http://testserver{url}"})
    assert EvaluationRequest.objects.get().set_aside_at is None
    client.post(act, {"do": "resend"})
    assert [row.state for row in EvaluationRequest.objects.order_by("pk")] == ["declined", "prepared"]
    assert "Không có việc nào vướng" in client.get(url).content.decode()


def test_what_came_back_is_left(cast: Cast, sign_in: SignIn, play: Season) -> None:
    letter = play.registered()
    decline(letter.requests.all(), "not_resident", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    act = reverse("evaluations:attention_act", args=[EvaluationRequest.objects.get().pk])
    sign_in(cast.officer).post(act, {"do": "leave", "note": "Chuyển công tác tháng sau"})
    assert EvaluationRequest.objects.get().set_aside_note == "Chuyển công tác tháng sau"


def test_the_ward_gives_another_cell(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.assigned()
    cast.secretary.seats.update(until_on=date(2026, 10, 1))
    client, url = sign_in(cast.ward_officer), reverse("evaluations:reassign", args=[cast.ward.pk])
    assert "1 việc cần xử lý" in client.get("/").content.decode()
    assert "không có bí thư" in client.get(url).content.decode()
    matter = EvaluationRequest.objects.get()
    assert client.post(url, {"matter": matter.pk, "cell": 10**9}).status_code == 404
    client.post(url, {"matter": matter.pk, "cell": cast.other_cell.pk})
    matter.refresh_from_db()
    assert matter.residence_cell == cast.other_cell
    assert "Không có đồng chí nào phải phân lại" in client.get(url).content.decode()
