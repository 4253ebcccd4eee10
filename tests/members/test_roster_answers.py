"""Any office's list, put right on screen: columns explained once, rows corrected in place, the rest left out."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from members.models import AuditEvent, Member, RosterHeading, RosterImport, StagedRow, StagedSheet, User
from tests.conftest import Cast

SignIn = Callable[[User], Client]
HEAD = ["Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Chi bộ", "Phường/xã"]
GOOD = ["Lâm Thị Mẫu", "02/03/1985", "19/05/2010", "Chi bộ 1", "phường An Hải"]
BAD_DAY = ["Hà Văn Ngày", "31/02/1985", "19/05/2010", "Chi bộ 1", "phường An Hải"]
BAD_PLACE = ["Đỗ Thị Nơi", "02/04/1985", "19/05/2011", "Chi bộ 1", "phường Bịa Đặt"]
UNKNOWN_HEAD = ["Tên đồng chí", "Khai sinh", "Tuyên thệ", "Nhóm", "Nơi ngủ"]


def upload(client: Client, *rows: list[str], head: list[str] = HEAD) -> RosterImport:
    text = "\n".join("\t".join(row) for row in [head, *rows])
    answer = client.post(reverse("members:roster_upload"), {"file": SimpleUploadedFile("ds.csv", text.encode())})
    assert answer.status_code == 302, answer.context["form"].errors
    return RosterImport.objects.latest("pk")


def review(roster: RosterImport) -> str:
    return reverse("members:roster_review", args=[roster.pk])


def row(roster: RosterImport, name: str) -> StagedRow:
    return next(row for row in roster.rows.all() if row.values["full_name"] == name)


def typed(found: StagedRow, **fields: str) -> dict[str, Any]:
    return {"row": found.pk} | {f"{found.pk}-{name}": text for name, text in fields.items()}


def plans(roster: RosterImport) -> list[str]:
    return ["skip" if found.skip else found.plan for found in roster.rows.all()]


class TestFixingInPlace:
    def test_a_day_that_does_not_exist(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY)
        assert plans(roster) == ["new", "faulty"]
        faulty = row(roster, "Hà Văn Ngày")
        page = client.get(review(roster)).content.decode()
        assert f'name="{faulty.pk}-birth_date" value="31/02/1985"' in page

        answer = client.post(review(roster), typed(faulty, birth_date="28.2.85"))

        assert answer.status_code == 302
        assert plans(roster) == ["new", "new"]
        faulty.refresh_from_db()
        assert (faulty.values["birth_date"], faulty.edits) == ("1985-02-28", {"birth_date": "28.2.85"})
        client.post(reverse("members:roster_commit", args=[roster.pk]))
        assert Member.objects.get(full_name="Hà Văn Ngày").birth_date == date(1985, 2, 28)

    def test_what_is_still_wrong_stays_typed_and_the_rest_is_kept(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, BAD_DAY, BAD_PLACE)
        sent: dict[str, Any] = typed(row(roster, "Hà Văn Ngày"), birth_date="30/02/1985")
        place = row(roster, "Đỗ Thị Nơi")
        sent |= typed(place, commune="P. An Hải") | {"row": [sent["row"], place.pk]}

        client.post(review(roster), sent)

        assert plans(roster) == ["faulty", "new"]
        page = client.get(review(roster)).content.decode()
        assert 'value="30/02/1985"' in page
        assert "Không có ngày “30/02/1985”" in page

    def test_a_commune_may_be_chosen_from_the_address_book(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, BAD_PLACE)
        label = "Đảng ủy phường Sơn Trà (Thành ủy Đà Nẵng)"

        client.post(review(roster), typed(row(roster, "Đỗ Thị Nơi"), commune=label))

        assert roster.rows.get().chosen_commune == cast.other_ward
        assert label in client.get(review(roster)).content.decode()

    def test_every_field_of_an_opened_row(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD)
        found = roster.rows.get()
        shown = client.get(f"{review(roster)}?sua={found.pk}").context["rows"][0]["form"]
        assert {field.name: field.value() for field in shown.typed_fields()} == {
            "full_name": "Lâm Thị Mẫu",
            "sex": "",
            "birth_date": "02/03/1985",
            "joined_on": "19/05/2010",
            "official_on": "",
            "position": "",
            "workplace_cell": "Chi bộ 1",
            "address": "",
            "neighborhood": "",
            "commune": "phường An Hải",
            "phone": "",
            "card_no": "",
            "note": "",
        }
        fields = {"full_name": "Lâm Thị Mẫu", "sex": "Nữ", "birth_date": "02/03/1985", "phone": "905000001"}

        client.post(review(roster), typed(found, **fields))

        found.refresh_from_db()
        assert found.edits == {"sex": "Nữ", "phone": "905000001"}
        assert (found.values["sex"], found.values["phone"], found.values["birth_date"]) == (
            "F",
            "0905000001",
            "1985-03-02",
        )

    def test_the_button_of_a_row_saves_the_page_and_opens_the_row(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY)
        good, bad = roster.rows.all()

        answer = client.post(review(roster), typed(bad, birth_date="1985") | {"sua": str(good.pk)})

        assert answer["Location"] == f"{review(roster)}?trang=1&sua={good.pk}#rows"
        assert plans(roster) == ["new", "new"]
        assert client.get(answer["Location"]).context["rows"][0]["is_open"]

    def test_somebody_who_turns_out_never_to_be_kept_is_gone(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY)

        client.post(review(roster), typed(row(roster, "Hà Văn Ngày"), note="Miễn giới thiệu về nơi cư trú"))

        roster.refresh_from_db()
        assert ([found.row_no for found in roster.rows.all()], roster.dropped) == ([2], [3])
        assert [line[0] for line in roster.source.lines] == [1, 2]

    def test_a_double_ends_when_its_twin_is_skipped_or_corrected(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, GOOD)
        first, second = roster.rows.all()
        assert plans(roster) == ["new", "faulty"]
        client.post(review(roster), typed(first, skip="on"))
        assert plans(roster) == ["skip", "new"]
        client.post(review(roster), typed(first))
        client.post(review(roster), typed(second, full_name="Lâm Thị Khác"))
        assert plans(roster) == ["new", "new"]

    def test_too_long_a_text_keeps_the_whole_page(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, BAD_DAY)

        answer = client.post(review(roster), typed(roster.rows.get(), birth_date="1" * 1001))

        assert (answer.status_code, roster.rows.get().edits) == (200, {})
        assert "1" * 1001 in answer.content.decode()


class TestLeavingOut:
    def test_all_of_a_kind_at_once_and_back(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY, BAD_PLACE)

        client.post(review(roster), {"bo_qua": "faulty"})
        assert plans(roster) == ["new", "skip", "skip"]
        client.post(review(roster), {"bo_qua": "none"})
        assert plans(roster) == ["new", "faulty", "faulty"]

    def test_what_was_typed_on_the_page_is_read_first(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, BAD_DAY, BAD_PLACE)

        client.post(review(roster), typed(row(roster, "Hà Văn Ngày"), birth_date="1985") | {"bo_qua": "faulty"})

        assert plans(roster) == ["new", "skip"]

    @pytest.mark.parametrize("kind", ["new", "same", "changed", "skip", "x", ""])
    def test_nothing_else_can_be_left_out_at_once(self, kind: str, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY)
        client.post(review(roster), {"bo_qua": kind})
        assert plans(roster) == ["new", "faulty"]


class TestColumns:
    def explain(self, client: Client, roster: RosterImport, *fields: str) -> Any:
        sent = {f"cot-{index}": field for index, field in enumerate(fields)}
        return client.post(reverse("members:roster_columns", args=[roster.pk]), sent)

    def test_a_list_of_unknown_words_is_explained_once(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        rows = [GOOD, ["Hà Văn Ngày", "28/02/1985", *GOOD[2:]], ["Đỗ Thị Nơi", "02/04/1985", *GOOD[2:]]]
        roster = upload(client, *rows, head=UNKNOWN_HEAD)
        assert client.get(review(roster))["Location"] == reverse("members:roster_columns", args=[roster.pk])

        answer = self.explain(client, roster, "full_name", "birth_date", "joined_on", "workplace_cell", "commune")

        assert answer["Location"] == review(roster)
        assert plans(roster) == ["new", "new", "new"]
        assert RosterHeading.objects.meanings(cast.ministry) == {
            "ten dong chi": "full_name",
            "khai sinh": "birth_date",
            "tuyen the": "joined_on",
            "nhom": "workplace_cell",
            "noi ngu": "commune",
        }
        assert plans(upload(client, *rows, head=UNKNOWN_HEAD)) == ["new", "new", "new"]

    def test_only_what_differs_is_remembered(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD)

        self.explain(client, roster, "full_name", "birth_date", "joined_on", "", "commune")

        assert RosterHeading.objects.meanings(cast.ministry) == {"chi bo": ""}
        assert roster.rows.get().values["workplace_cell"] == ""
        self.explain(client, roster, "full_name", "birth_date", "joined_on", "workplace_cell", "commune")
        assert not RosterHeading.objects.exists()
        assert roster.rows.get().values["workplace_cell"] == "Chi bộ 1"

    def test_what_was_typed_or_chosen_survives_another_reading(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY)
        good, bad = roster.rows.all()
        client.post(review(roster), typed(bad, birth_date="28/02/1985"))
        client.post(review(roster), typed(good, skip="on"))

        self.explain(client, roster, "full_name", "birth_date", "joined_on", "", "commune")

        assert plans(roster) == ["skip", "new"]
        assert row(roster, "Hà Văn Ngày").values["birth_date"] == "1985-02-28"

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            (("full_name", "birth_date", "joined_on", "commune", "commune"), "mỗi mục chỉ một cột"),
            (("", "birth_date", "joined_on", "", "commune"), "Cần chọn cột nào là “Họ và tên”"),
            (("full_name", "", "", "", "number"), "ít nhất hai cột khác"),
        ],
    )
    def test_a_contradiction_changes_nothing(
        self, fields: tuple[str, ...], sentence: str, cast: Cast, sign_in: SignIn
    ) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD, BAD_DAY, BAD_PLACE)
        answer = self.explain(client, roster, *fields)
        assert (answer.status_code, sentence in answer.content.decode()) == (200, True)
        assert (RosterHeading.objects.count(), roster.rows.count()) == (0, 3)

    def test_another_office_is_not_concerned_and_a_meaning_can_be_taken_back(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        self.explain(client, upload(client, GOOD), "full_name", "birth_date", "joined_on", "", "commune")
        theirs = upload(sign_in(cast.neighbour), [*BAD_DAY[:1], "02/03/1986", *BAD_DAY[2:]])
        assert theirs.rows.get().values["workplace_cell"] == "Chi bộ 1"
        assert upload(client, GOOD).rows.get().values["workplace_cell"] == ""
        heading = RosterHeading.objects.get()
        assert "“Chi bộ”: không đọc" in client.get(reverse("members:roster_upload")).content.decode()

        client.post(reverse("members:roster_forget", args=[heading.pk]))

        assert upload(client, GOOD).rows.get().values["workplace_cell"] == "Chi bộ 1"
        assert AuditEvent.objects.filter(verb="RosterHeading.forget", object_id=heading.pk).count() == 1

    def test_columns_without_or_with_the_same_heading_are_told_apart(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        head = [*HEAD, "", "Ghi chú", "Ghi chú"]
        roster = upload(client, [*GOOD, "0905000001", "một", "hai"], head=head)
        assert [heading.key for heading in roster.heads][5:] == ["cot f", "ghi chu", "ghi chu / h"]

        self.explain(
            client, roster, "full_name", "birth_date", "joined_on", "workplace_cell", "commune", "phone", "", "note"
        )

        values = roster.rows.get().values
        assert (values["phone"], values["note"]) == ("0905000001", "hai")
        again = upload(client, [*GOOD, "0905000002", "ba", "bốn"], head=head).rows.get().values
        assert (again["phone"], again["note"]) == ("0905000002", "bốn")

    def test_after_the_import_there_is_nothing_to_explain(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        roster = upload(client, GOOD)
        client.post(reverse("members:roster_commit", args=[roster.pk]))
        assert not StagedSheet.objects.exists()
        answer = self.explain(client, roster, "full_name", "birth_date", "joined_on", "", "commune")
        assert (answer.status_code, RosterHeading.objects.count()) == (302, 0)


class TestKeeping:
    def test_the_lines_are_unreadable_and_die_after_seven_days(self, cast: Cast, sign_in: SignIn) -> None:
        roster = upload(sign_in(cast.officer), GOOD)
        assert roster.source.lines[1] == [2, GOOD]
        with connection.cursor() as cursor:
            cursor.execute("SELECT lines FROM members_stagedsheet")
            assert "Mẫu" not in cursor.fetchone()[0]
        RosterImport.objects.update(made_at=timezone.now() - timedelta(days=8))
        RosterImport.objects.expired().forget()
        assert (StagedRow.objects.count(), StagedSheet.objects.count()) == (0, 0)

    def test_who_may_not_be_kept_is_not_in_the_lines(self, cast: Cast, sign_in: SignIn) -> None:
        head = [*HEAD, "Ghi chú"]
        secret = ["Kín Thị Mật", "02/03/1985", "19/05/2010", "Chi bộ 1", "phường An Hải", "miễn giới thiệu"]
        under = ["Kín Văn Phần", "02/03/1986", "19/05/2011", "Chi bộ 1", "phường An Hải", ""]
        roster = upload(
            sign_in(cast.officer),
            [*GOOD, ""],
            secret,
            ["Kín Thị Lẻ: miễn giới thiệu"],
            under,
            ["Kín Văn Trơn"],
            head=head,
        )
        assert "Kín" not in str([roster.source.lines, [vars(found) for found in roster.rows.all()], roster.notes])
        assert roster.dropped == [3, 5]


class TestQueries:
    @pytest.mark.parametrize("page", ["review", "columns", "upload"])
    def test_pages_cost_the_same_for_one_row_and_for_three(self, page: str, cast: Cast, sign_in: SignIn) -> None:
        client, counts = sign_in(cast.officer), []
        for rows in (1, 3):
            faulty = [[f"Hà Văn {'ABC'[number]}", *BAD_DAY[1:]] for number in range(rows)]
            roster = upload(client, *faulty)
            seat = cast.officer.seats.get()
            for number in range(rows):
                RosterHeading.objects.update_or_create(
                    committee=cast.ministry, key=f"k{number}", defaults={"field": "", "said_by": seat}
                )
            address = {
                "review": review(roster),
                "columns": reverse("members:roster_columns", args=[roster.pk]),
                "upload": reverse("members:roster_upload"),
            }[page]
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            counts.append(len(captured))
        assert counts[0] == counts[1]


class TestNothingIsExecuted:
    WORDS = ["=1+1", '=HYPERLINK("http://x","y")', "<script>alert(1)</script>", "{{ 7|add:7 }}"]

    def test_words_of_a_list_stay_words(self, cast: Cast, sign_in: SignIn) -> None:
        """On the review page, in the register, and in its page; documents and exports have tests of their own."""
        client = sign_in(cast.officer)
        head = [*HEAD, "Chức vụ", "Địa chỉ", "Ghi chú"]
        rows = [
            [f"Lâm Thị {'ABCD'[n]}", *GOOD[1:3], word, GOOD[4], word, word, word] for n, word in enumerate(self.WORDS)
        ]
        roster = upload(client, *rows, head=head)
        pages = [client.get(review(roster)).content.decode()]
        client.post(reverse("members:roster_commit", args=[roster.pk]))
        for number, word in enumerate(self.WORDS):
            person = Member.objects.get(full_name=f"Lâm Thị {'ABCD'[number]}")
            membership = person.memberships.get()
            assert (membership.position, membership.cell.name, person.address) == (word, word, word)
            pages.append(client.get(reverse("members:member_page", args=[person.pk])).content.decode())
        assert [page for page in pages if "<script>alert" in page] == []
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[3]
        assert "{{ 7|add:7 }}" in pages[4]
