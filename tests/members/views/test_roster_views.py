"""Upload, review, write: the whole road of a roster through the pages."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members.models import AuditEvent, Member, Membership, Placement, RosterImport, StagedRow, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast

SignIn = Callable[[User], Client]
ROSTER = Path(__file__).parents[2] / "data" / "so-xay-dung.xlsx"
HEAD = ["STT", "Họ và tên", "Giới tính", "Ngày sinh", "Ngày vào Đảng", "Chi bộ", "Tổ dân phố", "Phường/xã", "Ghi chú"]
GOOD = [1, "Lâm Thị Mẫu", "Nữ", "02/03/1985", "19/05/2010", "Chi bộ 1", "Tổ dân phố 3", "phường An Hải", ""]
UPLOAD = reverse("members:roster_upload")


def workbook(*rows: list[Any]) -> SimpleUploadedFile:
    book = openpyxl.Workbook()
    for row in [HEAD, *rows]:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return SimpleUploadedFile("danh-sach.xlsx", content.getvalue())


def row(no: int, name: str, **fields: str) -> list[Any]:
    return [no, name, *[fields.get(key, value) for key, value in zip(HEAD[2:], GOOD[2:], strict=True)]]


def upload(client: Client, *rows: list[Any]) -> RosterImport:
    answer = client.post(UPLOAD, {"file": workbook(*rows)})
    assert answer.status_code == 302, answer.context["form"].errors
    return RosterImport.objects.first()


def review_url(roster: RosterImport) -> str:
    return reverse("members:roster_review", args=[roster.pk])


def commit_url(roster: RosterImport) -> str:
    return reverse("members:roster_commit", args=[roster.pk])


def plans(roster: RosterImport) -> dict[int, str]:
    return dict(roster.rows.values_list("row_no", "plan"))


def page(client: Client, roster: RosterImport, query: str = "") -> str:
    answer = client.get(review_url(roster) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def answers(*rows: StagedRow, **fields: Any) -> dict[str, Any]:
    return {"row": [item.pk for item in rows]} | {
        f"{item.pk}-{name}": value for item in rows for name, value in fields.items()
    }


def test_real_roster_reaches_the_register_and_a_second_import_changes_nothing(cast: Cast, sign_in: SignIn) -> None:
    west = ["Hải Châu", "Hòa Cường", "Thanh Khê", "An Khê", "Cẩm Lệ"]
    for name in [*west, "Ngũ Hành Sơn", "Liên Chiểu", "Hòa Xuân", "Hòa Khánh"]:
        factories.commune(cast.province, name)
    client = sign_in(cast.officer)

    def send() -> RosterImport:
        with ROSTER.open("rb") as file:
            client.post(UPLOAD, {"file": file})
        return RosterImport.objects.first()

    first = send()
    assert (first.counts()["new"], Member.objects.count()) == (120, 1)
    answer = client.post(commit_url(first), follow=True)
    assert "120 đồng chí mới" in answer.content.decode()
    assert (Member.objects.count(), first.rows.count()) == (121, 0)
    second = send()
    assert second.counts()["same"] == 120
    client.post(commit_url(second))
    assert Member.objects.count() == 121


def test_reviewed_rows_are_shown_as_understood(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD, row(2, "Cao Văn Thí", **{"Ghi chú": "Miễn sinh hoạt, đi học tập trung"}))
    shown = page(client, roster)
    for words in (
        "Cột E: Ngày vào Đảng",
        "Dòng 2 · sinh 02/03/1985 · Nữ",
        "19/05/2010",
        "Đảng ủy phường An Hải",
        "Tổ dân phố 3",
        "Miễn sinh hoạt nơi cư trú",
        "Đưa mới vào sổ",
        "Sẽ ghi 2 dòng.",
    ):
        assert words in shown
    assert Member.objects.count() == 1


def test_faulty_rows_come_first_with_their_sentence_and_can_be_skipped(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD, row(2, "Cao Văn Thí", **{"Ngày sinh": "31/02/1980"}))
    faulty = roster.rows.get(row_no=3)
    shown = page(client, roster)
    assert shown.index("Dòng 3") < shown.index("Dòng 2")
    assert "Không có ngày “31/02/1980”" in shown
    client.post(review_url(roster), answers(faulty, skip="on"))
    assert roster.counts() == {"new": 1, "changed": 0, "same": 0, "question": 0, "faulty": 0, "skip": 1}
    assert "Dòng 3" not in page(client, roster, "?loc=new")
    assert "Dòng 3" in page(client, roster, "?loc=skip")
    client.post(review_url(roster), answers(faulty))
    assert roster.counts()["faulty"] == 1


def test_commune_is_chosen_from_the_address_book(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, row(1, "Cao Văn Thí", **{"Phường/xã": "phường Không Có"}))
    staged = roster.rows.get()
    assert "chưa có trong danh bạ" in page(client, roster)
    client.post(review_url(roster), answers(staged, commune="phường Nào Đó"))
    shown = page(client, roster)
    assert "“phường Nào Đó” chưa có trong danh bạ" in shown
    assert 'value="phường Nào Đó"' in shown
    assert plans(roster) == {2: "faulty"}
    client.post(review_url(roster), answers(staged, commune="Đảng ủy xã Hòa Vang (Thành ủy Đà Nẵng)"))
    assert plans(roster) == {2: "new"}
    client.post(commit_url(roster))
    assert Placement.objects.get(member__full_name="Cao Văn Thí").commune == cast.far_ward


def test_homonym_is_a_question_until_somebody_says_it_is_another_person(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, row(1, "Trần Thị Thử", **{"Ngày sinh": "1984"}))
    staged = roster.rows.get()
    assert "trùng họ tên" in page(client, roster)
    client.post(commit_url(roster))
    assert Member.objects.count() == 1
    roster = upload(client, row(1, "Trần Thị Thử", **{"Ngày sinh": "1984"}))
    staged = roster.rows.get()
    client.post(review_url(roster), answers(staged, is_other_person="on"))
    client.post(commit_url(roster))
    assert sorted(Member.objects.values_list("birth_year", flat=True)) == [1980, 1984]


def test_commit_writes_once_and_says_how_many(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD, row(2, ""))
    first = client.post(commit_url(roster), follow=True).content.decode()
    client.post(commit_url(roster))
    person = Member.objects.get(full_name="Lâm Thị Mẫu")
    assert (person.birth_date, person.joined_on, person.sex) == (date(1985, 3, 2), date(2010, 5, 19), "F")
    assert Membership.objects.get(member=person).cell.name == "Chi bộ 1"
    assert Placement.objects.get(member=person).cell is None
    assert "1 đồng chí mới, 0 đồng chí được cập nhật, 0 đồng chí không thay đổi" in first
    assert "Đã đưa danh sách vào sổ theo dõi" in page(client, roster)
    assert AuditEvent.objects.filter(verb="RosterImport.commit").count() == 1


def test_same_list_again_says_that_nothing_changes(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    client.post(commit_url(upload(client, GOOD)))
    shown = page(client, upload(client, GOOD))
    assert "Không có gì thay đổi." in shown
    assert "Đưa vào sổ theo dõi</button>" not in shown


def test_rows_of_the_third_class_are_only_numbers(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD, row(2, "Cao Văn Kín", **{"Ghi chú": "miễn giới thiệu"}))
    shown = page(client, roster)
    assert "Không lưu 1 dòng: 3." in shown
    assert "Cao Văn Kín" not in shown


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("danh-sach.xlsx", b"khong phai excel", "Chỉ đọc được danh sách dạng .xlsx"),
        ("danh-sach.xlsx", b"PK\x03\x04rac", "Không đọc được tệp Excel này"),
        ("danh-sach.xlsx", b"", "Tệp trống"),
        ("danh-sach.csv", b"x" * (5 * 1024 * 1024 + 1), "Tệp lớn hơn 5 MB"),
    ],
)
def test_unreadable_file_is_refused_beside_the_field(
    cast: Cast, sign_in: SignIn, name: str, content: bytes, sentence: str
) -> None:
    answer = sign_in(cast.officer).post(UPLOAD, {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 200
    (error,) = answer.context["form"].errors["file"]
    assert sentence in error
    assert error in answer.content.decode()
    assert RosterImport.objects.count() == 0


def test_upload_without_a_file_asks_for_one(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.officer).post(UPLOAD)
    assert answer.context["form"].errors == {"file": ["Chọn tệp danh sách để tải lên."]}


def test_officer_of_two_committees_says_whose_list_it_is(cast: Cast, sign_in: SignIn) -> None:
    factories.seat(cast.officer, cast.other_ministry, Role.OFFICER)
    client = sign_in(cast.officer)
    client.post(UPLOAD, {"file": workbook(GOOD), "committee": cast.other_ministry.pk})
    assert RosterImport.objects.get().committee == cast.other_ministry
    foreign = client.post(UPLOAD, {"file": workbook(GOOD), "committee": cast.province.pk})
    assert list(foreign.context["form"].errors) == ["committee"]
    assert RosterImport.objects.count() == 1


def test_who_may(cast: Cast, sign_in: SignIn) -> None:
    roster = upload(sign_in(cast.officer), GOOD)
    expected = {"officer": 200, "neighbour": 404, "signer": 403, "ward_officer": 404, "secretary": 404, "nobody": 404}
    assert {name: sign_in(getattr(cast, name)).get(review_url(roster)).status_code for name in expected} == expected
    committed = {"neighbour": 404, "signer": 403, "ward_officer": 404}
    assert {name: sign_in(getattr(cast, name)).post(commit_url(roster)).status_code for name in committed} == committed
    uploads = {"officer": 200, "neighbour": 200, "signer": 403, "secretary": 403, "administrator": 403}
    assert {name: sign_in(getattr(cast, name)).get(UPLOAD).status_code for name in uploads} == uploads
    assert sign_in(cast.officer).get(commit_url(roster)).status_code == 405
    assert Member.objects.count() == 1


def test_answers_for_rows_of_another_import_are_ignored(cast: Cast, sign_in: SignIn) -> None:
    foreign = upload(sign_in(cast.neighbour), GOOD).rows.get()
    client = sign_in(cast.officer)
    client.post(review_url(upload(client, GOOD)), answers(foreign, skip="on") | {"row": [foreign.pk, "1 OR 1=1", "²"]})
    assert not StagedRow.objects.get(pk=foreign.pk).skip


def test_choices_after_the_import_are_told_politely(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD)
    client.post(commit_url(roster))
    answer = client.post(
        review_url(roster), {"row": ["1"]}, follow=True, headers={"referer": "http://testserver" + UPLOAD}
    )
    assert "Danh sách này đã được đưa vào sổ theo dõi." in answer.content.decode()


def test_expired_rows_ask_for_the_file_again(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    roster = upload(client, GOOD)
    RosterImport.objects.all().forget()
    assert "không còn dòng nào chờ nhập" in page(client, roster)
    client.post(commit_url(roster))
    roster.refresh_from_db()
    assert roster.committed_at is None


def test_queries_do_not_grow_with_rows(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    few = upload(client, GOOD)
    more = upload(client, *(row(number, f"Lâm Thị {word}") for number, word in enumerate(("Một", "Hai", "Ba"), 1)))
    page(client, few)

    def queries(roster: RosterImport) -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, roster)
        return len(captured)

    assert queries(few) == queries(more)
