"""The residence cell rates everybody in one grid, writes about each on his own page, and sends what is complete."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from evaluations.models import Assessment, AssessmentVersion
from evaluations.rulebooks import load
from members.models import Activity, AuditEvent, Placement, User
from members.models.participation import record_attendance
from members.roles import Action, Role
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
YEAR = Season.YEAR
CODES = [*(criterion.code for criterion in load().criteria), "recommendation"]


def grid_url(cast: Cast) -> str:
    return f"/chi-bo/{cast.cell.pk}/nhan-xet/{YEAR}/"


def submit_url(cast: Cast) -> str:
    return f"{grid_url(cast)}gui/"


def person_url(cast: Cast, placement: Placement) -> str:
    return f"{grid_url(cast)}dong-chi/{placement.pk}/"


def live_in(cast: Cast, *names: str) -> list[Placement]:
    people = [factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell) for name in names]
    return [person.placements.get() for person in people]


def rated(placement: Placement, choices: str, shown: str = "0.------") -> dict[str, str]:
    """What a browser sends for one row: "0" to "2", "n" for no basis, "-" for nothing chosen."""
    chosen = {f"{placement.pk}-{code}": letter.strip("-") for code, letter in zip(CODES, choices, strict=True)}
    return {f"s{placement.pk}": shown, **chosen}


def stored(placement: Placement) -> str:
    """Edit number and choices as kept, in the same short form."""
    version = AssessmentVersion.objects.filter(assessment__placement=placement).order_by("-no").first()
    if version is None:
        return "nothing"
    letters = []
    for code in CODES:
        answer = version.answer(code)
        letters.append("n" if answer["no_basis"] else "-" if answer["option"] is None else str(answer["option"]))
    return f"{version.edit_no}.{''.join(letters)}"


def write(cast: Cast, placement: Placement, answers: dict[str, Any] = GOOD, remarks: str = "") -> AssessmentVersion:
    assessment, _ = Assessment.objects.get_or_create(placement=placement, year=YEAR)
    return assessment.write(answers, remarks, by=by(cast.secretary, Action.WRITE, cast.cell))


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# The grid


def test_grid_writes_changed_rows_only(cast: Cast, sign_in: SignIn) -> None:
    an, binh, chau = live_in(cast, "Lê Thử An", "Lê Thử Bình", "Lê Thử Châu")
    write(cast, binh)
    data = {**rated(an, "01210-"), **rated(binh, "000001", "1.000001"), **rated(chau, "------")}
    answer = sign_in(cast.secretary).post(grid_url(cast), {**data, "save": "save"}, follow=True)
    assert answer.redirect_chain == [(grid_url(cast), 302)]
    assert told(answer) == ["Đã lưu đánh giá của 1 đồng chí. Còn 2 / 3 đồng chí chưa đủ."]
    assert [stored(row) for row in (an, binh, chau)] == ["1.01210-", "1.000001", "nothing"]


def test_nothing_changed_is_said(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    answer = sign_in(cast.secretary).post(grid_url(cast), rated(an, "------"), follow=True)
    assert (told(answer), stored(an)) == (["Không có thay đổi nào cần lưu."], "nothing")


def test_what_is_missing_stands_in_the_row(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    text = sign_in(cast.secretary).post(grid_url(cast), rated(an, "00n001"), follow=True).content.decode()
    assert "Mục 3: ghi lý do không có cơ sở để đánh giá." in text


def test_row_edited_meanwhile_is_told_with_both_values_and_others_are_saved(cast: Cast, sign_in: SignIn) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    write(cast, an)
    client = sign_in(cast.secretary)
    answer = client.post(grid_url(cast), {**rated(an, "2-----"), **rated(binh, "1-----")})
    assert (answer.status_code, stored(an), stored(binh)) == (409, "1.000001", "1.1-----")
    assert told(answer) == ["Đã lưu đánh giá của 1 đồng chí. Còn 1 / 2 đồng chí chưa đủ."]
    [row] = answer.context["grid"].problems
    assert row.placement_id == an.pk
    assert "Bản đã lưu: 1. Nêu gương “Nêu gương tốt”." in row.problem
    assert "Đồng chí vừa chọn: 1. Nêu gương “Chưa nêu gương”." in row.problem
    # The page now shows the stored edit number with the typed choice: pressing again is a decision, and it is kept.
    again = client.post(grid_url(cast), rated(an, "200001", row.shown()))
    assert (again.status_code, stored(an)) == (302, "2.200001")


def test_same_choice_made_twice_is_no_conflict(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    write(cast, an)
    assert sign_in(cast.secretary).post(grid_url(cast), rated(an, "0-----")).status_code == 302
    assert stored(an) == "1.000001"


def test_row_sent_meanwhile_keeps_its_text_and_says_what_was_not_saved(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    play.submitted()
    placement = Placement.objects.get(member=cast.asked)
    answer = sign_in(cast.secretary).post(grid_url(cast), rated(placement, "2-----", "0.------"))
    [row] = answer.context["grid"].problems
    assert (answer.status_code, stored(placement)) == (409, "1.000001")
    assert "đã gửi đảng ủy" in row.problem
    assert "Chưa lưu: 1. Nêu gương “Chưa nêu gương”." in row.problem


@pytest.mark.parametrize(
    ("choices", "shown"), [("9-----", "0.------"), ("-----n", "0.------"), ("0-----", "x.------"), ("0-----", "0.-")]
)
def test_impossible_choices_write_nothing(cast: Cast, sign_in: SignIn, choices: str, shown: str) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    assert sign_in(cast.secretary).post(grid_url(cast), rated(an, choices, shown)).status_code in (302, 409)
    assert stored(an) == "nothing"


def test_no_words_travel_through_the_grid(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    write(cast, an, GOOD | {"civic_duty": {"option": 0, "no_basis": False, "facts": "Hiến đất mở đường"}}, "Lời riêng")
    words = {f"{an.pk}-civic_duty-facts": "chép", f"{an.pk}-remarks": "chép", "remarks": "chép", "facts": "chép"}
    sign_in(cast.secretary).post(grid_url(cast), {**rated(an, "100001", "1.000001"), **words})
    version = AssessmentVersion.objects.get()
    assert (stored(an), version.remarks) == ("2.100001", "Lời riêng")
    assert version.answer("civic_duty")["facts"] == "Hiến đất mở đường"


def test_facts_never_turn_into_a_reason_nor_back(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    write(cast, an, GOOD | {"civic_duty": {"option": 0, "no_basis": False, "facts": "Hiến đất mở đường"}})
    client = sign_in(cast.secretary)
    client.post(grid_url(cast), rated(an, "0n0001", "1.000001"))
    assert AssessmentVersion.objects.get().answer("civic_duty")["facts"] == ""
    client.post(grid_url(cast), rated(an, "010001", "2.0n0001"))
    assert AssessmentVersion.objects.get().answer("civic_duty")["facts"] == "Hiến đất mở đường"


def test_nobody_rates_himself(cast: Cast, sign_in: SignIn) -> None:
    own, other = live_in(cast, "Ngô Văn Bí Thư", "Lê Thử An")
    cast.secretary.member = own.member
    cast.secretary.save()
    client = sign_in(cast.secretary)
    page = client.get(grid_url(cast)).content.decode()
    assert "về chính đồng chí: đảng ủy xã, phường nhận xét thay chi bộ." in page.lower()
    assert (f'name="s{own.pk}"' in page, f'name="s{other.pk}"' in page) == (False, True)

    client.post(grid_url(cast), rated(own, "000001"))
    assert client.get(person_url(cast, own))["Location"] == grid_url(cast)
    assert client.post(person_url(cast, own), {"edit_no": "0", "remarks": "Tốt"})["Location"] == grid_url(cast)
    assert not AssessmentVersion.objects.exists()


def test_sent_rows_are_words_and_returned_rows_say_why(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    placement = version.assessment.placement
    client = sign_in(cast.secretary)
    page = client.get(grid_url(cast)).content.decode()
    assert "chờ đảng ủy xác nhận" in page
    assert f'name="s{placement.pk}"' not in page

    version.send_back("vague", "Xin nêu việc cụ thể.", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    page = client.get(grid_url(cast)).content.decode()
    assert "Nội dung chung chung: Xin nêu việc cụ thể." in page
    assert f'name="s{placement.pk}" value="0.000001"' in page


@pytest.mark.parametrize("page", ["grid", "person"])
def test_who_may_open_and_write(cast: Cast, sign_in: SignIn, page: str) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    url = grid_url(cast) if page == "grid" else person_url(cast, an)
    committee = factories.official("committee", "Cao Thị Chi Ủy", cast.cell, Role.CELL_COMMITTEE)
    people = {**cast.people(), "committee": committee}
    expected = dict.fromkeys(people, 404) | {"ward_clerk": 403, "ward_officer": 403, "ward_signer": 403}
    expected |= {"secretary": 200, "committee": 200}
    assert {name: sign_in(person).get(url).status_code for name, person in people.items()} == expected
    data = rated(an, "000001") | {"edit_no": "0", "remarks": "x", "civic_duty": "0"}
    refused = {name: code for name, code in expected.items() if code != 200}
    assert {name: sign_in(people[name]).post(url, data).status_code for name in refused} == refused
    assert not Assessment.objects.exists()


def test_reading_the_grid_is_recorded_once(cast: Cast, sign_in: SignIn) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    sign_in(cast.secretary).get(grid_url(cast))
    assert list(AuditEvent.objects.values_list("verb", "object_type", "object_ids")) == [
        ("read", "members.Placement", [an.pk, binh.pk])
    ]


def test_queries_and_weight_do_not_explode(
    cast: Cast, play: Season, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    play.meeting()
    write(cast, *live_in(cast, "Lê Thử An"))
    client = sign_in(cast.secretary)
    with django_assert_num_queries(13):
        client.get(grid_url(cast))
    people = live_in(cast, *(f"Lê Thử {number:03d}" for number in range(99)))
    for placement in people[:2]:
        write(cast, placement)
    with django_assert_num_queries(13):
        page = client.get(grid_url(cast))
    assert len(page.content) < 400_000


# One person


def said(version: AssessmentVersion | None = None, **changes: str) -> dict[str, str]:
    data = {"edit_no": str(version.edit_no if version else 0), "remarks": ""}
    data |= dict.fromkeys(CODES[:-1], "0") | {f"{code}-facts": "" for code in CODES[:-1]} | {"recommendation": "1"}
    return data | changes


def test_person_page_keeps_choices_facts_and_remarks(cast: Cast, sign_in: SignIn) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    data = said(remarks="Dòng một\r\nDòng hai", **{"civic_duty-facts": "Vận động 3 hộ", "meeting_attendance": "n"})
    data["meeting_attendance-facts"] = "Mới chuyển đến tháng 10"
    answer = sign_in(cast.secretary).post(person_url(cast, an), {**data, "next": "1"})
    assert answer["Location"] == person_url(cast, binh)
    version = AssessmentVersion.objects.get(assessment__placement=an)
    assert version.remarks == "Dòng một\nDòng hai"
    assert version.answers == GOOD | {
        "civic_duty": {"option": 0, "no_basis": False, "facts": "Vận động 3 hộ"},
        "meeting_attendance": {"option": None, "no_basis": True, "facts": "Mới chuyển đến tháng 10"},
    }


def test_where_saving_leads(cast: Cast, sign_in: SignIn) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)
    assert client.post(person_url(cast, an), said())["Location"] == person_url(cast, an)
    assert client.post(person_url(cast, binh), said(next="1"))["Location"] == grid_url(cast)


def test_no_basis_needs_a_reason_and_nothing_typed_is_lost(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    answer = sign_in(cast.secretary).post(person_url(cast, an), said(civic_duty="n", remarks="Lời đã gõ"))
    assert answer.context["form"].errors == {"civic_duty-facts": ["Xin ghi lý do không có cơ sở để đánh giá."]}
    assert "Lời đã gõ" in answer.content.decode()
    assert stored(an) == "nothing"


def test_limits_count_a_line_break_once(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    too_long = said(remarks="ư" * 4001, **{"civic_duty-facts": "ơ" * 1001, "contact_and_opinions": "7"})
    errors = client.post(person_url(cast, an), too_long).context["form"].errors
    assert sorted(errors) == ["civic_duty-facts", "contact_and_opinions", "remarks"]
    exactly = "ư" * 3996 + "\r\n" + "\r\n" + "ưư"
    assert client.post(person_url(cast, an), said(remarks=exactly)).status_code == 302


def test_conflict_shows_both_texts_and_loses_neither(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    version = write(cast, an, GOOD, "Bản của đồng chí kia")
    answer = client.post(person_url(cast, an), said(remarks="Bản của tôi", civic_duty="1"))
    assert answer.status_code == 409
    assert answer.context["beside"] == [
        ("2. Nghĩa vụ công dân", "Gương mẫu đi đầu", "Gương mẫu"),
        ("Nhận xét khác", "Bản của đồng chí kia", "Bản của tôi"),
    ]
    version.refresh_from_db()
    assert (version.remarks, version.edit_no) == ("Bản của đồng chí kia", 1)
    text = answer.content.decode()
    assert 'name="edit_no" value="1"' in text
    again = client.post(person_url(cast, an), said(version, remarks="Bản chung", civic_duty="1"))
    version.refresh_from_db()
    assert (again.status_code, version.remarks, stored(an)) == (302, "Bản chung", "2.010001")


def test_text_for_a_comment_that_was_sent_meanwhile_stays_on_the_page(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    version = play.submitted()
    url = person_url(cast, version.assessment.placement)
    answer = sign_in(cast.secretary).post(url, said(version, remarks="Viết thêm"))
    assert answer.status_code == 409
    assert "Viết thêm" in answer.content.decode()
    version.refresh_from_db()
    assert (version.remarks, version.state) == ("", "submitted")
    assert "<textarea" not in sign_in(cast.secretary).get(url).content.decode()


def test_facts_stand_beside_the_criterion_they_are_about(cast: Cast, play: Season, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    record = by(cast.secretary, Action.RECORD, cast.cell)
    meeting = play.meeting()
    record_attendance(meeting, {an.pk: "absent"}, by=record)
    Activity.objects.create(placement=an, on=meeting.held_on, description="Dọn vệ sinh kênh", recorded_by=record)
    write(cast, an)
    text = sign_in(cast.secretary).get(person_url(cast, an)).content.decode()
    assert "1 cuộc: 1 vắng không lý do" in text
    assert "15/05/2026: Dọn vệ sinh kênh" in text
    assert "Mục 3 chọn “Tham gia đầy đủ” trong khi vắng không lý do 1 cuộc họp." in text


def test_people_of_other_cells_and_exempt_people_have_no_page(cast: Cast, sign_in: SignIn) -> None:
    make = factories.member
    elsewhere = make(workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell).placements.get()
    exempt = make(
        workplace=cast.office_cell, commune=cast.ward, cell=cast.cell, standing="exempt_activity"
    ).placements.get()
    client = sign_in(cast.secretary)
    for placement in (elsewhere, exempt):
        assert client.get(person_url(cast, placement)).status_code == 404
        assert client.post(person_url(cast, placement), said()).status_code == 404
    assert not Assessment.objects.exists()


def test_neighbours_in_the_order_of_names(cast: Cast, sign_in: SignIn) -> None:
    chau, an, binh = live_in(cast, "Lê Thử Châu", "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)

    def around(placement: Placement) -> list[int | None]:
        context = client.get(person_url(cast, placement)).context
        return [context[way] and context[way].placement_id for way in ("previous", "following")]

    assert [around(row) for row in (an, binh, chau)] == [[None, binh.pk], [an.pk, chau.pk], [binh.pk, None]]


# Sending


def test_complete_comments_are_sent_the_rest_is_kept(cast: Cast, play: Season, sign_in: SignIn) -> None:
    an, binh, chau = live_in(cast, "Lê Thử An", "Lê Thử Bình", "Lê Thử Châu")
    write(cast, an)
    write(cast, binh, {"civic_duty": GOOD["civic_duty"]})
    review = play.review()
    answer = sign_in(cast.secretary).post(submit_url(cast), {"review": review.pk}, follow=True)
    assert told(answer) == ["Đã gửi 1 nhận xét; còn 2 chưa đủ, được giữ nguyên."]
    states = AssessmentVersion.objects.values_list("assessment__placement", "state", "joint_review")
    assert set(states) == {(an.pk, "submitted", review.pk), (binh.pk, "draft", None)}
    twice = sign_in(cast.secretary).post(submit_url(cast), {"review": review.pk}, follow=True)
    assert told(twice) == ["Chưa có nhận xét nào đủ để gửi; còn 2, được giữ nguyên."]
    assert stored(chau) == "nothing"


def test_without_a_joint_review_the_meeting_comes_first(cast: Cast, sign_in: SignIn) -> None:
    write(cast, *live_in(cast, "Lê Thử An"))
    client = sign_in(cast.secretary)
    assert f"/chi-bo/{cast.cell.pk}/hop-mat-tran/{YEAR}/" in client.get(f"{grid_url(cast)}?gui=1").content.decode()
    answer = client.post(submit_url(cast), {}, follow=True)
    assert answer.redirect_chain == [(f"/chi-bo/{cast.cell.pk}/hop-mat-tran/{YEAR}/", 302)]
    assert "xin ghi cuộc họp" in told(answer)[0]
    assert AssessmentVersion.objects.get().state == "draft"


def test_a_review_of_another_cell_is_refused(cast: Cast, play: Season, sign_in: SignIn) -> None:
    write(cast, *live_in(cast, "Lê Thử An"))
    play.review()
    factories.seat(cast.secretary, cast.other_cell, Role.SECRETARY)
    foreign = play.review(cast.other_cell)
    for posted in (foreign.pk, "abc", ""):
        answer = sign_in(cast.secretary).post(submit_url(cast), {"review": posted})
        assert answer["Location"] == f"{grid_url(cast)}?gui=1"
    assert AssessmentVersion.objects.get().state == "draft"


def test_confirmation_shows_who_goes_and_preselects_the_latest_meeting(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    write(cast, an)
    review = play.review()
    client = sign_in(cast.secretary)
    saved = client.post(grid_url(cast), {**rated(binh, "0-----"), "save": "submit"})
    assert (saved["Location"], stored(binh)) == (f"{grid_url(cast)}?gui=1", "1.0-----")
    context = client.get(saved["Location"]).context
    assert [row.placement_id for row in context["ready"]] == [an.pk]
    assert [row.placement_id for row in context["staying"]] == [binh.pk]
    assert context["form"]["review"].value() == review.pk


def test_who_may_send(cast: Cast, play: Season, sign_in: SignIn) -> None:
    write(cast, *live_in(cast, "Lê Thử An"))
    review = play.review()
    committee = factories.official("committee", "Cao Thị Chi Ủy", cast.cell, Role.CELL_COMMITTEE)
    people = {**cast.people(), "committee": committee}
    expected = dict.fromkeys(people, 404) | dict.fromkeys(("ward_clerk", "ward_officer", "ward_signer"), 403)
    expected |= {"committee": 403}
    del expected["secretary"]
    posted = {
        name: sign_in(people[name]).post(submit_url(cast), {"review": review.pk}).status_code for name in expected
    }
    assert posted == expected
    assert AssessmentVersion.objects.get().state == "draft"
    assert "Lưu và chuẩn bị gửi" not in sign_in(committee).get(grid_url(cast)).content.decode()
    assert "do đồng chí bí thư làm" in sign_in(committee).get(f"{grid_url(cast)}?gui=1").content.decode()
    assert sign_in(cast.secretary).get(submit_url(cast)).status_code == 405


def test_secretary_does_not_send_his_own_comment(cast: Cast, play: Season, sign_in: SignIn) -> None:
    own, other = live_in(cast, "Ngô Văn Bí Thư", "Lê Thử An")
    write(cast, own)
    write(cast, other)
    cast.secretary.member = own.member
    cast.secretary.save()
    answer = sign_in(cast.secretary).post(submit_url(cast), {"review": play.review().pk}, follow=True)
    assert told(answer) == ["Đã gửi 1 nhận xét; còn 1 chưa đủ, được giữ nguyên."]
    states = AssessmentVersion.objects.values_list("assessment__placement", "state")
    assert set(states) == {(own.pk, "draft"), (other.pk, "submitted")}
