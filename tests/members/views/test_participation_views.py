"""The residence cell enters what happened: meetings, attendance, the joint review with the Front."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from members.models import Attendance, AuditEvent, ContactMeeting, JointReview, Member, Placement, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
YEAR = Season.YEAR


def url(cast: Cast, page: str = "diem-danh", year: int = YEAR) -> str:
    return f"/chi-bo/{cast.cell.pk}/{page}/{year}/"


def live_in(cast: Cast, *names: str) -> list[Placement]:
    people = [factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell) for name in names]
    return [person.placements.get() for person in people]


def sheet(
    meetings: list[ContactMeeting], shown: dict[Placement, str], chosen: dict[Placement, list[str]]
) -> dict[str, Any]:
    """What a browser sends: what the page had shown and what is chosen now."""
    data: dict[str, Any] = {"meetings": ",".join(str(meeting.pk) for meeting in meetings)}
    data |= {f"was-{placement.pk}": text for placement, text in shown.items()}
    for placement, statuses in chosen.items():
        data |= {f"{meeting.pk}-{placement.pk}": s for meeting, s in zip(meetings, statuses, strict=True)}
    return data


def recorded() -> set[tuple[int, int, str]]:
    return set(Attendance.objects.values_list("meeting_id", "placement_id", "status"))


def test_attendance_is_entered_in_one_go_for_all_meetings(cast: Cast, play: Season, sign_in: SignIn) -> None:
    first, second = play.meeting(), play.meeting(date(2026, 9, 1))
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    data = sheet([first, second], {an: "--", binh: "--"}, {an: ["present", "excused"], binh: ["absent", ""]})

    answer = sign_in(cast.secretary).post(url(cast), data, follow=True)

    assert answer.redirect_chain == [(url(cast), 302)]
    assert [str(message) for message in answer.context["messages"]] == ["Đã lưu điểm danh: 3 ô thay đổi."]
    assert recorded() == {
        (first.pk, an.pk, "present"),
        (second.pk, an.pk, "excused"),
        (first.pk, binh.pk, "absent"),
    }


def test_a_status_can_be_corrected_and_taken_back(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting = play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)
    client.post(url(cast), sheet([meeting], {an: "-", binh: "-"}, {an: ["present"], binh: ["present"]}))
    client.post(url(cast), sheet([meeting], {an: "p", binh: "p"}, {an: ["absent"], binh: [""]}))
    assert recorded() == {(meeting.pk, an.pk, "absent")}


def test_what_somebody_else_entered_meanwhile_stays(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting = play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)
    client.post(url(cast), sheet([meeting], {an: "-", binh: "-"}, {an: ["absent"], binh: [""]}))
    # This page was opened before: it still shows both empty, and its writer only knows about Bình.
    client.post(url(cast), sheet([meeting], {an: "-", binh: "-"}, {an: [""], binh: ["excused"]}))
    assert recorded() == {(meeting.pk, an.pk, "absent"), (meeting.pk, binh.pk, "excused")}


def test_empty_cells_of_one_meeting_become_present(cast: Cast, play: Season, sign_in: SignIn) -> None:
    first, second = play.meeting(), play.meeting(date(2026, 9, 1))
    an, binh, chau = live_in(cast, "Lê Thử An", "Lê Thử Bình", "Lê Thử Châu")
    client = sign_in(cast.secretary)
    client.post(url(cast), sheet([first, second], {chau: "--"}, {chau: ["absent", ""]}))
    chosen = {an: ["excused", ""], binh: ["", ""], chau: ["", ""]}
    data = sheet([first, second], {an: "--", binh: "--", chau: "--"}, chosen)
    client.post(url(cast), data | {"fill": first.pk})
    assert recorded() == {(first.pk, an.pk, "excused"), (first.pk, binh.pk, "present"), (first.pk, chau.pk, "absent")}


def test_unknown_status_writes_nothing(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting = play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    data = sheet([meeting], {an: "-", binh: "-"}, {an: ["present"], binh: ["drunk"]})
    answer = sign_in(cast.secretary).post(url(cast), data, HTTP_REFERER=f"http://testserver{url(cast)}", follow=True)
    assert recorded() == set()
    assert "không hợp lệ" in str(list(answer.context["messages"])[0])


def test_members_of_another_cell_cannot_be_entered(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting = play.meeting()
    stranger = factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell).placements.get()
    exempt = factories.member(
        workplace=cast.office_cell, commune=cast.ward, cell=cast.cell, standing="exempt_activity"
    ).placements.get()
    data = sheet([meeting], {stranger: "-", exempt: "-"}, {stranger: ["present"], exempt: ["present"]})
    sign_in(cast.secretary).post(url(cast), data)
    assert recorded() == set()


@pytest.mark.parametrize("page", ["diem-danh", "cuoc-hop", "hop-mat-tran"])
def test_who_may_open_and_write(cast: Cast, sign_in: SignIn, page: str) -> None:
    factories.official("committee", "Cao Thị Chi Ủy", cast.cell, Role.CELL_COMMITTEE)
    expected = dict.fromkeys(cast.people(), 404) | {"ward_clerk": 403, "ward_officer": 403, "ward_signer": 403}
    expected |= {"secretary": 200, "committee": 200}
    people = {**cast.people(), "committee": User.objects.get(username="committee")}
    assert {name: sign_in(person).get(url(cast, page)).status_code for name, person in people.items()} == expected
    refused = {name: code for name, code in expected.items() if code != 200}
    assert {name: sign_in(people[name]).post(url(cast, page), {}).status_code for name in refused} == refused
    assert Client().get(url(cast, page)).status_code == 302
    assert sign_in(cast.secretary).put(url(cast, page)).status_code == 405


@pytest.mark.parametrize("year", [0, 1999, 2050, 99999])
def test_impossible_years_do_not_exist(cast: Cast, sign_in: SignIn, year: int) -> None:
    assert sign_in(cast.secretary).get(url(cast, year=year)).status_code == 404


def test_reading_the_list_is_recorded(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    sign_in(cast.secretary).get(url(cast))
    event = AuditEvent.objects.get(verb="read")
    assert (event.object_type, event.object_ids, event.count, event.user_id) == (
        "members.Placement",
        [an.pk, binh.pk],
        2,
        cast.secretary.pk,
    )


def test_queries_do_not_grow_with_members(
    cast: Cast, play: Season, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    play.meeting()
    live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    client.get(url(cast))
    with django_assert_num_queries(8):
        client.get(url(cast))
    live_in(cast, "Lê Thử Bình", "Lê Thử Châu")
    play.meeting(date(2026, 9, 1))
    with django_assert_num_queries(8):
        client.get(url(cast))


def test_meeting_is_added_once(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.secretary)
    data = {"held_on": "2026-05-15", "kind": "residents", "theme": "Họp dân cuối quý"}
    answer = client.post(url(cast, "cuoc-hop"), data)
    assert (answer.status_code, answer["Location"]) == (302, url(cast))
    fields = ("cell_id", "held_on", "kind", "theme", "recorded_by__user_id")
    stored = [(cast.cell.pk, date(2026, 5, 15), "residents", "Họp dân cuối quý", cast.secretary.pk)]
    assert list(ContactMeeting.objects.values_list(*fields)) == stored

    again = client.post(url(cast, "cuoc-hop"), {**data, "held_on": "15/05/2026"})
    assert again.context["form"].errors == {"held_on": ["Cuộc họp loại này trong ngày đã chọn đã có trong sổ."]}
    assert list(ContactMeeting.objects.values_list(*fields)) == stored


@pytest.mark.parametrize(
    ("held_on", "error"),
    [
        ("2025-12-31", "Ngày họp phải trong năm 2026."),
        ("future", "Ngày này chưa đến. Chỉ ghi cuộc họp đã diễn ra."),
    ],
)
def test_meeting_day_is_past_and_of_the_year(cast: Cast, sign_in: SignIn, held_on: str, error: str) -> None:
    if held_on == "future":
        held_on = (timezone.localdate() + timedelta(days=1)).isoformat()
    data = {"held_on": held_on, "kind": "periodic", "theme": "Không được mất"}
    answer = sign_in(cast.secretary).post(url(cast, "cuoc-hop"), data)
    assert answer.context["form"].errors == {"held_on": [error]}
    assert "Không được mất" in answer.content.decode()
    assert not ContactMeeting.objects.exists()


def test_meeting_form_names_each_mistake(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.secretary).post(
        url(cast, "cuoc-hop"), {"held_on": "hôm qua", "kind": "x", "theme": "y" * 201}
    )
    assert sorted(answer.context["form"].errors) == ["held_on", "kind", "theme"]


REVIEW = {
    "rows": "3",
    "held_on": "2026-10-20",
    "cell-1-name": "Ngô Văn Bí Thư",
    "cell-1-position": "Bí thư chi bộ",
    "front-2-name": "Đinh Thị Mặt Trận",
    "front-2-position": "Trưởng ban",
}


def test_joint_review_is_recorded_with_both_sides(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.secretary).post(url(cast, "hop-mat-tran"), REVIEW, follow=True)
    review = JointReview.objects.get()
    assert (review.cell, review.year, review.held_on) == (cast.cell, YEAR, date(2026, 10, 20))
    assert review.attendees == [
        {"side": "cell", "name": "Ngô Văn Bí Thư", "position": "Bí thư chi bộ"},
        {"side": "front", "name": "Đinh Thị Mặt Trận", "position": "Trưởng ban"},
    ]
    assert review.recorded_by.user == cast.secretary
    assert "Đinh Thị Mặt Trận, Trưởng ban" in answer.content.decode()


ONE_SIDE = {key: value for key, value in REVIEW.items() if not key.startswith("front")}
BOTH = "Một người không thể vừa đại diện chi ủy vừa đại diện Ban công tác Mặt trận. "
BOTH += "Nếu là hai người trùng họ tên, xin ghi thêm năm sinh sau họ tên."


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (ONE_SIDE, {"front-1-name": ["Phía Ban công tác Mặt trận phải có ít nhất một đồng chí dự họp."]}),
        ({**REVIEW, "front-2-name": "NGÔ VĂN BÍ THƯ"}, {"front-2-name": [BOTH]}),
        ({**REVIEW, "cell-1-position": ""}, {"cell-1-position": ["Xin ghi chức vụ."]}),
        ({**REVIEW, "cell-1-name": ""}, {"cell-1-name": ["Xin ghi họ và tên."]}),
        ({**REVIEW, "held_on": "2025-10-20"}, {"held_on": ["Ngày họp phải trong năm 2026."]}),
    ],
)
def test_joint_review_needs_two_sides_and_a_day(
    cast: Cast, sign_in: SignIn, data: dict[str, str], errors: dict[str, list[str]]
) -> None:
    answer = sign_in(cast.secretary).post(url(cast, "hop-mat-tran"), data)
    assert answer.context["form"].errors == errors
    assert "Bí thư chi bộ" in answer.content.decode() or "cell-1-position" in errors
    assert not JointReview.objects.exists()


def test_more_lines_keep_what_was_typed_and_judge_nothing(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.secretary).post(url(cast, "hop-mat-tran"), {**ONE_SIDE, "more": "1"})
    form = answer.context["form"]
    assert (form.rows, form.errors, form["cell-1-name"].value(), form["held_on"].value()) == (
        6,
        {},
        "Ngô Văn Bí Thư",
        "2026-10-20",
    )
    assert not JointReview.objects.exists()


def test_joint_reviews_of_the_year_are_shown_no_others(cast: Cast, play: Season, sign_in: SignIn) -> None:
    review = play.review()
    JointReview.objects.create(
        cell=cast.cell, year=2025, held_on=date(2025, 10, 1), attendees=[], recorded_by=review.recorded_by
    )
    earlier = sign_in(cast.secretary).get(url(cast, "hop-mat-tran")).context["earlier"]
    assert [shown[0] for shown in earlier] == [review]


def test_a_name_never_stands_alone(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.meeting()
    live_in(cast, "Lê Thử An")
    member = Member.objects.get(full_name="Lê Thử An")
    text = sign_in(cast.secretary).get(url(cast)).content.decode()
    assert f"{member.birth_year} · Đảng ủy Sở Thử Nghiệm · {member.address}" in text


# Two people at one cell of the book, and saving while entering


def test_a_cell_changed_by_two_shows_both_words_and_saves_the_rest(cast: Cast, play: Season, sign_in: SignIn) -> None:
    meeting = play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)
    client.post(url(cast), sheet([meeting], {an: "-"}, {an: ["absent"]}))
    mine = sheet([meeting], {an: "-", binh: "-"}, {an: ["present"], binh: ["excused"]})
    answer = client.post(url(cast), mine)
    assert (answer.status_code, recorded()) == (409, {(meeting.pk, an.pk, "absent"), (meeting.pk, binh.pk, "excused")})
    assert "đã ghi “vắng không lý do”, đồng chí vừa chọn “có mặt”" in answer.content.decode()
    # The page now knows what is stored: pressing again is a decision.
    assert f'name="was-{an.pk}" value="a"' in answer.content.decode()
    assert client.post(url(cast), sheet([meeting], {an: "a"}, {an: ["present"]})).status_code == 302
    assert (meeting.pk, an.pk, "present") in recorded()


def test_saving_while_entering_returns_the_pieces_of_the_rows_that_came(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    meeting = play.meeting()
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    draft = f"{url(cast)}luu-tam/"
    client = sign_in(cast.secretary)
    earlier = play.meeting(date(2026, 1, 2))  # entered by somebody else since this page was opened
    answer = client.post(draft, sheet([meeting], {an: "-"}, {an: ["present"]}))
    text = answer.content.decode()
    assert (answer.status_code, recorded()) == (200, {(meeting.pk, an.pk, "present")})
    assert f'name="was-{an.pk}" value="p"' in text
    assert f"was-{binh.pk}" not in text
    assert "Đã lưu lúc" in text
    clash = client.post(draft, sheet([meeting], {an: "-"}, {an: ["absent"]}))
    assert (clash.status_code, "vừa được ghi ở nơi khác" in clash.content.decode()) == (409, True)
    assert client.post(draft, sheet([meeting, earlier], {an: "p-"}, {an: ["drunk", ""]})).status_code == 422
    assert recorded() == {(meeting.pk, an.pk, "present")}
