"""Print copies: ordered once, made step by step by whoever is alive, complete, and gone after a few days."""

import io
from datetime import date, timedelta
from typing import Any

import pikepdf
import pypdfium2
import pytest
from django.utils import timezone
from pypdf import PdfReader

from evaluations import bundles, tasks
from evaluations.models import Assessment, Bundle, BundlePiece, Document, DocumentFile, Introduction, packs
from evaluations.models.bundles import PIECE, TRIES
from evaluations.models.paper_codes import PaperKind, grid_number, paper_code, read_grid_number
from evaluations.models.print_plans import Order, Sheet, steps
from members.models import AuditEvent, Seat
from members.roles import Action
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.racing import race
from tests.season import Season, by

# WeasyPrint leaves closing its colour profile to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
YEAR = Season.YEAR


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.secretary, Action.WRITE, cast.cell)


def residents(cast: Cast, count: int) -> None:
    for number in range(count):
        factories.member(f"Đặng Thử Số {number:02}", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)


def ordered(cast: Cast, seat: Seat) -> Bundle:
    return Bundle.objects.order(packs.cell_pack(cast.cell, YEAR), "In để ghi tay", by=seat)


def made(bundle: Bundle) -> Bundle:
    tasks.bundle(bundle.pk)
    return Bundle.objects.get(pk=bundle.pk)


def pdf(bundle: Bundle) -> PdfReader:
    return PdfReader(io.BytesIO(b"".join(bundle.content())))


def texts(bundle: Bundle) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in pdf(bundle).pages]


def test_a_cells_pack_is_the_list_the_forms_and_the_grid(cast: Cast, seat: Seat) -> None:
    residents(cast, 3)

    bundle = made(ordered(cast, seat))

    cover, *forms, grid = texts(bundle)
    assert (bundle.state, bundle.done, bundle.total, bundle.pages) == ("ready", 5, 5, 5)
    assert "PHIẾU GIAO" in cover
    assert "BẢNG NHẬN XÉT CẢ CHI BỘ" in grid
    rows = Assessment.objects.order_by("placement__member__sort_key")
    codes = [paper_code(PaperKind.ASSESSMENT, row.pk) for row in rows]
    assert [[code for code in codes if code in form] for form in forms] == [[code] for code in codes]
    assert all(code in cover for code in codes)
    assert paper_code(PaperKind.GRID, grid_number(cast.cell.pk, YEAR)) in grid
    assert [form.count("PHIẾU NHẬN XÉT") for form in forms] == [1, 1, 1]
    assert pdf(bundle).root_object["/ViewerPreferences"] == {"/Duplex": "/Simplex", "/PickTrayByPDFSize": True}


def test_cell_and_year_come_back_out_of_the_number_of_a_grid() -> None:
    assert read_grid_number(grid_number(90_001, 2031)) == (90_001, 2031)


