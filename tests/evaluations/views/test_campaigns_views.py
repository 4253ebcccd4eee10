"""The workplace's pages of a campaign, from the empty form to its end."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Campaign, Document, EvaluationRequest, Letter, NumberRange, NumberSeries
from members.models import AuditEvent, User
from members.roles import Action, Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]


def url(name: str, *args: int) -> str:
    return reverse(f"evaluations:campaign_{name}", args=args)


def says(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# Create


def start() -> date:
    return timezone.localdate() + timedelta(days=60)


def test_create_proposes_the_due_day_of_the_rulebook(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.officer).post(
        url("create", cast.ministry.pk), {"year": start().year, "self_criticism_on": f"{start():%d/%m/%Y}"}
    )
    campaign = Campaign.objects.get()
    assert answer.headers["Location"] == url("page", campaign.pk)
    assert (campaign.committee, campaign.year, campaign.state) == (cast.ministry, start().year, "draft")
    assert (campaign.self_criticism_on, campaign.due_on) == (start(), start() - timedelta(days=15))
    assert campaign.prepared_by.user == cast.officer
    assert AuditEvent.objects.get(verb="Campaign.prepare").object_id == campaign.pk


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"year": ""}, "year", "Ghi năm nhận xét."),
        ({"year": "1999"}, "year", "Năm nhận xét từ"),
        ({"year": "hai nghìn"}, "year", "Ghi năm bằng bốn chữ số."),
        ({"self_criticism_on": "31/02/2026"}, "self_criticism_on", "Ghi ngày dạng ngày/tháng/năm"),
        ({"self_criticism_on": "2012-12-01"}, "self_criticism_on", "không thuộc kỳ kiểm điểm"),
        ({"due_on": f"{start():%Y-%m-%d}"}, "due_on", "phải trước ngày bắt đầu kiểm điểm"),
        ({"due_on": f"{timezone.localdate() - timedelta(days=1):%Y-%m-%d}"}, "due_on", "đã qua"),
        ({"reply_address": "x" * 251}, "reply_address", "250"),
    ],
)
def test_create_refuses_beside_the_field_and_keeps_what_was_typed(
    cast: Cast, sign_in: SignIn, changes: dict[str, str], field: str, sentence: str
) -> None:
    typed = {"year": str(start().year), "self_criticism_on": f"{start():%Y-%m-%d}", "reply_address": "12 Thử"} | changes
    answer = sign_in(cast.officer).post(url("create", cast.ministry.pk), typed)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors)) == (200, [field])
    assert sentence in form.errors[field][0]
    assert [form[name].value() for name in typed] == list(typed.values())
    assert Campaign.objects.count() == 0


def test_second_campaign_of_a_year_is_refused(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.campaign()
    answer = sign_in(cast.officer).post(
        url("create", cast.ministry.pk), {"year": 2026, "self_criticism_on": "2026-12-31", "due_on": "2026-12-30"}
    )
    assert answer.context["form"].errors["year"] == ["Đảng ủy Sở Thử Nghiệm đã có đợt lấy ý kiến năm 2026."]


# Draft, present, issue


def test_draft_shows_who_is_asked_and_who_is_not_with_the_reason(cast: Cast, sign_in: SignIn, play: Season) -> None:
    factories.member("Mai Văn Miễn", workplace=cast.office_cell, commune=cast.ward, standing="exempt_activity")
    factories.member("Mai Văn Mới", workplace=cast.office_cell, commune=cast.ward, joined_on=date(2026, 10, 1))
    factories.member("Mai Chưa Nơi Ở", workplace=cast.office_cell)
    page = shown(sign_in(cast.officer), url("page", play.campaign().pk))
    for words in (
        "Sẽ đề nghị nhận xét 1 đồng chí, gửi 1 đơn vị",
        "Không đề nghị nhận xét: 3 đồng chí",
        "Giới thiệu nhưng được miễn sinh hoạt nơi cư trú: 1 đồng chí",
        "Mai Văn Miễn",
        "Mai Văn Mới",
        "Mai Chưa Nơi Ở",
        "Trình ký 1 công văn",
    ):
        assert words in page
    assert "Trình ký 1 công văn" not in shown(sign_in(cast.signer), url("page", play.campaign().pk))


def test_present_then_take_back(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.campaign(), sign_in(cast.officer)
    answer = client.post(url("present", campaign.pk), follow=True)
    assert "Đã trình ký 1 công văn." in says(answer)[0]
    letter = Document.objects.get()
    assert (letter.state, letter.presented_by.user) == ("for_signature", cast.officer)
    assert reverse("evaluations:document_preview", args=[letter.pk]) in answer.content.decode()
    client.post(url("take_back", campaign.pk))
    assert Document.objects.get().state == "draft"
    assert EvaluationRequest.objects.get().state == "cancelled"
    again = client.post(url("take_back", campaign.pk), follow=True)
    assert says(again)[-1] == "Không có công văn nào đang trình ký."


def test_present_without_anybody_to_ask_is_told_politely(cast: Cast, sign_in: SignIn, play: Season) -> None:
    cast.asked.placements.all().delete()
    answer = sign_in(cast.officer).post(url("present", play.campaign().pk), follow=True)
    assert "Chưa có đảng viên nào cần đề nghị nhận xét." in says(answer)[0]
    assert Document.objects.count() == 0


def issue(client: Client, campaign: Campaign, **fields: Any) -> Any:
    waiting = campaign.documents.filter(state=Document.State.FOR_SIGNATURE)
    ticked = {f"sign-{letter.pk}": "on" for letter in waiting}
    return client.post(url("issue", campaign.pk), {"how": "next"} | ticked | fields, follow=True)


def test_issue_takes_the_next_numbers_and_sends_once(cast: Cast, sign_in: SignIn, play: Season) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.other_ward)
    campaign, client = play.presented(), sign_in(cast.signer)
    page = shown(client, url("issue", campaign.pk))
    assert "Lấy số tiếp theo trong sổ: 01–02" in page
    assert page.index("phường An Hải") < page.index("phường Sơn Trà")
    assert "Đã phát hành 2 công văn." in says(issue(client, campaign))[0]
    assert says(issue(client, campaign)) == ["Không có công văn nào đang chờ ký phát hành."]
    issued = Document.objects.order_by("recipient__locality_key").values_list("number", "state")
    assert list(issued) == [("1", "issued"), ("2", "issued")]
    assert set(EvaluationRequest.objects.values_list("state", flat=True)) == {"issued"}
    assert Letter.objects.count() == 2


def test_issue_with_a_typed_number_records_the_gap(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign = play.presented()
    issue(sign_in(cast.signer), campaign, how="typed", first="15")
    assert Document.objects.get().number == "15"
    assert NumberRange.objects.values_list("first", "last", "kind").get() == (1, 14, "outside")


def test_issue_from_a_reserved_block(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign = play.presented()
    series = NumberSeries.locked(cast.ministry, "CV", timezone.localdate())
    block = series.reserve(3, "Văn thư giữ cho đợt", by=by(cast.officer, Action.PREPARE, cast.ministry))
    client = sign_in(cast.signer)
    assert "Lấy từ dải số giữ trước 01–03 (Văn thư giữ cho đợt)" in shown(client, url("issue", campaign.pk))
    issue(client, campaign, how=f"reserved-{block.pk}")
    block.refresh_from_db()
    assert (Document.objects.get().number, block.first) == ("1", 2)


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"how": ""}, "how", "Chọn cách cấp số cho công văn."),
        ({"how": "reserved-999"}, "how", ""),
        ({"how": "typed"}, "first", "Ghi số của công văn đầu tiên."),
        ({"how": "typed", "first": "-3"}, "first", "Số công văn từ 1 trở lên."),
        ({"how": "typed", "first": "mười"}, "first", "Ghi số bằng chữ số, ví dụ 15."),
        ({"how": "typed", "first": "7"}, "first", "Số 07 đã được dùng trong sổ."),
    ],
)
def test_issue_refuses_a_wrong_number_beside_the_field(
    cast: Cast, sign_in: SignIn, play: Season, fields: dict[str, str], field: str, sentence: str
) -> None:
    campaign = play.presented()
    series = NumberSeries.locked(cast.ministry, "CV", timezone.localdate())
    officer = by(cast.officer, Action.PREPARE, cast.ministry)
    series.ranges.create(first=7, last=7, kind="outside", reason="Sổ giấy", recorded_by=officer)
    answer = issue(sign_in(cast.signer), campaign, **fields)
    form = answer.context["form"]
    assert list(form.errors) == [field]
    assert sentence in form.errors[field][0]
    assert form["first"].value() == fields.get("first")
    assert Document.objects.get().state == "for_signature"
    assert NumberRange.objects.count() == 1


def test_who_presented_does_not_sign(cast: Cast, sign_in: SignIn, play: Season) -> None:
    factories.seat(cast.officer, cast.ministry, Role.SIGNER)
    campaign, client = play.presented(), sign_in(cast.officer)
    page = shown(client, url("issue", campaign.pk))
    assert "Cần đồng chí khác ký." in page
    assert 'name="how"' not in page
    answer = issue(client, campaign)
    assert "Người soạn không tự ký phát hành." in answer.context["form"].errors["how"][0]
    assert Document.objects.get().state == "for_signature"


# Open


def test_tiles_follow_the_letters(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.issued(), sign_in(cast.officer)

    def tile() -> tuple[str, str]:
        (row,) = client.get(url("page", campaign.pk)).context["standings"]
        return row.state, row.step

    assert tile() == ("unsent", "công văn chưa gửi đi")
    play.rendered()
    assert tile() == ("sent", "đảng ủy chưa vào sổ công văn đến")
    play.registered()
    assert tile() == ("registered", "còn 1 đồng chí chưa phân chi bộ")


def test_answered_commune_is_done(cast: Cast, sign_in: SignIn, play: Season) -> None:
    matter = play.answered()
    play.rendered()
    answer = sign_in(cast.officer).get(url("page", matter.campaign_id))
    (row,) = answer.context["standings"]
    assert (row.state, row.summary, row.step) == ("replied", "1 / 1 đồng chí đã có trả lời", "")
    assert answer.context["owing"] == []


def test_failed_letter_shows_the_words_of_the_server(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign = play.issued()
    Letter.objects.get().mark_failed("550 no such mailbox")
    page = shown(sign_in(cast.officer), url("page", campaign.pk))
    assert "gửi không được" in page
    assert "550 no such mailbox" in page
    assert "thư báo không gửi được, gọi điện cho đơn vị" in page


def test_progress_ends_when_everything_has_gone(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.issued(), sign_in(cast.officer)
    moving = client.get(url("progress", campaign.pk))
    assert (moving.status_code, "every 5s" in moving.content.decode()) == (200, True)
    play.rendered()
    gone = client.get(url("progress", campaign.pk))
    assert (gone.status_code, "every 5s" in gone.content.decode()) == (286, False)


def test_people_added_later_are_asked_in_a_second_letter(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign = play.issued()
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    client = sign_in(cast.officer)
    assert "Đồng chí chưa được hỏi trong đợt này" in shown(client, url("page", campaign.pk))
    client.post(url("present", campaign.pk))
    assert sorted(Document.objects.values_list("state", flat=True)) == ["for_signature", "issued"]


def test_close_keeps_who_was_silent(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.issued(), sign_in(cast.officer)
    assert says(client.post(url("close", campaign.pk), follow=True)) == [
        "Đã kết thúc đợt lấy ý kiến. 1 đề nghị được ghi “chưa có ý kiến của nơi cư trú”."
    ]
    campaign.refresh_from_db()
    assert (campaign.state, EvaluationRequest.objects.get().state) == ("closed", "no_reply")
    assert "đang ở bước" in says(client.post(url("close", campaign.pk), follow=True))[0]


# One commune


def test_commune_page_says_who_owes_the_step(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.issued(), sign_in(cast.officer)
    address = url("commune", campaign.pk, cast.ward.pk)

    def step() -> str:
        ((_, workplace, owed),) = client.get(address).context["rows"]
        assert workplace == "Chi bộ Văn phòng"
        return str(owed)

    assert step() == "Đảng ủy phường An Hải chưa vào sổ"
    play.registered()
    assert step() == "Đảng ủy phường An Hải chưa phân về chi bộ"
    assert "Trần Thị Thử" in shown(client, address)


@pytest.mark.parametrize(
    ("until", "owed"),
    [
        ("assigned", "Chi bộ Tổ dân phố 7 đang soạn nhận xét"),
        ("written", "Chi bộ Tổ dân phố 7 đang soạn nhận xét"),
        ("submitted", "Đảng ủy phường An Hải chưa xác nhận"),
        ("confirmed", "Đảng ủy phường An Hải chưa gửi công văn trả lời"),
        ("answered", "chờ nơi công tác mở đọc"),
    ],
)
def test_owed_step_inside_the_ward(cast: Cast, sign_in: SignIn, play: Season, until: str, owed: str) -> None:
    getattr(play, until)()
    campaign = Campaign.objects.get()
    ((_, _, step),) = sign_in(cast.officer).get(url("commune", campaign.pk, cast.ward.pk)).context["rows"]
    assert step == owed


def test_paper_pack_shows_its_code(cast: Cast, sign_in: SignIn, play: Season) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    campaign, client = play.issued(), sign_in(cast.officer)
    play.rendered()
    address = url("commune", campaign.pk, cast.far_ward.pk)
    letter = Letter.objects.get(channel="print")
    page = shown(client, address)
    assert letter.code in page
    assert reverse("evaluations:document_file", args=[letter.document_id]) in page
    assert reverse("evaluations:hand_over_letter", args=[letter.pk]) in page
    assert letter.code not in shown(sign_in(cast.signer), address)


# Who may


def test_who_may_see(cast: Cast, sign_in: SignIn, play: Season) -> None:
    clerk = factories.official("clerk", "Tạ Thị Văn Thư", cast.ministry, Role.CLERK)
    campaign = play.issued()
    expected = {"officer": 200, "signer": 200, "neighbour": 404, "ward_officer": 404, "secretary": 404, "overseer": 404}
    for address in (
        url("page", campaign.pk),
        url("commune", campaign.pk, cast.ward.pk),
    ):
        assert {name: sign_in(getattr(cast, name)).get(address).status_code for name in expected} == expected
        assert sign_in(clerk).get(address).status_code == 403
    assert sign_in(cast.officer).get(url("commune", campaign.pk, cast.other_ward.pk)).status_code == 404
    lists = {"officer": 200, "signer": 200, "secretary": 403, "overseer": 403, "nobody": 403}
    assert {name: sign_in(getattr(cast, name)).get(url("list")).status_code for name in lists} == lists
    creates = {"officer": 200, "signer": 403, "neighbour": 404, "ward_officer": 404}
    create = url("create", cast.ministry.pk)
    assert {name: sign_in(getattr(cast, name)).get(create).status_code for name in creates} == creates


@pytest.mark.parametrize(
    ("name", "refused"),
    [("present", "signer"), ("take_back", None), ("issue", "officer"), ("close", "signer")],
)
def test_who_may_act(cast: Cast, sign_in: SignIn, play: Season, name: str, refused: str | None) -> None:
    campaign = play.presented()
    address = url(name, campaign.pk)
    for person in (cast.neighbour, cast.ward_officer, cast.administrator):
        assert sign_in(person).post(address).status_code == 404
    if refused:
        assert sign_in(getattr(cast, refused)).post(address).status_code == 403
    if name != "issue":
        assert sign_in(cast.officer).get(address).status_code == 405
    campaign.refresh_from_db()
    assert (campaign.state, Document.objects.get().state) == ("draft", "for_signature")


def test_queries_do_not_grow(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign, client = play.issued(), sign_in(cast.officer)
    pages = [url("list"), url("page", campaign.pk), url("commune", campaign.pk, cast.ward.pk)]

    def queries() -> list[int]:
        found = []
        for address in pages:
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            found.append(len(captured))
        return found

    one = queries()
    for commune in (cast.ward, cast.other_ward, cast.far_ward):
        factories.member(workplace=cast.office_cell, commune=commune)
    play.issued()
    assert queries() == one


def test_a_block_is_kept_with_its_reason(cast: Cast, sign_in: SignIn, play: Season) -> None:
    campaign = play.presented()
    client = sign_in(cast.signer)
    url = reverse("evaluations:campaign_reserve", args=[campaign.pk])

    refused = client.post(url, {"count": "0", "reason": "Sổ giấy"}).content.decode()
    kept = client.post(url, {"count": "3", "reason": "Sổ giấy"}, follow=True)

    assert "Giữ ít nhất 1 số." in refused
    assert "Sổ giấy" in refused  # what was typed is still there
    assert says(kept) == ["Đã giữ số 01–03 cho: Sổ giấy."]
    assert NumberRange.objects.values_list("first", "last", "kind").get() == (1, 3, "reserved")


def test_cancelling_a_round_with_a_reason(cast: Cast, play: Season, sign_in: Any) -> None:
    campaign = play.issued()
    client = sign_in(cast.officer)
    refused = client.post(f"/dot/{campaign.pk}/huy/", {"reason": " "}, follow=True).content.decode()
    assert "Ghi lý do hủy đợt lấy ý kiến; chưa hủy gì." in refused
    done = client.post(f"/dot/{campaign.pk}/huy/", {"reason": "Phát hành nhầm"}, follow=True).content.decode()
    assert "Đã hủy đợt lấy ý kiến, 1 đề nghị chưa có trả lời được hủy." in done
    assert "Lý do: Phát hành nhầm" in done
