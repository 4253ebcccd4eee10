"""Sổ công văn: every number is a document or a range with its reason, and none is given twice."""

from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from evaluations import bundles
from evaluations.exports import letters_in_export, letters_out_export
from evaluations.models import Bundle, Document, NumberRange, NumberSeries, packs
from evaluations.models.documents import new_document
from evaluations.models.letter_book import (
    enter,
    entries,
    give_back,
    highest,
    keep_block,
    next_received_no,
    received,
    record_numbers,
    set_next,
    unexplained,
)
from members.models import AuditEvent, Seat, User
from members.roles import Action
from members.states import Refused, move
from tests.conftest import Cast
from tests.evaluations.test_bundles import texts
from tests.racing import race
from tests.season import Season, by

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db
ENTERED_ON = date(2026, 11, 10)
OUTSIDE, EMPTY, RESERVED = NumberRange.Kind.OUTSIDE, NumberRange.Kind.EMPTY, NumberRange.Kind.RESERVED


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.ward_clerk, Action.KEEP_BOOK, cast.ward)


@pytest.fixture
def book(cast: Cast) -> NumberSeries:
    return NumberSeries.locked(cast.ward, "CV", ENTERED_ON)


def fresh(book: NumberSeries) -> NumberSeries:
    return NumberSeries.objects.get(pk=book.pk)


def letters(cast: Cast, book: NumberSeries, numbers: list[int], seat: Seat) -> None:
    """Issued letters that hold these numbers."""
    for number in numbers:
        row = new_document(
            Document.Genre.REPLY_LETTER,
            key=f"reply:{book.pk}:{number}",
            issuer=cast.ward,
            recipient=cast.ministry,
            series=book,
            number=str(number),
            abstract="V/v nhận xét đảng viên năm 2026",
            facts={},
        )
        row.save()
        move(row, Document.State.ISSUED, by=seat, issued_on=ENTERED_ON)


def said(book: NumberSeries, first: int = 1, last: int = 0) -> list[tuple[str, str]]:
    """[(numbers, "document", the kind of the range or "")] with the smallest number first."""
    rows = entries(fresh(book), first, last or highest(fresh(book)))
    return [(row.numbers, "document" if row.document else row.range.kind if row.range else "") for row in rows[::-1]]