def test_pressing_again_finds_the_copy_that_is_made_or_fresh(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    first = ordered(cast, seat)
    assert ordered(cast, seat) == first
    made(first)
    assert ordered(cast, seat) == first

    residents(cast, 1)
    second = ordered(cast, seat)
    assert second != first
    Bundle.objects.filter(pk=first.pk).update(ready_at=timezone.now() - timedelta(hours=2))
    assert AuditEvent.objects.filter(verb="Bundle.order").count() == 2


def test_two_who_press_at_once_order_one_copy(transactional_db: None, cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    order = packs.cell_pack(cast.cell, YEAR)

    found = race(8, lambda _: Bundle.objects.order(order, "In để ghi tay", by=seat))

    assert {bundle.pk for bundle in found if isinstance(bundle, Bundle)} == {Bundle.objects.get().pk}


def test_nothing_to_print_is_said(cast: Cast, seat: Seat) -> None:
    with pytest.raises(Refused, match="Không còn văn bản, phiếu nào để in"):
        ordered(cast, seat)
    order = Order("cell_pack", cast.cell, "Quá nhiều", steps(Sheet.FORMS, range(20_001)), YEAR)
    with pytest.raises(Refused, match="in riêng từng đơn vị"):
        Bundle.objects.order(order, "Thử", by=seat)


class Killed(BaseException):
    """What a worker that is killed leaves behind: the rows as they were."""


def test_a_worker_that_dies_in_the_middle_leaves_a_copy_that_the_next_one_completes(
    cast: Cast, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(cast, 6)
    bundle = ordered(cast, seat)
    grid = bundles.SHEETS[Sheet.GRIDS]

    def die(*_: Any) -> bytes:
        raise Killed

    monkeypatch.setattr(tasks, "SLICE", 600.0)  # on a busy machine the work must not stop before it comes to the grid
    monkeypatch.setitem(bundles.SHEETS, Sheet.GRIDS, die)
    with pytest.raises(Killed):
        tasks.bundle(bundle.pk)
    bundle.refresh_from_db()
    assert (bundle.state, bundle.done, bundle.total) == ("running", 7, 8)
    monkeypatch.setitem(bundles.SHEETS, Sheet.GRIDS, grid)
    assert made(bundle).state == "running"  # the dead one's lease still runs
    kept = set(bundle.pieces.values_list("pk", flat=True))

    Bundle.objects.filter(pk=bundle.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert list(Bundle.objects.due()) == [bundle]
    monkeypatch.setitem(bundles.SHEETS, Sheet.FORMS, die)  # what was done is not done again
    bundle = made(bundle)

    assert (bundle.state, bundle.done, bundle.lease_until) == ("ready", 8, None)
    assert len([text for text in texts(bundle) if "PHIẾU NHẬN XÉT đảng viên" in text]) == 6
    assert not kept & set(bundle.pieces.values_list("pk", flat=True))


def test_twenty_claim_a_bundle_and_one_gets_it(transactional_db: None, cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    bundle = ordered(cast, seat)
    taken = race(20, lambda _: Bundle.objects.claim(bundle.pk))
    assert [found for found in taken if found] == [bundle]


def test_work_stops_when_its_time_is_over_and_goes_on_later(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    bundle = ordered(cast, seat)
    assert bundles.work(bundle, -1) is False
    assert bundle.pieces.count() == 0
    assert bundles.work(bundle, 60) is True


def test_what_kills_every_worker_is_given_up(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    bundle = ordered(cast, seat)
    Bundle.objects.filter(pk=bundle.pk).update(tries=TRIES)

    bundle = made(bundle)

    assert (bundle.state, bundle.error, bundle.lease_until) == ("failed", "Đã thử nhiều lần mà không lập được", None)
    assert ordered(cast, seat) != bundle


def test_answers_wait_for_papers_that_are_not_stored_yet(cast: Cast, play: Season) -> None:
    play.answered()
    reader = by(cast.ward_signer, Action.CONFIRM, cast.ward)
    order = packs.workplace_answers(cast.ward, cast.ministry, YEAR, cast.ward_signer)
    bundle = Bundle.objects.order(order, "In bộ trả lời", by=reader)
    assert Document.objects.to_render().count() == 3

    bundle = made(bundle)

    assert bundle.state == "ready"
    reply, _, again, _, form = texts(bundle)  # in two copies
    assert again == reply
    assert "Phúc đáp Công văn" in reply
    assert "Trần Thị Thử" in form
    assert Document.objects.to_render().count() == 1  # the letter that was asked with is none of it


def test_a_paper_that_cannot_be_made_fails_the_copy(cast: Cast, play: Season) -> None:
    matter = play.answered()
    form = Document.objects.get(genre=Document.Genre.ASSESSMENT_FORM)
    form.mark_unrenderable("Thiếu dữ liệu")
    assert matter.campaign
    order = packs.campaign_answers(matter.campaign, cast.officer)
    bundle = made(Bundle.objects.order(order, "In", by=by(cast.officer, Action.RECEIVE, cast.ministry)))

    assert (bundle.state, bundle.error) == ("failed", "Có văn bản chưa lập được bản in")


def test_introductions_to_one_commune_come_by_name_until_they_are_received(cast: Cast, play: Season) -> None:
    introducing = Introducing(cast)
    early = factories.member("Bùi Thử Sớm", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    far = factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    for member in (cast.asked, early, far):
        introducing.drafted(member, commune=cast.far_ward if member == far else cast.ward)
    introducing.present()
    introducing.issue()
    play.rendered()
    receiver = by(cast.officer, Action.RECEIVE, cast.ministry)

    bundle = made(
        Bundle.objects.order(packs.introductions(cast.ministry, cast.ward, cast.officer), "Để gửi", by=receiver)
    )

    papers = [text.partition("Giới thiệu đồng chí: ")[2].partition(" Nam, nữ")[0] for text in texts(bundle)]
    assert papers == ["Bùi Thử Sớm", cast.asked.full_name]
    assert bundle.is_readable_by(cast.officer)
    assert list(Bundle.objects.for_user(cast.officer)) == [bundle]
    assert not Bundle.objects.for_user(cast.neighbour).exists()
    Introduction.objects.filter(member=early).update(state="accepted", cell=cast.cell, accepted_on=date(2026, 10, 12))
    assert packs.introductions(cast.ministry, cast.ward, cast.officer).total == 1


def test_many_parts_are_joined_in_their_order(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    order = Order("cell_grid", cast.cell, "Nhiều tờ", [["covers", [cast.cell.pk]], ["grids", [cast.cell.pk]]] * 3, YEAR)
    bundle = made(Bundle.objects.order(order, "Thử", by=seat))
    kinds = ["PHIẾU GIAO", "BẢNG NHẬN XÉT"]
    assert [[kind for kind in kinds if kind in text] for text in texts(bundle)] == [[kind] for kind in kinds * 3]


def test_the_joined_file_is_sound_and_looks_like_its_parts(cast: Cast, play: Season) -> None:
    matter = play.answered()
    assert matter.campaign
    order = packs.commune_answers(matter.campaign, cast.ward, cast.officer)
    bundle = made(Bundle.objects.order(order, "In", by=by(cast.officer, Action.RECEIVE, cast.ministry)))
    content = b"".join(bundle.content())
    with pikepdf.open(io.BytesIO(content)) as whole:
        assert whole.check_pdf_syntax() == []
        assert "/StructTreeRoot" not in whole.Root
    originals = [bytes(DocumentFile.objects.get(document=pk).content) for pk in bundle.ids(Sheet.FILES)]
    assert pictures(content) == [picture for original in originals for picture in pictures(original)]


def pictures(content: bytes) -> list[bytes]:
    return [page.render().to_pil().tobytes() for page in pypdfium2.PdfDocument(content)]


def test_a_large_file_is_kept_in_pieces(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    bundle = ordered(cast, seat)
    bundle.begin()
    bundle.finish([b"a" * PIECE, b"b" * 10], 2)
    assert [len(piece) for piece in bundle.content()] == [PIECE, 10]
    assert bundle.size == PIECE + 10


def test_after_three_days_the_copy_is_gone_and_its_row_says_so(cast: Cast, seat: Seat) -> None:
    residents(cast, 1)
    bundle = made(ordered(cast, seat))
    tasks.forget_bundles()
    assert Bundle.objects.get().state == "ready"

    Bundle.objects.update(expires_at=timezone.now())
    tasks.forget_bundles()

    assert Bundle.objects.get().state == "expired"
    assert not BundlePiece.objects.exists()
    assert bundle.sha256 == Bundle.objects.get().sha256


def test_a_persons_own_form_is_left_out_until_it_has_gone_out(cast: Cast, play: Season) -> None:
    play.confirmed()
    assert packs.cell_answers(cast.cell, YEAR, cast.secretary).total == 1
    cast.member_user.member = None
    cast.member_user.save()
    cast.secretary.member = cast.asked
    cast.secretary.save()
    assert packs.cell_answers(cast.cell, YEAR, cast.secretary).total == 0
