"""The commune confirms what a cell wrote, alone or from the list, or asks it to complete the text."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import AssessmentVersion, Document, Letter
from evaluations.rulebooks import load
from evaluations.views.confirmation import reasons_to_open
from members.models import Attendance, AuditEvent, Member, User
from members.roles import Action, Role
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
BOOK = load()


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def list_url(cast: Cast) -> str:
    return reverse("evaluations:confirm_list", args=[cast.ward.pk])


def url_of(version: AssessmentVersion, name: str = "confirm_page") -> str:
    return reverse(f"evaluations:{name}", args=[version.pk])


def rated(**changes: int | None) -> dict[str, Any]:
    """Good answers but for some; None is "no basis"."""
    answers = dict(GOOD)
    for code, option in changes.items():
        answers[code] = {
            "option": option,
            "no_basis": option is None,
            "facts": "Không thường trú" if option is None else "",
        }
    return answers


def more(play: Season, cast: Cast, count: int = 1) -> list[Member]:
    """Further members of the ward, submitted by the cell together with `asked`."""
    return [factories.member(workplace=cast.office_cell, commune=cast.ward) for _ in range(count)]


def submit_all(play: Season, people: list[Member]) -> list[AssessmentVersion]:
    """The cast's member and `people`, all written and submitted by the secretary."""
    cast = play.cast
    play.assigned()
    for person in people:
        seat = by(cast.secretary, Action.WRITE, cast.cell)
        play.assessment(person).write(GOOD, "", by=seat)
    review = play.review()
    for person in people:
        version = play.assessment(person).latest()
        version.submit(review, by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
    return [play.assessment(person).latest() for person in people]


LOWEST = BOOK.criteria[1]


@pytest.mark.parametrize(
    ("changes", "absent", "no", "expected"),
    [
        ({}, 0, 1, []),
        ({}, 0, 2, ["Bản thứ 2, chi bộ đã bổ sung theo đề nghị."]),
        ({LOWEST.code: LOWEST.lowest}, 0, 1, ["Mục 2: Chưa gương mẫu."]),
        ({LOWEST.code: None}, 0, 1, ["Mục 2: không có cơ sở để đánh giá."]),
        ({"recommendation": 2}, 0, 1, ["Đề nghị: Xem xét xử lý."]),
        ({}, 1, 1, ["Mục 3 chọn “Tham gia đầy đủ” trong khi vắng không lý do 1 cuộc họp."]),
    ],
)
def test_what_has_to_be_opened(changes: dict[str, Any], absent: int, no: int, expected: list[str]) -> None:
    version = AssessmentVersion(no=no, rulebook=BOOK.code, answers=rated(**changes))
    assert reasons_to_open(version, {"absent": absent}) == expected


def test_ticked_texts_are_confirmed_and_the_rest_stays(cast: Cast, play: Season, sign_in: SignIn) -> None:
    people = [cast.asked, *more(play, cast, 2)]
    first, second, third = submit_all(play, people)
    client = sign_in(cast.ward_officer)
    page = shown(client, list_url(cast))
    assert page.count('name="version"') == 3
    assert "checked" not in page
    assert shown(client, f"{list_url(cast)}?chon-het=1").count(" checked") == 3

    response = client.post(list_url(cast), {"version": [str(first.pk), str(second.pk)]})

    assert (response.status_code, response["Location"]) == (302, list_url(cast))
    states = dict(AssessmentVersion.objects.values_list("pk", "state"))
    assert states == {first.pk: "confirmed", second.pk: "confirmed", third.pk: "submitted"}
    forms = Document.objects.filter(genre=Document.Genre.ASSESSMENT_FORM)
    assert set(forms.values_list("version", flat=True)) == {first.pk, second.pk}
    assert "Đã xác nhận 2 bản nhận xét. Còn 1 bản chờ." in shown(client, list_url(cast))


def test_flagged_text_is_not_confirmed_from_the_list(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted(rated(civic_duty=2), "Hai lần không tham gia tổng vệ sinh, ngày 3/4 và 5/6.")
    client = sign_in(cast.ward_officer)
    page = shown(client, list_url(cast))
    assert "Mục 2: Chưa gương mẫu." in page
    assert 'name="version"' not in page
    client.post(list_url(cast), {"version": [str(version.pk)]})
    assert "1 bản chưa xác nhận. Bản có dấu hiệu cần xem kỹ phải mở từng bản." in shown(client, list_url(cast))
    version.refresh_from_db()
    assert version.state == "submitted"


WORDS = "Đồng chí {} đã cùng chi bộ vận động bà con giữ vệ sinh ngõ xóm."


def submit_with(play: Season, words: dict[Member, str]) -> dict[str, AssessmentVersion]:
    cast, review = play.cast, play.review()
    found = {}
    for person, remarks in words.items():
        version = play.assessment(person).write(GOOD, remarks, by=by(cast.secretary, Action.WRITE, cast.cell))
        version.submit(review, by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
        found[person.full_name] = version
    return found


def test_the_same_words_about_several_people_are_opened(cast: Cast, play: Season, sign_in: SignIn) -> None:
    names = ("Lê Văn An", "Lê Văn Bình", "Lê Văn Cường", "Lê Văn Dũng")
    an, binh, cuong, dung = (factories.member(name, workplace=cast.office_cell, commune=cast.ward) for name in names)
    play.assigned()
    found = submit_with(
        play,
        {
            an: WORDS.format("Lê Văn An"),
            binh: WORDS.format("LÊ VĂN BÌNH").replace("ngõ xóm.", "ngõ  xóm"),
            cuong: "Chấp hành tốt.",
            dung: "Chấp hành tốt.",
        },
    )
    client = sign_in(cast.ward_officer)
    page = shown(client, list_url(cast))
    assert page.count("Nội dung trùng lặp: phần Nhận xét khác giống nguyên văn 1 đồng chí khác.") == 2
    assert page.count('name="version"') == 2
    own = shown(client, url_of(found["Lê Văn An"]))
    assert url_of(found["Lê Văn Bình"]) in own
    client.post(url_of(found["Lê Văn An"]))
    assert "trùng lặp" in shown(client, url_of(found["Lê Văn Bình"]))


def test_the_same_words_elsewhere_are_nobodys_copy(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted(GOOD, WORDS.format("ấy"))
    other = factories.member(workplace=cast.office_cell, commune=cast.other_ward)
    copy = AssessmentVersion.objects.get(pk=version.pk)
    copy.pk, copy.assessment = None, play.assessment(other)
    copy.save()
    assert "trùng lặp" not in shown(sign_in(cast.ward_officer), list_url(cast))


def test_one_after_the_other(cast: Cast, play: Season, sign_in: SignIn) -> None:
    names = ("Lê Văn An", "Lê Văn Bình", "Lê Văn Cường")
    people = [factories.member(name, workplace=cast.office_cell, commune=cast.ward) for name in names]
    play.assigned()
    found = submit_with(play, dict(zip(people, [WORDS.format("ấy"), "", WORDS.format("ấy")], strict=True)))
    client = sign_in(cast.ward_officer)
    first = client.post(url_of(found["Lê Văn An"]), {"next": "1"})
    assert first["Location"] == url_of(found["Lê Văn Cường"])
    assert client.post(first["Location"], {"next": "1"})["Location"] == list_url(cast)


def test_confirming_stays_with_the_chosen_cell(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    place = f"{list_url(cast)}?chi-bo={cast.cell.pk}"
    assert sign_in(cast.ward_officer).post(place, {"version": [str(version.pk)]})["Location"] == place


def test_a_hundred_and_fifty_from_one_page(cast: Cast, play: Season, sign_in: SignIn) -> None:
    people = [cast.asked, *more(play, cast, 150)]
    versions = submit_all(play, people)
    client = sign_in(cast.ward_officer)
    page = shown(client, f"{list_url(cast)}?chon-het=1")
    assert page.count(" checked") == 150
    answer = client.post(list_url(cast), {"version": [str(version.pk) for version in versions[:150]]})
    assert answer.status_code == 302
    assert "Đã xác nhận 150 bản nhận xét. Còn 1 bản chờ." in shown(client, list_url(cast))
    assert AssessmentVersion.objects.filter(state="confirmed").count() == 150


def test_writer_cannot_confirm_from_the_list_or_the_page(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.seat(cast.secretary, cast.ward, Role.OFFICER)
    version = play.submitted()
    client = sign_in(cast.secretary)
    assert 'name="version"' not in shown(client, list_url(cast))
    client.post(list_url(cast), {"version": [str(version.pk)]})
    assert "1 bản chưa xác nhận. Người soạn, gửi nhận xét không tự xác nhận." in shown(client, list_url(cast))
    client.post(url_of(version), headers={"referer": f"http://testserver{url_of(version)}"})
    page = shown(client, url_of(version))
    assert "Người soạn, gửi nhận xét không tự xác nhận." in page
    assert "Xác nhận bản nhận xét" not in page
    version.refresh_from_db()
    assert (version.state, version.confirmed_by) == ("submitted", None)


def test_nobody_reads_or_confirms_here_what_is_said_about_himself(cast: Cast, play: Season, sign_in: SignIn) -> None:
    User.objects.filter(pk=cast.member_user.pk).update(member=None)
    User.objects.filter(pk=cast.ward_officer.pk).update(member=cast.asked)
    version = play.submitted()
    client = sign_in(User.objects.get(pk=cast.ward_officer.pk))
    assert "Trần Thị Thử" not in shown(client, list_url(cast))
    client.post(list_url(cast), {"version": [str(version.pk)]})
    assert [client.get(url_of(version)).status_code, client.post(url_of(version)).status_code] == [403, 403]
    assert client.post(url_of(version, "send_back"), {"code": "vague", "note": "Thiếu"}).status_code == 403
    version.refresh_from_db()
    assert version.state == "submitted"


def test_page_shows_all_there_is_to_judge_by(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted(rated(meeting_attendance=1, civic_duty=None), "Đã giúp tổ dân phố lập tủ sách.")
    meeting = play.meeting()
    placement = cast.asked.placements.get()
    seat = by(cast.secretary, Action.RECORD, cast.cell)
    Attendance.objects.create(meeting=meeting, placement=placement, status="excused", recorded_by=seat)
    page = shown(sign_in(cast.ward_signer), url_of(version))
    for words in (
        "Trần Thị Thử",
        "Tham gia chưa đầy đủ",
        "Không có cơ sở để đánh giá",
        "Không thường trú",
        "Đã giúp tổ dân phố lập tủ sách.",
        "Không đề nghị",
        "Ngô Văn Bí Thư, Bí thư chi bộ",
        "Đinh Thị Mặt Trận, Trưởng ban công tác Mặt trận",
        "15/05/2026: vắng có lý do",
        "Đảng ủy Sở Thử Nghiệm (hạn 15/11/2026)",
    ):
        assert words in page
    event = AuditEvent.objects.get(verb="read")
    assert (event.object_type, event.object_id) == ("evaluations.AssessmentVersion", version.pk)
    assert event.user == cast.ward_signer


def test_confirming_one(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    client = sign_in(cast.ward_officer)
    response = client.post(url_of(version))
    assert (response.status_code, response["Location"]) == (302, list_url(cast))
    version.refresh_from_db()
    assert (version.state, version.confirmed_by.user) == ("confirmed", cast.ward_officer)
    client.post(url_of(version), headers={"referer": f"http://testserver{url_of(version)}"})
    assert "Trang đồng chí đang mở có thể đã cũ" in shown(client, url_of(version))


def test_sending_back_begins_the_next_draft_and_tells_the_cell(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    response = sign_in(cast.ward_officer).post(
        url_of(version, "send_back"), {"code": "evidence", "note": "Mục 2: ghi rõ việc đã làm."}
    )
    assert (response.status_code, response["Location"]) == (302, list_url(cast))
    rows = AssessmentVersion.objects.order_by("no").values_list("no", "state", "return_code", "return_note")
    assert list(rows) == [(1, "returned", "evidence", "Mục 2: ghi rõ việc đã làm."), (2, "draft", "", "")]
    notice = Letter.objects.get(kind=Letter.Kind.RETURNED)
    assert (notice.recipient, notice.facts) == (cast.cell, {"count": 1, "due_on": "2026-11-15"})


@pytest.mark.parametrize(
    ("code", "note"), [("", "Ghi rõ"), ("vague", "  "), ("nonsense", "Ghi rõ"), ("vague", "x" * 501)]
)
def test_bad_return_comes_back_beside_the_field(
    code: str, note: str, cast: Cast, play: Season, sign_in: SignIn
) -> None:
    version = play.submitted()
    response = sign_in(cast.ward_officer).post(url_of(version, "send_back"), {"code": code, "note": note})
    page = unescape(response.content.decode())
    assert response.status_code == 200
    assert "invalid-feedback" in page
    assert note.strip() in page
    version.refresh_from_db()
    assert version.state == "submitted"
    assert not Letter.objects.filter(kind=Letter.Kind.RETURNED).exists()


def test_earlier_reasons_stand_on_the_next_version(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    again = version.send_back("vague", "Nói rõ phong trào nào.", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    review = play.review()
    again.submit(review, by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
    page = shown(sign_in(cast.ward_officer), url_of(again))
    assert "Nội dung chung chung" in page
    assert "Nói rõ phong trào nào." in page
    assert "Bản thứ 2, chi bộ đã bổ sung theo đề nghị." in page


def test_drafts_belong_to_the_cell(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.written()
    assert sign_in(cast.ward_officer).get(url_of(version)).status_code == 404
    assert "Trần Thị Thử" not in shown(sign_in(cast.ward_officer), list_url(cast))


@pytest.mark.parametrize("name", ["confirm_list", "confirm_page", "send_back"])
def test_who_may(name: str, cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.submitted()
    url = list_url(cast) if name == "confirm_list" else url_of(version, name)
    method = "post" if name == "send_back" else "get"
    found = {who: getattr(sign_in(person), method)(url).status_code for who, person in cast.people().items()}
    reached = {"ward_clerk"} if name == "confirm_list" else {"ward_clerk", "secretary"}
    assert {who for who, code in found.items() if code == 200} == {"ward_officer", "ward_signer"}
    assert {who for who, code in found.items() if code == 403} == reached
    assert {code for who, code in found.items() if who not in {"ward_officer", "ward_signer", *reached}} == {404}


def test_send_back_is_only_a_post(cast: Cast, play: Season, sign_in: SignIn) -> None:
    assert sign_in(cast.ward_officer).get(url_of(play.submitted(), "send_back")).status_code == 405


def test_strange_words_in_the_address_are_no_error(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.submitted()
    client = sign_in(cast.ward_officer)
    for query in ("chi-bo=x", "chi-bo=" + "9" * 40, "trang=-1", "trang=x", f"chi-bo={cast.other_cell.pk}"):
        assert client.get(f"{list_url(cast)}?{query}").status_code == 200
    client.post(list_url(cast), {"version": ["x", "9" * 40]})
    assert AssessmentVersion.objects.get().state == "submitted"


def test_queries_do_not_grow_with_rows(cast: Cast, play: Season, sign_in: SignIn) -> None:
    submit_all(play, [cast.asked])
    client = sign_in(cast.ward_officer)
    client.get(list_url(cast))
    with CaptureQueriesContext(connection) as one:
        client.get(list_url(cast))
    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    for person in more(play, cast, 2):
        person.placements.update(cell=cast.cell)
        version = play.assessment(person).write(GOOD, "", by=seat)
        version.submit(play.review(), by=seat, attendance={})
    with CaptureQueriesContext(connection) as three:
        page = shown(client, list_url(cast))
    assert page.count('name="version"') == 3
    assert len(three) == len(one)
