"""The scan suite: our own paper goes through the scanner, and every page comes out where it belongs or in the tray."""

import os
import random
import sys
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from evaluations import documents, scans, tasks
from evaluations.models import Assessment, Document, DocumentFile, EvaluationRequest, ScanBatch, ScanPage, sheet_facts
from evaluations.models.paper_codes import PaperKind, paper_code
from evaluations.models.sheets import sheet_with
from members.models import AuditEvent, Organization, Seat
from members.roles import Action
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.scanner import Pass, blank, photo, photograph, scanned, sheets
from tests.season import Season, by

State = ScanPage.State
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.ward_clerk, Action.SCAN, cast.ward)


def people(cast: Cast, ward: Organization, cell: Organization, count: int) -> list[Assessment]:
    members = [
        factories.member(f"Đỗ Thử {ward.pk} {no}", workplace=cast.office_cell, commune=ward, cell=cell)
        for no in range(count)
    ]
    return [Assessment.objects.create(placement=member.placements.get(), year=Season.YEAR) for member in members]


def forms(assessments: list[Assessment]) -> list[bytes]:
    """The blank form of each, as it is printed for the meeting."""
    facts = sheet_facts.blank_forms([assessment.pk for assessment in assessments])
    printed = sheets(documents.render("blank_forms", facts).content)
    assert len(printed) == len(assessments)
    return printed


def grid(cell: Organization) -> bytes:
    return sheets(documents.render("grid", sheet_facts.grid(cell, Season.YEAR)).content)[0]


def issued_file(document: Document) -> bytes:
    stored = document.issued_file()
    assert stored
    return bytes(stored.content)


def take(organization: Organization, pictures: list[Image.Image], seat: Seat | None, **more: Any) -> ScanBatch:
    content = scanned(pictures)
    batch = ScanBatch.objects.take(organization, [(content, len(pictures))], by=seat, **more)
    while batch.is_in_work:
        tasks.read_scans(batch.pk)
        batch.refresh_from_db()
    return batch


def places(batch: ScanBatch) -> list[tuple[int, str, str]]:
    return list(batch.pages.order_by("number").values_list("number", "state", "why"))


def targets(batch: ScanBatch) -> dict[int, tuple[int | None, int | None, int | None, int]]:
    rows = batch.pages.filter(state=State.BOUND)
    return {
        number: tuple(rest) for number, *rest in rows.values_list("number", "assessment", "document", "cell", "page_no")
    }


PASSES = [
    {"dpi": 200, "noise": 20},
    {"dpi": 300, "noise": 30, "blur": 0.7},
    {"dpi": 200, "noise": 40, "blur": 0.7, "slant": 2.0},
    {"dpi": 300, "noise": 60, "slant": -3.0},
]


@pytest.mark.once
def test_no_page_is_bound_wrongly_and_none_is_lost(cast: Cast, play: Season, seat: Seat, capsys: Any) -> None:
    """Mixed order, every rotation, missing, doubled, foreign and blank pages. LIAISON_SCANS=10 plays ten times more."""
    rounds = int(os.environ.get("LIAISON_SCANS", "1"))
    play.answered()
    play.rendered()
    reply = Document.objects.get(genre="reply_letter")
    other_cell = factories.residence_cell(cast.other_ward, "Tổ dân phố 1")
    own, foreign = people(cast, cast.ward, cast.cell, 3 * rounds), people(cast, cast.other_ward, other_cell, 1)
    letter = sheets(issued_file(reply))
    expected: list[tuple[bytes, tuple[Any, ...] | str]] = [
        *((form, (row.pk, None, None, 1)) for form, row in zip(forms(own), own, strict=True)),
        *((page, (None, reply.pk, None, no)) for no, page in enumerate(letter, 1)),
        (grid(cast.cell), (None, None, cast.cell.pk, 1)),
        (forms(foreign)[0], "foreign"),
        (forms(own)[0], "duplicate"),
        (sheets(scanned([blank()]))[0], "unread"),
    ]
    chance, read, wrong, lost = random.Random(213), 0, [], 0
    for how in PASSES:
        ScanPage.objects.all().delete()
        chance.shuffle(expected)
        pictures = [
            photograph(sheet, Pass(**how, turned=chance.choice([0, 90, 180, 270]), seed=no))
            for no, (sheet, _) in enumerate(expected)
        ]
        ScanBatch.objects.update(digest="")
        batch = take(cast.ward, pictures, seat)
        bound = targets(batch)
        lost += len(expected) - batch.pages.count()
        twins = {want for _, want in expected if isinstance(want, tuple)}
        for number, (_, want) in enumerate(expected, 1):
            got = bound.get(number)
            read += got is not None
            if got is not None and got not in (
                {want} if isinstance(want, tuple) else twins if want == "duplicate" else set()
            ):
                wrong.append((how, number, want, got))
    pages = sum(isinstance(want, tuple) for _, want in expected) * len(PASSES)
    with capsys.disabled():
        sys.stdout.write(f"\nscan suite: {read} of {pages} pages with a code read and bound ({read / pages:.1%})\n")

    assert (wrong, lost) == ([], 0)
    assert read / pages > 0.95


