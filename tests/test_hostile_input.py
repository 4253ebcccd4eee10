"""What nobody types by accident: refused in a sentence or read as nothing, never a broken page, never half-written."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse

from evaluations.models import Campaign, Document, EvaluationRequest
from evaluations.rulebooks import load
from liaison.logs import JsonLine
from liaison.wsgi import application
from members.models import JointReview, Member, Organization, Placement, RosterImport, StagedRow, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import Season

SignIn = Callable[[User], Client]
HEAD = ("STT", "Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Chi bộ", "Tổ dân phố", "Phường", "Số thẻ", "Địa chỉ")
NEW = (
    "Nguyễn Văn Mới",
    "01/02/1980",
    "19/05/2010",
    "Chi bộ Văn phòng",
    "Tổ dân phố 7",
    "Phường An Hải",
    "",
    "1 Đường A",
)
GROWS = "\ufb2c"  # one letter that becomes three when it is composed
LIGATURE, PHRASE = "\ufb03", "\ufdfa"  # three letters and eighteen in a key
FOREIGN_DIGIT = "\u1369"  # isdigit() says yes, int() says no
UNSEEN = "\u200b"


def person(**fields: str) -> list[str]:
    names = ("name", "birth", "joined", "workplace_cell", "group", "ward", "card", "address")
    return [fields.get(name, value) for name, value in zip(names, NEW, strict=True)]


def workbook(*rows: list[str], sheet: str = "Danh sách", title: str = "") -> SimpleUploadedFile:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for line in [[title] * bool(title), HEAD, *([number, *row] for number, row in enumerate(rows, 1))]:
        book.active.append(line)
    content = io.BytesIO()
    book.save(content)
    return SimpleUploadedFile("danh-sach.xlsx", content.getvalue())


def imported(client: Client, *rows: list[str]) -> RosterImport:
    """Uploaded, and pressed into the register whatever the rows are."""
    client.post(reverse("members:roster_upload"), {"file": workbook(*rows)})
    roster = RosterImport.objects.latest("pk")
    answer = client.post(reverse("members:roster_commit", args=[roster.pk]))
    assert answer.status_code == 302
    roster.refresh_from_db()
    return roster


class TestRoster:
    def test_a_dash_is_no_card_however_many_write_it(self, cast: Cast, sign_in: SignIn) -> None:
        marks = ["-", "-", "…", "?"]
        rows = [person(name=f"Nguyễn Văn {'ABCD'[i]}", card=mark) for i, mark in enumerate(marks)]

        assert imported(sign_in(cast.officer), *rows).outcome["new"] == 4
        assert set(Member.objects.values_list("card_index", flat=True)) == {""}

    def test_the_same_card_written_in_another_way_is_the_same_card(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        assert imported(client, person(card="43.123456")).outcome["new"] == 1

        assert imported(client, person(name="Lê Thị Khác", card="43 123456")).outcome["left"] == 1

    def test_days_that_contradict_the_register_are_a_question(self, cast: Cast, sign_in: SignIn) -> None:
        """Found by the card: the birth date of the row lies after the day of joining in the register."""
        client = sign_in(cast.officer)
        imported(client, person(card="43.123456", birth="01/01/1970", joined="01/01/2000"))

        assert imported(client, person(card="43.123456", birth="05/05/2001", joined="")).outcome["left"] == 1
        assert Member.objects.get(full_name=NEW[0]).birth == "01/01/1970"

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": "Nguyễn " + LIGATURE * 60},
            {"workplace_cell": PHRASE * 100},
            {"group": "Tổ " + PHRASE * 60},
            {"name": "\u3164\u3164 \u3164"},
            {"name": "Nguyễn Văn \u0410n"},  # a Cyrillic A: nobody would find him again
        ],
        ids=["long name key", "long cell key", "long group key", "blank letters", "another script"],
    )
    def test_a_row_that_no_column_can_hold_or_nobody_can_find_is_faulty(
        self, fields: dict[str, str], cast: Cast, sign_in: SignIn
    ) -> None:
        assert imported(sign_in(cast.officer), person(**fields)).outcome["left"] == 1

    @pytest.mark.parametrize(
        ("sheet", "title"),
        [("Miễn giới thiệu", ""), ("Danh sách", "DANH SÁCH ĐẢNG VIÊN MIỄN GIỚI THIỆU VỀ NƠI CƯ TRÚ")],
    )
    def test_a_list_of_people_never_to_be_kept_leaves_nothing(
        self, sheet: str, title: str, cast: Cast, sign_in: SignIn
    ) -> None:
        sent = {"file": workbook(person(), sheet=sheet, title=title)}
        answer = sign_in(cast.officer).post(reverse("members:roster_upload"), sent)

        assert "không được lưu ở đây" in str(answer.context["form"].errors["file"])
        assert (RosterImport.objects.count(), StagedRow.objects.count()) == (0, 0)

    @pytest.mark.parametrize("row", ["9" * 30, "9" * 5000, FOREIGN_DIGIT, "-1", "x"])
    def test_a_row_that_was_never_shown_is_no_answer(self, row: str, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.officer)
        client.post(reverse("members:roster_upload"), {"file": workbook(person())})
        roster = RosterImport.objects.get()

        answer = client.post(reverse("members:roster_review", args=[roster.pk]), {"row": row})

        assert (answer.status_code, roster.counts()["new"]) == (302, 1)


class TestTypedWords:
    def test_a_number_that_grows_when_composed_stays_in_the_form(
        self, cast: Cast, sign_in: SignIn, play: Season
    ) -> None:
        play.issued()
        register = reverse("evaluations:letter_register", args=[play.letter().pk])

        answer = sign_in(cast.ward_clerk).post(register, {"number": GROWS * 12})

        assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["number"])
        assert play.letter().registered_at is None

    @pytest.mark.parametrize("note", [GROWS * 250, UNSEEN, "\u200b \ufeff", "\0"])
    def test_sending_somebody_back_needs_words_that_can_be_read(
        self, note: str, cast: Cast, sign_in: SignIn, play: Season
    ) -> None:
        play.registered()
        matter = EvaluationRequest.objects.get()
        sent = {f"cell-{matter.pk}": "back:other", f"note-{matter.pk}": note}

        answer = sign_in(cast.ward_officer).post(reverse("evaluations:assign", args=[cast.ward.pk]), sent)

        assert (answer.status_code, list(answer.context["form"].errors)) == (200, [f"note-{matter.pk}"])
        matter.refresh_from_db()
        assert matter.state == "at_commune"

    def test_asking_for_more_needs_words_that_can_be_read(self, cast: Cast, sign_in: SignIn, play: Season) -> None:
        version = play.submitted()
        sent = {"code": next(iter(version.book.return_codes)), "note": UNSEEN}

        answer = sign_in(cast.ward_officer).post(reverse("evaluations:send_back", args=[version.pk]), sent)

        assert (answer.status_code, list(answer.context["form"].errors)) == (200, ["note"])
        version.refresh_from_db()
        assert version.state == "submitted"

    @pytest.mark.parametrize("name", [UNSEEN, "…", "---"])
    def test_nobody_is_no_attendee(self, name: str, cast: Cast, sign_in: SignIn) -> None:
        sent = review(**{"cell-1-name": name})

        answer = sign_in(cast.secretary).post(reverse("members:joint_review", args=[cast.cell.pk, 2026]), sent)

        assert "cell-1-name" in answer.context["form"].errors
        assert not JointReview.objects.exists()

    def test_the_same_meeting_entered_twice_is_one(self, cast: Cast, sign_in: SignIn) -> None:
        client, page = sign_in(cast.secretary), reverse("members:joint_review", args=[cast.cell.pk, 2026])

        for _ in range(2):
            client.post(page, review())
        client.post(page, review(**{"front-1-name": "Hồ Thị Khác"}))

        assert JointReview.objects.count() == 2


def review(**fields: str) -> dict[str, str]:
    return {
        "held_on": "2026-10-01",
        "rows": "3",
        "cell-1-name": "Ngô Văn Bí Thư",
        "cell-1-position": "Bí thư chi bộ",
        "front-1-name": "Đinh Thị Mặt Trận",
        "front-1-position": "Trưởng ban công tác Mặt trận",
        **fields,
    }


class TestNumbersThatAreNone:
    def test_a_cell_named_with_another_scripts_digit(self, cast: Cast, sign_in: SignIn, play: Season) -> None:
        """One workplace's roster must not be able to close the ward's grid for good."""
        Placement.objects.update(cell_as_written=f"Tổ {FOREIGN_DIGIT}")
        play.registered()
        client, grid = sign_in(cast.ward_officer), reverse("evaluations:assign", args=[cast.ward.pk])

        client.post(grid, {f"cell-{EvaluationRequest.objects.get().pk}": "new"})

        assert Organization.objects.filter(parent=cast.ward, name=f"Chi bộ Tổ {FOREIGN_DIGIT}").exists()
        assert client.get(grid).status_code == 200

    def test_an_edit_number_in_another_script(self, cast: Cast, sign_in: SignIn, play: Season) -> None:
        play.assigned()
        first, placement = load().criteria[0].code, Placement.objects.get(member=cast.asked).pk
        shown = f"{FOREIGN_DIGIT}.{'-' * (len(load().criteria) + 1)}"
        grid = reverse("evaluations:cell_grid", args=[cast.cell.pk, 2026])

        answer = sign_in(cast.secretary).post(grid, {f"s{placement}": shown, f"{placement}-{first}": "0"})

        assert answer.status_code == 302
        assert not play.assessment().versions.exists()

    def test_a_commune_no_database_could_number(self, cast: Cast, sign_in: SignIn, play: Season) -> None:
        address = f"/dot/{play.issued().pk}/xa-phuong/{'9' * 30}/"

        assert sign_in(cast.officer).get(address).status_code == 404
        assert Campaign.objects.get().state == "open"


def test_an_empty_form_after_too_many_wrong_codes(db: None) -> None:
    client, page = Client(), reverse("evaluations:code_enter")
    for attempt in range(10):
        client.post(page, {"code": f"SAI-{attempt}"})

    assert client.post(page, {}).status_code == 429
    cache.clear()
    assert list(client.post(page, {}).context["form"].errors) == ["code"]


def test_nobody_reads_about_himself_before_the_answer_is_out(cast: Cast, sign_in: SignIn, play: Season) -> None:
    """A member of the cell's committee, too, waits until his own form has gone out."""
    form = play.confirmed().form
    play.rendered()
    factories.seat(cast.member_user, cast.cell, Role.CELL_COMMITTEE)
    paper = reverse("evaluations:document_file", args=[form.pk])

    assert sign_in(cast.secretary).get(paper).status_code == 200
    assert sign_in(cast.member_user).get(paper).status_code == 404


