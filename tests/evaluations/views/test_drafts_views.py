"""Saving while somebody types: what is kept, what comes back, and what two pages do to each other."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from evaluations.models import Assessment, AssessmentVersion
from evaluations.models.assessments import EditedMeanwhile
from members.models import AuditEvent, Placement, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
YEAR = Season.YEAR


def live_in(cast: Cast, *names: str) -> list[Placement]:
    people = [factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell) for name in names]
    return [person.placements.get() for person in people]


def url(placement: Placement) -> str:
    return f"/chi-bo/{placement.cell_id}/nhan-xet/{YEAR}/dong-chi/{placement.pk}/luu-tam/"


def grid_url(placement: Placement) -> str:
    return f"/chi-bo/{placement.cell_id}/nhan-xet/{YEAR}/luu-tam/"


def kept() -> AssessmentVersion:
    return AssessmentVersion.objects.get()


def test_an_unfinished_text_is_kept_and_the_next_saving_goes_on(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    answer = client.post(url(an), {"edit_no": 0, "civic_duty": "n", "remarks": "Mới gõ"})
    assert (answer.status_code, kept().remarks, kept().answer("civic_duty")["no_basis"]) == (200, "Mới gõ", True)
    text = answer.content.decode()
    assert "Đã lưu lúc" in text
    assert 'name="edit_no" value="1"' in text
    assert "Mục 2: ghi lý do không có cơ sở để đánh giá." in text
    assert client.post(url(an), {"edit_no": 1, "remarks": "Mới gõ thêm"}).status_code == 200
    assert (kept().remarks, kept().edit_no) == ("Mới gõ thêm", 2)


def test_what_cannot_be_kept_says_why(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    answer = sign_in(cast.secretary).post(url(an), {"edit_no": 0, "remarks": "ư" * 4001})
    assert (answer.status_code, Assessment.objects.count()) == (422, 0)
    assert "Chưa lưu: Nhận xét khác:" in answer.content.decode()


def test_two_pages_get_both_texts(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    client.post(url(an), {"edit_no": 0, "remarks": "Bản một", "mark": "aaaaaa.1"})
    answer = client.post(url(an), {"edit_no": 0, "remarks": "Bản hai", "mark": "bbbbbb.1"})
    assert (answer.status_code, kept().remarks) == (409, "Bản một")
    text = answer.content.decode()
    assert "Bản một" in text
    assert "Bản hai" in text
    # The same words twice are no question to anybody.
    assert client.post(url(an), {"edit_no": 0, "remarks": "Bản một", "mark": "bbbbbb.2"}).status_code == 200


def test_a_comment_sent_meanwhile_is_not_changed(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    answer = sign_in(cast.secretary).post(
        url(version.assessment.placement), {"edit_no": version.edit_no, "remarks": "Viết thêm"}
    )
    assert (answer.status_code, kept().remarks, kept().state) == (409, "", "submitted")
    assert "đã gửi đảng ủy" in answer.content.decode()


def test_the_grid_keeps_the_rows_that_came_and_returns_their_pieces(cast: Cast, sign_in: SignIn) -> None:
    an, binh = live_in(cast, "Lê Thử An", "Lê Thử Bình")
    client = sign_in(cast.secretary)
    answer = client.post(grid_url(an), {f"s{an.pk}": "0.------", f"{an.pk}-civic_duty": "1"})
    text = answer.content.decode()
    assert (answer.status_code, kept().answer("civic_duty")["option"]) == (200, 1)
    assert f'name="s{an.pk}" value="1.-1----"' in text
    assert f'id="r{binh.pk}"' not in text
    clash = client.post(grid_url(an), {f"s{an.pk}": "0.------", f"{an.pk}-civic_duty": "2"})
    assert (clash.status_code, kept().answer("civic_duty")["option"]) == (409, 1)
    assert "Bản đã lưu: 2. Nghĩa vụ công dân “Gương mẫu”." in clash.content.decode()


def test_nobody_keeps_a_draft_about_himself(cast: Cast, sign_in: SignIn) -> None:
    (own,) = live_in(cast, "Ngô Văn Bí Thư")
    cast.secretary.member = own.member
    cast.secretary.save()
    client = sign_in(cast.secretary)
    assert client.post(url(own), {"edit_no": 0, "remarks": "Tự khen"}).status_code == 409
    client.post(grid_url(own), {f"s{own.pk}": "0.------", f"{own.pk}-civic_duty": "0"})
    assert not AssessmentVersion.objects.exists()


# The verb


def write(cast: Cast, assessment: Assessment, remarks: str, **how: Any) -> AssessmentVersion:
    return assessment.write(GOOD, remarks, by=by(cast.secretary, Action.WRITE, cast.cell), **how)


@pytest.fixture
def assessment(cast: Cast) -> Assessment:
    (placement,) = live_in(cast, "Lê Thử An")
    return Assessment.objects.create(placement=placement, year=YEAR)


def test_a_page_recognises_its_own_text_when_the_answer_was_lost(cast: Cast, assessment: Assessment) -> None:
    write(cast, assessment, "một", expected=0, mark="aaaaaa.1")
    assert write(cast, assessment, "một hai", expected=0, mark="aaaaaa.2").edit_no == 2
    # An overtaken saving of the same page changes nothing.
    assert write(cast, assessment, "một", expected=0, mark="aaaaaa.1").remarks == "một hai"
    with pytest.raises(EditedMeanwhile):
        write(cast, assessment, "ba", expected=0, mark="bbbbbb.3")
    with pytest.raises(EditedMeanwhile):
        write(cast, assessment, "ba", expected=0)


def test_saving_the_same_text_again_is_no_change(cast: Cast, assessment: Assessment) -> None:
    write(cast, assessment, "một", expected=0)
    events = AuditEvent.objects.count()
    assert write(cast, assessment, "một", expected=1).edit_no == 1
    assert AuditEvent.objects.count() == events


def test_words_put_aside_by_the_grid_outlive_the_page_of_the_person(cast: Cast, sign_in: SignIn) -> None:
    (an,) = live_in(cast, "Lê Thử An")
    client = sign_in(cast.secretary)
    page = url(an).removesuffix("luu-tam/")
    client.post(url(an), {"edit_no": 0, "civic_duty": "0", "civic_duty-facts": "Hiến đất mở đường", "remarks": ""})
    client.post(grid_url(an), {f"s{an.pk}": "1.-0----", f"{an.pk}-civic_duty": "n"})
    assert "“Hiến đất mở đường”" in client.get(page).content.decode()
    client.post(url(an), {"edit_no": 2, "civic_duty": "n", "civic_duty-facts": "Mới về", "remarks": ""})
    client.post(grid_url(an), {f"s{an.pk}": "3.-n----", f"{an.pk}-civic_duty": "0"})
    answer = kept().answer("civic_duty")
    assert (answer["facts"], answer["set_aside"]) == ("Hiến đất mở đường", "Mới về")