def test_each_code_binds_its_own_page_only(cast: Cast, seat: Seat) -> None:
    first, second = people(cast, cast.ward, cast.cell, 2)
    form, other = forms([first, second])
    both = photograph(form)
    both.paste(photograph(other).crop((0, 1800, 400, 2339)), (0, 0))

    batch = take(cast.ward, [photograph(form), blank(), both, photograph(other, Pass(turned=180))], seat)

    assert places(batch) == [(1, "bound", ""), (2, "tray", "unread"), (3, "tray", "two_codes"), (4, "bound", "")]
    assert targets(batch) == {1: (first.pk, None, None, 1), 4: (second.pk, None, None, 1)}
    assert AuditEvent.objects.filter(verb="ScanPage.bound").get().count == 2
    assert not batch.uploads.exists()


def test_a_code_made_up_elsewhere_binds_nothing(cast: Cast, seat: Seat, settings: Any) -> None:
    (own,) = people(cast, cast.ward, cast.cell, 1)
    settings.SECRET_KEY, key = "another installation", settings.SECRET_KEY
    (elsewhere,) = forms([own])
    settings.SECRET_KEY = key

    batch = take(cast.ward, [photograph(elsewhere)], seat)

    assert places(batch) == [(1, "tray", "foreign")]


def test_the_same_upload_twice_is_one_batch(cast: Cast, seat: Seat) -> None:
    content = scanned([blank()])

    batches = {ScanBatch.objects.take(cast.ward, [(content, 1)], by=seat).pk for _ in range(2)}

    assert len(batches) == 1
    other = ScanBatch.objects.take(cast.ministry, [(content, 1)], by=by(cast.officer, Action.SCAN, cast.ministry))
    assert other.pk not in batches


def test_too_many_pages_are_refused_whole(cast: Cast, seat: Seat) -> None:
    with pytest.raises(Refused, match="301 trang"):
        ScanBatch.objects.take(cast.ward, [(b"a", 300), (b"b", 1)], by=seat)
    assert not ScanBatch.objects.exists()


def test_a_batch_of_several_files_is_read_through(cast: Cast, seat: Seat) -> None:
    rows = people(cast, cast.ward, cast.cell, 2)
    first, second = (photograph(form) for form in forms(rows))
    files = [(photo(first), 1), (scanned([blank(), second]), 2)]
    batch = ScanBatch.objects.take(cast.ward, files, by=seat)

    tasks.read_scans(batch.pk)

    assert places(batch) == [(1, "bound", ""), (2, "tray", "unread"), (3, "bound", "")]


@pytest.fixture
def tray(cast: Cast, seat: Seat) -> ScanPage:
    return take(cast.ward, [blank()], seat).pages.get()


def test_a_person_binds_what_no_machine_could(cast: Cast, seat: Seat, tray: ScanPage) -> None:
    (row,) = people(cast, cast.ward, cast.cell, 1)
    sheet = sheet_with(paper_code(PaperKind.ASSESSMENT, row.pk).lower().replace("-", " "), cast.ward)
    assert sheet

    tray.bind(sheet, by=seat)

    assert list(ScanPage.objects.of_assessment(row)) == [tray]
    tray.refresh_from_db()
    assert (tray.state, tray.why, tray.bound_by, tray.code) == ("bound", "", seat, sheet.code)


def test_of_two_pages_for_one_place_the_later_choice_holds_and_both_are_kept(cast: Cast, seat: Seat) -> None:
    (row,) = people(cast, cast.ward, cast.cell, 1)
    (form,) = forms([row])
    batch = take(cast.ward, [photograph(form), photograph(form, Pass(turned=90))], seat)
    first, second = batch.pages.order_by("number")
    assert (first.state, second.state) == (State.BOUND, State.DUPLICATE)

    second.bind(second.sheet, by=seat)

    first.refresh_from_db()
    assert (first.state, second.state) == (State.DUPLICATE, State.BOUND)
    first.bind_next(first.sheet, by=seat)
    assert [page.page_no for page in ScanPage.objects.of_assessment(row)] == [1, 2]


def test_a_page_is_set_aside_with_a_reason_and_can_come_back(seat: Seat, tray: ScanPage) -> None:
    with pytest.raises(Refused, match="lý do"):
        tray.set_aside("  ", by=seat)

    tray.set_aside("Trang bìa", by=seat)

    assert (tray.state, tray.reason, tray.discarded_by) == (State.DISCARDED, "Trang bìa", seat)
    tray.put_back(by=seat)
    assert (tray.state, tray.reason) == (State.TRAY, "")