def test_the_book_goes_on_where_the_paper_book_stands(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    set_next(book, 158, "Sổ giấy đã dùng đến số 157", by=seat)
    letters(cast, book, fresh(book).take_next(2), seat)

    assert said(book) == [("01–157", OUTSIDE), ("158", "document"), ("159", "document")]
    assert unexplained(fresh(book)) == []
    assert NumberRange.objects.get().reason == "Sổ giấy đã dùng đến số 157"
    assert AuditEvent.objects.filter(verb="NumberSeries.set_next").count() == 1


def test_nothing_goes_back_or_onto_a_number_that_is_held(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    letters(cast, book, book.take_next(3), seat)
    record_numbers(book, OUTSIDE, 10, 10, "Viết tay", by=seat)

    with pytest.raises(Refused, match="Sổ đã đến số 03"):
        set_next(book, 2, "Nhầm", by=seat)
    with pytest.raises(Refused, match="Số 10 đã có trong sổ"):
        set_next(book, 10, "Nhầm", by=seat)

    assert fresh(book).next_no == 4


def test_numbers_used_outside_and_left_empty(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    record_numbers(book, OUTSIDE, 1, 3, "Công văn viết tay", by=seat)
    record_numbers(book, EMPTY, 6, 6, "Ghi hỏng", by=seat)
    letters(cast, book, fresh(book).take_next(3), seat)

    assert said(book) == [
        ("01–03", OUTSIDE),
        ("04", "document"),
        ("05", "document"),
        ("06", EMPTY),
        ("07", "document"),
    ]
    assert unexplained(fresh(book)) == []


@pytest.mark.parametrize(("first", "last"), [(2, 2), (1, 9), (7, 8), (8, 8)])
def test_what_is_held_is_not_recorded_again(cast: Cast, book: NumberSeries, seat: Seat, first: int, last: int) -> None:
    letters(cast, book, book.take_next(3), seat)
    record_numbers(book, EMPTY, 8, 8, "Ghi hỏng", by=seat)

    with pytest.raises(Refused, match="đã có trong sổ"):
        record_numbers(book, OUTSIDE, first, last, "Viết tay", by=seat)

    assert NumberRange.objects.count() == 1


def test_a_kept_block_lends_its_numbers(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    keep_block(book, 5, "Đợt tháng 11", by=seat)
    record_numbers(book, OUTSIDE, 3, 3, "Viết tay", by=seat)
    letters(cast, book, fresh(book).take_next(1), seat)

    assert said(book) == [("01–02", RESERVED), ("03", OUTSIDE), ("04–05", RESERVED), ("06", "document")]


def test_a_block_is_kept_where_nothing_is_held(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    record_numbers(book, OUTSIDE, 3, 3, "Viết tay", by=seat)

    block = keep_block(book, 4, "Đợt tháng 11", by=seat)

    assert (block.first, block.last) == (4, 7)
    letters(cast, book, fresh(book).take_next(3), seat)
    assert said(book) == [
        ("01", "document"),
        ("02", "document"),
        ("03", OUTSIDE),
        ("04–07", RESERVED),
        ("08", "document"),
    ]
    assert unexplained(fresh(book)) == []


def test_a_block_nobody_needs_is_taken_next(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    block = keep_block(book, 5, "Đợt tháng 11", by=seat)
    give_back(block, "Không dùng nữa", by=seat)

    assert (fresh(book).next_no, NumberRange.objects.count()) == (1, 0)
    with pytest.raises(Refused, match="vừa được xử lý"):
        give_back(block, "Không dùng nữa", by=seat)


def test_a_block_that_others_have_passed_stays_empty(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    block = keep_block(book, 5, "Đợt tháng 11", by=seat)
    letters(cast, book, fresh(book).take_next(1), seat)
    give_back(block, "Không dùng nữa", by=seat)

    assert said(book) == [("01–05", EMPTY), ("06", "document")]
    assert NumberRange.objects.get().reason == "Không dùng nữa"


def test_numbers_nobody_explained_are_shown(cast: Cast, book: NumberSeries, seat: Seat, sign_in: SignIn) -> None:
    """Only somebody with the database file can bring this about."""
    letters(cast, book, [1, 4], seat)
    NumberSeries.objects.filter(pk=book.pk).update(next_no=5)

    page = sign_in(cast.ward_clerk).get(reverse("evaluations:letters_out", args=[cast.ward.pk])).content.decode()

    assert unexplained(fresh(book)) == [2, 3]
    assert said(book) == [("01", "document"), ("02–03", ""), ("04", "document")]
    assert "Số chưa có giải thích: 2, 3." in page


def test_twenty_at_once_get_twenty_numbers(transactional_db: None, cast: Cast) -> None:
    """Those who take, keep, record and go on all hold the same lock."""
    seat = by(cast.ward_clerk, Action.KEEP_BOOK, cast.ward)
    book = NumberSeries.objects.create(organization=cast.ward, genre_sign="CV", term="2025-2030")

    def work(number: int) -> None:
        if number % 5 == 0:
            keep_block(book, 2, "Giữ trước", by=seat)
        elif number % 5 == 1:
            record_numbers(book, OUTSIDE, 100 + number, 100 + number, "Viết tay", by=seat)
        else:
            take(cast, book, seat)

    outcome = race(20, work)

    assert [row for row in outcome if row is not None] == []
    numbers = [int(number or 0) for number in book.documents.values_list("number", flat=True)]
    held = [n for row in book.ranges.all() for n in range(row.first, row.last + 1)]
    assert len(set(numbers)) == 12
    assert len(set(numbers) | set(held)) == 12 + 8 + 4
    assert unexplained(fresh(book)) == []


def take(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    with transaction.atomic():
        locked = NumberSeries.objects.select_for_update().get(pk=book.pk)
        letters(cast, locked, locked.take_next(1), seat)


# Pages


def test_the_clerk_goes_on_from_another_number(cast: Cast, sign_in: SignIn) -> None:
    client, url = sign_in(cast.ward_clerk), reverse("evaluations:book_numbers", args=[cast.ward.pk])

    response = client.post(
        url, {"what": "next", "sign": "CV", "first": "158", "reason": "Sổ giấy đến số 157"}, follow=True
    )

    assert "Số tiếp theo của sổ CV nhiệm kỳ 2025-2030 là 158." in response.content.decode()
    assert NumberSeries.objects.get().next_no == 158


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "Chọn việc cần ghi."),
        ({"what": "next", "sign": "CV", "reason": "Sổ giấy"}, "Ghi số."),
        ({"what": "next", "sign": "CV", "first": "0", "reason": "Sổ giấy"}, "Số từ 1 trở lên."),
        ({"what": "next", "sign": "CV", "first": "mười", "reason": "Sổ giấy"}, "Ghi số bằng chữ số"),
        ({"what": "next", "sign": "CV", "first": "7", "reason": "x"}, "ít nhất 5 ký tự"),
        ({"what": "reserved", "sign": "CV", "reason": "Sổ giấy"}, "Ghi cần giữ bao nhiêu số."),
        ({"what": "reserved", "sign": "CV", "count": "501", "reason": "Sổ giấy"}, "nhiều nhất 500 số"),
        ({"what": "outside", "sign": "CV", "first": "9", "last": "7", "reason": "Sổ giấy"}, "Số cuối phải từ 9"),
        ({"what": "empty", "sign": "CV", "first": "1", "last": "99999", "reason": "Sổ giấy"}, "nhiều nhất 1000 số"),
    ],
)
def test_what_is_typed_wrong_is_told(cast: Cast, sign_in: SignIn, data: dict[str, str], words: str) -> None:
    url = reverse("evaluations:book_numbers", args=[cast.ward.pk])
    response = sign_in(cast.ward_clerk).post(url, data)

    assert words in response.content.decode()
    assert NumberRange.objects.count() == 0


def test_a_refusal_stands_beside_what_was_typed(cast: Cast, book: NumberSeries, seat: Seat, sign_in: SignIn) -> None:
    letters(cast, book, book.take_next(3), seat)
    url = reverse("evaluations:book_numbers", args=[cast.ward.pk])
    data = {"what": "outside", "sign": "CV", "first": "2", "reason": "Công văn viết tay"}

    page = sign_in(cast.ward_clerk).post(url, data).content.decode()

    assert "Số 02 đã có trong sổ" in page
    assert "Công văn viết tay" in page


def test_the_book_page_by_page(cast: Cast, book: NumberSeries, seat: Seat, sign_in: SignIn) -> None:
    set_next(book, 120, "Sổ giấy", by=seat)
    letters(cast, book, fresh(book).take_next(1), seat)
    client, url = sign_in(cast.ward_clerk), reverse("evaluations:letters_out", args=[cast.ward.pk])

    first = client.get(url)
    second = client.get(url + first.context["next_url"])
    third = client.get(url + second.context["next_url"])

    shown = [[entry.numbers for entry in page.context["entries"]] for page in (first, second, third)]
    assert shown == [["120", "71–119"], ["21–70"], ["01–20"]]
    assert third.context["next_url"] is None
    assert first.context["prev_url"] is None
    assert client.get(url + second.context["prev_url"]).context["entries"][0].numbers == "120"


def test_a_letter_is_found_by_its_number_or_by_whom_it_went_to(
    cast: Cast, book: NumberSeries, seat: Seat, sign_in: SignIn
) -> None:
    letters(cast, book, [1, 2], seat)
    client, url = sign_in(cast.ward_clerk), reverse("evaluations:letters_out", args=[cast.ward.pk])

    found = {
        words: [entry.numbers for entry in client.get(url, {"tim": words}).context["entries"]]
        for words in ("so thu nghiem", "2", "sơn trà")
    }

    assert found == {"so thu nghiem": ["02", "01"], "2": ["02"], "sơn trà": []}
    assert [e.numbers for e in client.get(url, {"loai": "report"}).context["entries"]] == []
    assert len(client.get(url, {"nam": str(ENTERED_ON.year)}).context["entries"]) == 2


def test_the_pages_cost_the_same_for_one_and_three(cast: Cast, book: NumberSeries, seat: Seat, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_clerk)
    answers = sign_in(cast.officer)
    urls = [
        (client, reverse("evaluations:letters_out", args=[cast.ward.pk])),
        (client, reverse("evaluations:letters_out", args=[cast.ward.pk]) + "?tim=so"),
        (answers, reverse("evaluations:letters_received", args=[cast.ministry.pk])),
    ]

    def cost() -> list[int]:
        counts = []
        for who, url in urls:
            with CaptureQueriesContext(connection) as queries:
                who.get(url)
            counts.append(len(queries))
        return counts

    letters(cast, book, [1], seat)
    cost()
    one = cost()
    letters(cast, book, [2, 3], seat)

    assert cost() == one
    assert max(one) <= 20


# Letters received


def test_answers_enter_the_workplaces_book(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    client, url = sign_in(cast.officer), reverse("evaluations:letters_received", args=[cast.ministry.pk])

    page = client.get(url)
    assert [(letter.pk, label) for letter, label in page.context["letters"]] == [(matter.reply_id, "01-CV/ĐU")]
    client.post(reverse("evaluations:letter_enter", args=[matter.reply_id]), {"number": "12"})

    letter = Document.objects.get(pk=matter.reply_id)
    assert (letter.registered_no, letter.registered_by) == ("12", cast.officer.seats.get())
    assert next_received_no(cast.ministry) == "13"
    with pytest.raises(Refused, match="đã được vào sổ"):
        enter(letter, "14", by=cast.officer.seats.get())


def test_a_request_enters_by_its_own_page_and_others_letters_not_at_all(cast: Cast, play: Season) -> None:
    play.issued()
    clerk = by(cast.ward_clerk, Action.KEEP_BOOK, cast.ward)

    with pytest.raises(Refused, match="trang của công văn đó"):
        enter(play.letter(), "1", by=clerk)


def test_letters_received_by_year_sender_and_kind(cast: Cast, play: Season) -> None:
    play.issued()
    found = received(cast.ward, 2026, "so thu nghiem", "request_letter")

    assert list(found) == [play.letter()]
    assert not received(cast.ward, 2025, "", "").exists()
    assert not received(cast.ward, None, "láng giềng", "").exists()
    assert list(received(cast.ward, None, play.letter().number or "", "")) == [play.letter()]


# On paper and as tables


def test_the_printed_book(cast: Cast, book: NumberSeries, seat: Seat) -> None:
    set_next(book, 4, "Sổ giấy đến số 03", by=seat)
    letters(cast, book, fresh(book).take_next(1), seat)
    bundle = Bundle.objects.order(packs.letters_out(fresh(book), "x"), "Phạm vi: sổ CV", by=seat)

    assert bundles.work(bundle, 60)

    title, lines = texts(bundle)
    assert "SỔ CÔNG VĂN ĐI" in title.upper()
    assert "gồm 02 dòng" in title
    assert "01–03-CV" in lines
    assert "Đã dùng ngoài hệ thống: Sổ giấy đến số 03" in lines
    assert "04-CV/ĐU" in lines
    assert "Võ Thị Sổ" in lines


def test_the_book_of_letters_received_is_printed_too(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.registered()
    response = sign_in(cast.ward_clerk).post(reverse("evaluations:letters_received", args=[cast.ward.pk]))
    bundle = Bundle.objects.get()
    assert response["Location"] == reverse("evaluations:bundle_page", args=[bundle.pk])

    assert bundles.work(bundle, 60)

    _, lines = texts(bundle)
    assert "17" in lines
    assert "Đảng ủy Sở Thử Nghiệm" in lines
    assert sign_in(cast.other_ward_officer).get(response["Location"]).status_code == 404


def test_the_tables(cast: Cast, play: Season, book: NumberSeries, seat: Seat, sign_in: SignIn) -> None:
    play.registered()
    set_next(book, 4, "Sổ giấy đến số 03", by=seat)
    out, into = letters_out_export(fresh(book)), letters_in_export(cast.ward, received(cast.ward, None, "", ""))

    assert out.rows == [
        ["01–03-CV", timezone.localdate(), "Đã dùng ngoài hệ thống: Sổ giấy đến số 03", "", "", "Võ Thị Sổ"]
    ]
    assert [row[:4] for row in into.rows] == [[1, timezone.localdate(), "17", "Đảng ủy Sở Thử Nghiệm"]]
    url = reverse("evaluations:letters_in_export", args=[cast.ward.pk])
    given = sign_in(cast.ward_officer).post(url, {"reason": "Đối chiếu sổ giấy"})
    sheet = load_workbook(BytesIO(given.content)).active
    assert sheet
    assert sheet["D2"].value == "Đảng ủy Sở Thử Nghiệm"