@pytest.mark.parametrize("charset", ["hex", "undefined", "utf-7", "utf-16", "khong-co"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_request_that_claims_another_encoding_is_read_as_utf_8(method: str, charset: str, db: None) -> None:
    address, kind = f"{reverse('account_login')}?next=/%C4%91/", f"application/x-www-form-urlencoded; charset={charset}"
    environment = RequestFactory().generic(method.upper(), address, b"login=a&password=b", "text/plain").environ
    status: list[str] = []

    body = application({**environment, "CONTENT_TYPE": kind}, lambda line, headers: status.append(line))

    # A form without its token is told so; the page of the sign-in knows where to go on.
    assert status == [{"get": "200 OK", "post": "403 Forbidden"}[method]]
    assert ('value="/đ/"' in b"".join(body).decode()) == (method == "get")


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What the logs of Django say, as they are written."""
    found: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(json.loads(JsonLine().format(record)))

    handler, logger = Kept(), logging.getLogger("django")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def test_addresses_stay_out_of_the_logs(cast: Cast, sign_in: SignIn, lines: list[dict[str, Any]]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.officer)

    client.get("/thu/ABCD-EFGH-IJKL/")
    client.get("/tran-thi-thu-1980/?tim=tran+thi+thu")
    client.post("/dot/1/ket-thuc/?tim=tran+thi+thu", HTTP_REFERER="http://x.example/?tim=tran+thi+thu")
    client.put("/dang-vien/")

    assert len(lines) == 4
    assert not [line for line in lines for secret in ("ABCD", "thi", "/dot") if secret in json.dumps(line)]


@pytest.mark.parametrize("size", [3_000_000, 9_000_000])
def test_an_upload_stays_in_memory_and_in_bounds(size: int) -> None:
    sent = RequestFactory().post("/", {"file": SimpleUploadedFile("a.xlsx", b"x" * size)})

    file = sent.FILES["file"]

    assert (type(file), file.size) == (InMemoryUploadedFile, size)
    assert len(file.read()) == min(size, 6 * 1024 * 1024)


def test_two_committees_write_the_same_new_card_at_once(transactional_db: None, cast: Cast, sign_in: SignIn) -> None:
    rows = {cast.officer: person(card="43.123456"), cast.neighbour: person(name="Lê Thị Khác", card="43.123456")}
    commits = []
    for user, row in rows.items():
        client = sign_in(user)
        client.post(reverse("members:roster_upload"), {"file": workbook(row)})
        commits.append((client, reverse("members:roster_commit", args=[RosterImport.objects.latest("pk").pk])))

    answers = race(2, lambda number: commits[number][0].post(commits[number][1]).status_code)

    assert answers == [302, 302]
    assert sorted(roster.outcome["left"] for roster in RosterImport.objects.all()) == [0, 1]


def test_a_report_pressed_at_once_and_again_is_one(
    transactional_db: None, cast: Cast, sign_in: SignIn, play: Season
) -> None:
    address = reverse("evaluations:campaign_report", args=[play.answered().campaign_id])
    clients = [sign_in(person) for person in (cast.officer, cast.signer, cast.officer)]

    answers = race(3, lambda number: clients[number].post(address).status_code)
    reports = Document.objects.filter(genre=Document.Genre.REPORT)

    assert (answers, reports.count()) == ([302] * 3, 1)
    factories.member(workplace=cast.office_cell)
    clients[0].post(address)
    assert reports.count() == 2