@pytest.mark.django_db(transaction=True)
def test_two_people_bind_two_pages_to_one_place_at_once(transactional_db: None, cast: Cast, seat: Seat) -> None:
    (row,) = people(cast, cast.ward, cast.cell, 1)
    pages = list(take(cast.ward, [blank(), blank(100)], seat).pages.all())
    sheet = sheet_with(paper_code(PaperKind.ASSESSMENT, row.pk), cast.ward)
    assert sheet

    race(2, lambda number: ScanPage.objects.get(pk=pages[number].pk).bind(sheet, by=seat))

    assert sorted(ScanPage.objects.values_list("state", flat=True)) == ["bound", "duplicate"]


# The stamped copy of an issued paper


@pytest.fixture
def letter(play: Season) -> Document:
    play.issued()
    play.rendered()
    return play.letter()


def test_a_stamped_copy_is_put_together_when_its_last_page_is_there(cast: Cast, letter: Document) -> None:
    pages = sheets(issued_file(letter))
    assert len(pages) == 2
    seat = by(cast.officer, Action.SCAN, cast.ministry)

    take(cast.ministry, [photograph(pages[1], Pass(turned=180))], seat)
    tasks.file_scans(letter.pk)

    assert ScanPage.objects.missing([letter.pk]) == [(letter, [1])]
    assert letter.scanned_file(DocumentFile.Kind.STAMPED) is None

    take(cast.ministry, [photograph(pages[0])], seat)
    assert ScanPage.objects.to_file() == {letter.pk: 2}
    tasks.file_scans(letter.pk)
    tasks.file_scans(letter.pk)

    stored = letter.files.get(kind=DocumentFile.Kind.STAMPED)
    assert letter.scanned_file(DocumentFile.Kind.STAMPED) == stored
    codes = [page.codes for page in scans.read_pages(bytes(stored.content), 1, 2)]
    address = f"{settings.PUBLIC_URL}/q/{paper_code(PaperKind.DOCUMENT, letter.pk)}/"
    assert codes == [[address], [f"{address}?t=2"]]
    letter.refresh_from_db()
    assert (letter.mode, stored.pages, ScanPage.objects.to_file()) == ("hand_signed", 2, {})
    assert ScanPage.objects.missing([letter.pk]) == []


def test_a_page_taken_away_from_a_stamped_copy_takes_the_copy_with_it(cast: Cast, letter: Document) -> None:
    seat = by(cast.officer, Action.SCAN, cast.ministry)
    batch = take(cast.ministry, [photograph(page) for page in sheets(issued_file(letter))], seat)
    tasks.file_scans(letter.pk)
    wrong = batch.pages.get(number=2)

    wrong.put_back(by=seat)

    assert letter.scanned_file(DocumentFile.Kind.STAMPED) is None
    sheet = sheet_with(paper_code(PaperKind.DOCUMENT, letter.pk), cast.ministry)
    assert sheet
    wrong.bind_next(sheet, by=seat)
    tasks.file_scans(letter.pk)
    assert letter.files.filter(kind=DocumentFile.Kind.STAMPED).count() == 2
    assert letter.scanned_file(DocumentFile.Kind.STAMPED)


def test_the_recipient_cannot_scan_a_stamped_copy_of_somebody_elses_letter(cast: Cast, letter: Document) -> None:
    seat = by(cast.ward_clerk, Action.SCAN, cast.ward)

    batch = take(cast.ward, [photograph(sheets(issued_file(letter))[0])], seat)

    assert places(batch) == [(1, "tray", "foreign")]


def test_the_paper_form_lies_beside_the_form_that_was_issued(cast: Cast, play: Season, seat: Seat) -> None:
    version = play.submitted()
    (form,) = forms([version.assessment])
    take(cast.ward, [photograph(form)], seat)
    assert ScanPage.objects.to_file() == {}

    version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    tasks.sweep()
    for document_id in ScanPage.objects.to_file():
        tasks.file_scans(document_id)

    issued = Document.objects.get(version=version)
    assert [file.pages for file in issued.files.filter(kind=DocumentFile.Kind.SCAN)] == [1]
    assert issued.mode == "print_only"


def test_by_letter_code_only_what_the_letter_asks_about_is_bound(cast: Cast, play: Season) -> None:
    factories.member("Vũ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    play.rendered()
    letter = play.letter(cast.far_ward)
    matter = EvaluationRequest.objects.get(letter=letter)
    asked, _ = Assessment.objects.get_or_create(placement=matter.placement, year=matter.year)
    matter.assessment = asked
    matter.save()
    (other,) = people(cast, cast.ward, cast.cell, 1)
    code = letter.letters.get()
    pictures = [photograph(form) for form in [*forms([asked]), *forms([other]), *sheets(issued_file(letter))[:1]]]

    batch = take(cast.ministry, pictures, None, letter=code)

    assert places(batch) == [(1, "bound", ""), (2, "tray", "foreign"), (3, "tray", "by_code")]
    assert batch.pages.get(number=3).code == paper_code(PaperKind.DOCUMENT, letter.pk)
