"""The two books of Regulation 213: whose lines, in which words, narrowed how, on paper and as a table."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations import bundles
from evaluations.exports import register_export
from evaluations.models import Bundle, Introduction, packs
from evaluations.models.receptions import accept
from evaluations.models.registers import INTRODUCED, ORDER, RESIDENTS, Wanted, lines, placements_in
from members.models import AuditDetail, AuditEvent, Member, Membership, Organization, Placement, User
from members.paging import in_order, page_of
from members.roles import Action, Role
from tests import factories
from tests.conftest import Cast
from tests.evaluations.test_bundles import texts
from tests.introducing import Introducing
from tests.season import Season, by

SignIn = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def names(book: Any, place: Organization, wanted: Wanted | None = None) -> list[str]:
    rows = placements_in(book, place, wanted or Wanted()).order_by(*ORDER)
    return [row.member.full_name for row in rows.select_related("member")]


@pytest.fixture
def people(cast: Cast) -> dict[str, Member]:
    """Beside `asked` (ward, no cell): one in a cell, one exempt, one in another ward, one without a place."""
    make = {"workplace": cast.office_cell, "commune": cast.ward}
    found = {
        "an": factories.member("Đỗ Thử Ân", cell=cast.cell, **make),
        "binh": factories.member("Hồ Thử Bình", standing="exempt_activity", **make),
        "chi": factories.member("Lý Thử Chi", workplace=cast.office_cell, commune=cast.other_ward),
        "dan": factories.member("Mai Thử Đan", workplace=cast.office_cell),
    }
    left = factories.member("Võ Thử Em", workplace=cast.office_cell, commune=cast.ward)
    Placement.objects.filter(member=left).update(until_on=date(2026, 5, 1))
    return found | {"em": left}


def test_a_workplace_sees_whom_it_introduced_and_nobody_elses_people(cast: Cast, people: dict[str, Member]) -> None:
    assert names(INTRODUCED, cast.ministry) == ["Đỗ Thử Ân", "Hồ Thử Bình", "Lý Thử Chi", "Trần Thị Thử"]
    assert names(INTRODUCED, cast.office_cell) == names(INTRODUCED, cast.ministry)
    assert names(INTRODUCED, cast.other_ministry) == []
    assert names(INTRODUCED, cast.province) == names(INTRODUCED, cast.ministry)


def test_a_commune_and_its_cells_see_who_keeps_contact_there(cast: Cast, people: dict[str, Member]) -> None:
    assert names(RESIDENTS, cast.ward) == ["Đỗ Thử Ân", "Hồ Thử Bình", "Trần Thị Thử"]
    assert names(RESIDENTS, cast.cell) == ["Đỗ Thử Ân"]
    assert names(RESIDENTS, cast.other_cell) == []
    assert names(RESIDENTS, cast.province) == ["Đỗ Thử Ân", "Hồ Thử Bình", "Lý Thử Chi", "Trần Thị Thử"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(name="do thu an"), ["Đỗ Thử Ân"]),
        (Wanted(name="ĐỖ  THỬ"), ["Đỗ Thử Ân"]),
        (Wanted(name="khong co ai"), []),
        (Wanted(workplace="van phong"), ["Đỗ Thử Ân", "Hồ Thử Bình", "Lý Thử Chi", "Trần Thị Thử"]),
        (Wanted(workplace="sở thử nghiệm", residence="sơn trà"), ["Lý Thử Chi"]),
        (Wanted(workplace="láng giềng"), []),
        (Wanted(residence="to dan pho 7", name="thu an"), ["Đỗ Thử Ân", "Trần Thị Thử"]),
        (Wanted(standing="exempt_activity"), ["Hồ Thử Bình"]),
        (Wanted(stage="assigned"), ["Đỗ Thử Ân"]),
        (Wanted(stage="waiting", residence="an hải"), ["Hồ Thử Bình", "Trần Thị Thử"]),
        (Wanted(stage="ended"), ["Võ Thử Em"]),
        (Wanted(stage="all", name="thu e"), ["Võ Thử Em"]),
        (Wanted(from_on=date(2020, 1, 1), until_on=date(2020, 1, 1), name="chi"), ["Lý Thử Chi"]),
        (Wanted(from_on=date(2020, 1, 2)), []),
        (Wanted(until_on=date(2019, 12, 31)), []),
    ],
)
def test_narrowing(cast: Cast, people: dict[str, Member], wanted: Wanted, found: list[str]) -> None:
    assert names(INTRODUCED, cast.ministry, wanted) == found


def test_a_line_says_what_the_book_says(cast: Cast, play: Season) -> None:
    play.confirmed()
    placement = Placement.objects.get(member=cast.asked)

    (introduced,), (resident,) = lines([placement.pk], INTRODUCED), lines([placement.pk], RESIDENTS)

    assert [column.of(introduced) for column in INTRODUCED.columns] == [
        "Trần Thị Thử",
        date(1980, 6, 28),
        date(2010, 5, 19),
        "Chi bộ Văn phòng",
        "Chuyên viên",
        "Đảng ủy phường An Hải",
        "Chi bộ Tổ dân phố 7",
        "",
        date(2020, 1, 1),
        introduced.received_on,
        "Tham gia sinh hoạt",
    ]
    assert introduced.received_on == timezone.localdate(placement.assigned_at)
    assert [column.of(resident) for column in RESIDENTS.columns][4] == "Đảng ủy Sở Thử Nghiệm"
    assert [column.of(resident) for column in RESIDENTS.columns][8] == "2026"


def test_an_introduction_gives_its_number_and_its_days(cast: Cast) -> None:
    introducing = Introducing(cast)
    introducing.assigned()
    placement = Placement.objects.current().get(member=cast.asked)
    (line,) = lines([placement.pk], INTRODUCED)
    assert (line.paper_no, line.introduced_on) == ("01-GGT/ĐU", date(2026, 10, 5))
    assert line.note == "Tham gia sinh hoạt; giấy giới thiệu đã phân về chi bộ"
    assert names(INTRODUCED, cast.ministry, Wanted(stage="underway")) == ["Trần Thị Thử"]

    seat = by(cast.secretary, Action.RECORD, cast.cell)
    accept(Introduction.objects.all(), date(2026, 10, 12), by=seat)

    (line,) = lines([placement.pk], RESIDENTS)
    assert (line.received_on, line.note) == (date(2026, 10, 12), "Tham gia sinh hoạt")
    assert names(INTRODUCED, cast.ministry, Wanted(stage="underway")) == []


def test_the_exemption_category_stands_in_no_book(cast: Cast, people: dict[str, Member]) -> None:
    """It may tell where somebody serves (design §4)."""
    for book, place in ((INTRODUCED, cast.ministry), (RESIDENTS, cast.ward)):
        ids = list(placements_in(book, place, Wanted(standing="exempt_activity")).values_list("pk", flat=True))
        (line,) = lines(ids, book)
        said = " ".join(str(column.of(line)) for column in book.columns)
        assert "Miễn sinh hoạt nơi cư trú" in said
        assert "EX_" not in said
        assert "học" not in said.lower()


# Pages that go on after a row


@pytest.fixture
def hundred(cast: Cast) -> list[int]:
    """A hundred people of few names, so that many stand in the same place of the order; ids in order."""
    for number in range(100):
        factories.member(f"Nguyễn Thử {'ABC'[number % 3]}", workplace=cast.office_cell, commune=cast.ward)
    rows = placements_in(INTRODUCED, cast.ministry, Wanted()).order_by(*ORDER)
    return list(rows.values_list("pk", flat=True))


def test_pages_forward_and_back_show_everybody_once(cast: Cast, hundred: list[int]) -> None:
    rows = placements_in(INTRODUCED, cast.ministry, Wanted())

    def walk(query: str) -> list[list[int]]:
        pages, url = [], query
        while True:
            keys = page_of(rows, ORDER, QueryDict(url), {"x": "1"}, size=15)
            pages.append(keys.ids)
            following = keys.next_url if "truoc" not in query else keys.prev_url
            if not following:
                return pages
            url = following[1:]
            assert "x=1" in url

    forward = walk("")
    assert [pk for page in forward for pk in page] == hundred
    assert [len(page) for page in forward] == [15, 15, 15, 15, 15, 15, 11]
    back = walk(f"truoc={forward[-1][0]}")
    assert [pk for page in back[::-1] for pk in page] == hundred[:90]


@pytest.mark.parametrize("query", ["sau=", "sau=abc", "sau=999999999", "sau=9999999999999999999999", "truoc=²"])
def test_a_page_after_nobody_is_the_first(cast: Cast, hundred: list[int], query: str) -> None:
    keys = page_of(placements_in(INTRODUCED, cast.ministry, Wanted()), ORDER, QueryDict(query), {}, size=15)

    assert (keys.ids, keys.prev_url) == (hundred[:15], None)


def test_downwards_the_newest_comes_first(cast: Cast, hundred: list[int]) -> None:
    rows = placements_in(INTRODUCED, cast.ministry, Wanted())
    first = page_of(rows, ORDER, QueryDict(), {}, size=60, is_descending=True)
    assert first.next_url
    second = page_of(rows, ORDER, QueryDict(first.next_url[1:]), {}, size=60, is_descending=True)
    assert second.prev_url
    again = page_of(rows, ORDER, QueryDict(second.prev_url[1:]), {}, size=60, is_descending=True)

    assert first.ids + second.ids == hundred[::-1]
    assert again.ids == first.ids
    assert [row.pk for row in in_order(Placement.objects.all(), first.ids)] == first.ids


# The page


def test_the_page_shows_the_lines_and_notes_who_read_them(
    cast: Cast, people: dict[str, Member], sign_in: SignIn
) -> None:
    response = sign_in(cast.officer).get(reverse("evaluations:introduced", args=[cast.ministry.pk]), {"tim": "do thu"})

    assert [line.member.full_name for line in response.context["lines"]] == ["Đỗ Thử Ân"]
    assert "Đỗ Thử Ân</a>" in response.content.decode()
    event = AuditEvent.objects.filter(verb="read").latest("pk")
    assert (event.object_type, event.object_id) == ("members.Placement", people["an"].placements.get().pk)


def test_a_date_that_is_none_is_told_and_narrows_nothing(
    cast: Cast, people: dict[str, Member], sign_in: SignIn
) -> None:
    url = reverse("evaluations:residents", args=[cast.ward.pk])
    response = sign_in(cast.ward_clerk).get(url, {"tu": "31/02/2026", "dien": "x", "buoc": "y"})

    assert len(response.context["lines"]) == 3
    assert "Ghi ngày theo dạng ngày/tháng/năm" in response.content.decode()


@pytest.mark.parametrize("name", ["introduced", "residents"])
def test_the_page_costs_the_same_for_one_and_three(cast: Cast, sign_in: SignIn, name: str) -> None:
    place = cast.ministry if name == "introduced" else cast.ward
    client = sign_in(cast.officer if name == "introduced" else cast.ward_officer)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(f"evaluations:{name}", args=[place.pk]))
        return len(queries)

    cost()
    one = cost()
    for number in range(2):
        factories.member(f"Nguyễn Thử {number}", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)

    assert cost() == one <= 20


def test_the_shelf_shows_the_books_of_every_office(cast: Cast, sign_in: SignIn) -> None:
    factories.seat(cast.ward_officer, cast.office_cell, Role.SECRETARY)
    response = sign_in(cast.ward_officer).get(reverse("evaluations:shelf"))

    said = response.content.decode()
    assert reverse("evaluations:residents", args=[cast.ward.pk]) in said
    assert reverse("evaluations:letters_out", args=[cast.ward.pk]) in said
    assert reverse("evaluations:introduced", args=[cast.office_cell.pk]) in said
    # The ward has no cells of its own staff here.
    assert reverse("evaluations:introduced", args=[cast.ward.pk]) not in said
    assert reverse("evaluations:letters_out", args=[cast.office_cell.pk]) not in said


# On paper and as a table


def test_the_printed_book_has_a_title_page_and_numbers_its_pages_through(
    cast: Cast, people: dict[str, Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "LINES", 2)
    seat = by(cast.officer, Action.SEE_MEMBERS, cast.ministry)
    order = packs.register_book(INTRODUCED, cast.ministry, Wanted(), "x")
    bundle = Bundle.objects.order(order, "Phạm vi: đang giữ mối liên hệ", by=seat)

    assert bundles.work(bundle, 60)

    with pikepdf.open(BytesIO(b"".join(bundle.content()))) as pdf:
        boxes = [tuple(float(str(edge)) for edge in page.mediabox) for page in pdf.pages]
    pages = texts(bundle)
    assert len(pages) == 3
    assert all(box[2] > box[3] for box in boxes)  # landscape
    assert "SỔ THEO DÕI GIỚI THIỆU ĐẢNG VIÊN" in pages[0].upper()
    assert "gồm 04 dòng" in pages[0]
    assert "Phạm vi: đang giữ mối liên hệ." in pages[0]
    assert all("Nguyễn Văn Soạn" in page for page in pages)
    assert ["Trang 2" in pages[1], "Trang 3" in pages[2]] == [True, True]
    assert "Đỗ Thử Ân" in pages[1]
    assert "Lý Thử Chi" in pages[2]


def test_each_copy_of_a_book_names_who_took_it(cast: Cast, people: dict[str, Member], sign_in: SignIn) -> None:
    url = reverse("evaluations:introduced", args=[cast.ministry.pk])
    first = sign_in(cast.officer).post(url)
    again = sign_in(cast.officer).post(url)
    other = sign_in(cast.signer).post(url)
    narrowed = sign_in(cast.officer).post(f"{url}?cu_tru=son tra")

    assert first["Location"] == again["Location"]
    assert len({first["Location"], other["Location"], narrowed["Location"]}) == 3
    reasons = list(Bundle.objects.order_by("pk").values_list("reason", flat=True))
    assert reasons[2] == "Phạm vi: đang giữ mối liên hệ; nơi cư trú “son tra”"
    assert sign_in(cast.neighbour).get(first["Location"]).status_code == 404


def test_taking_the_printed_book_is_reading_its_lines(cast: Cast, people: dict[str, Member], sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    client.post(reverse("evaluations:introduced", args=[cast.ministry.pk]))
    bundle = Bundle.objects.get()
    bundles.work(bundle, 60)

    response = client.get(reverse("evaluations:bundle_file", args=[bundle.pk]))

    assert b"".join(response).startswith(b"%PDF")  # type: ignore[call-overload]
    event = AuditEvent.objects.filter(verb="read", object_type="members.Placement").latest("pk")
    assert event.count == 4


def test_a_book_without_a_line_is_not_printed(cast: Cast, sign_in: SignIn) -> None:
    url = reverse("evaluations:introduced", args=[cast.ministry.pk])
    response = sign_in(cast.officer).post(f"{url}?tim=khong co ai")

    assert (response.status_code, Bundle.objects.count()) == (302, 0)


def test_the_table_has_the_lines_that_were_asked_for(cast: Cast, people: dict[str, Member]) -> None:
    export = register_export(RESIDENTS, cast.ward, Wanted(stage="assigned"))

    assert export.headings[:3] == ["TT", "Họ và tên", "Ngày sinh"]
    assert [row[:2] for row in export.rows] == [[1, "Đỗ Thử Ân"]]
    assert export.content().startswith(b"PK")


def test_a_table_needs_a_reason_and_is_noted(cast: Cast, people: dict[str, Member], sign_in: SignIn) -> None:
    client, url = sign_in(cast.officer), reverse("evaluations:introduced_export", args=[cast.ministry.pk])

    refused = client.post(f"{url}?tim=an", {"reason": "x"})
    given = client.post(f"{url}?tim=do thu", {"reason": "Đối chiếu sổ giấy"})

    assert refused["Location"] == f"{reverse('evaluations:introduced', args=[cast.ministry.pk])}?tim=an"
    assert given["Content-Type"].endswith("spreadsheetml.sheet")
    export = AuditEvent.objects.get(verb="export")
    assert AuditDetail.objects.get(event=export).changes == {"reason": ["", "Đối chiếu sổ giấy"]}
    assert AuditEvent.objects.filter(verb="read").latest("pk").object_id == people["an"].placements.get().pk


def test_somebody_who_left_the_workplace_is_in_its_book_no_longer(cast: Cast, people: dict[str, Member]) -> None:
    Membership.objects.filter(member=people["an"]).update(until_on=date(2026, 6, 1))

    assert "Đỗ Thử Ân" not in names(INTRODUCED, cast.ministry)
    assert "Đỗ Thử Ân" in names(RESIDENTS, cast.ward)
