"""What a ward's lists call a place: counted, corrected, renumbered."""

from datetime import date

import pytest

from members.models import CellName, RosterImport
from members.models.learned import learned_cells, place_key, renumber
from members.roles import Action, Role
from members.roster import parse_roster
from tests import factories
from tests.conftest import Cast
from tests.season import by


@pytest.mark.parametrize(
    "words", ["Tổ dân phố 7", "TỔ DÂN PHỐ SỐ 07", "TDP7", "tdp 7", "tổ 7", "Tổ số 7", "Chi bộ Tổ dân phố 7"]
)
def test_offices_write_one_group_in_many_ways(words: str) -> None:
    assert place_key(words) == "to 7"


def test_what_is_not_the_same_stays_apart() -> None:
    keys = [place_key(words) for words in ("Tổ 7", "Tổ 7 cũ", "Tổ 17", "Khu phố 7", "Thôn 7", "KP 70")]
    assert keys == ["to 7", "to 7 cu", "to 17", "khu pho 7", "thon 7", "khu pho 70"]


def test_counted_from_what_the_ward_has_decided(cast: Cast) -> None:
    for cell in (cast.cell, cast.cell, cast.other_cell):
        factories.member(commune=cast.ward, cell=cell)  # all of them written "Tổ dân phố 7"
    (row,) = learned_cells(cast.ward).values()
    assert (row.words, row.cell_id, row.times, row.of, row.is_sure) == ("Tổ dân phố 7", cast.cell.pk, 2, 3, False)
    assert learned_cells(cast.other_ward) == {}


def test_the_wards_own_word_holds_against_what_was_counted(cast: Cast) -> None:
    factories.member(commune=cast.ward, cell=cast.cell)
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    line = CellName.objects.say(cast.ward, "TDP 7", cast.other_cell, by=seat)
    assert learned_cells(cast.ward)["to 7"].cell_id == cast.other_cell.pk
    again = CellName.objects.say(cast.ward, "Tổ 7", None, by=seat)
    assert (again.pk, learned_cells(cast.ward)["to 7"].cell_id) == (line.pk, None)
    again.take_back(by=seat)
    assert learned_cells(cast.ward)["to 7"].cell_id == cast.cell.pk


def test_groups_are_renumbered_all_at_once(cast: Cast) -> None:
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    CellName.objects.say(cast.ward, "Tổ 12", cast.cell, by=seat)
    CellName.objects.say(cast.ward, "Tổ 5", cast.other_cell, by=seat)
    unknown = renumber(cast.ward, [("Tổ 12", "Tổ 5"), ("Tổ 5", "Tổ 12"), ("Tổ 99", "Tổ 1")], by=seat)
    found = learned_cells(cast.ward)
    assert (found["to 5"].cell_id, found["to 12"].cell_id, unknown) == (cast.cell.pk, cast.other_cell.pk, ["Tổ 99"])


def test_a_later_list_teaches_its_own_words(cast: Cast) -> None:
    factories.member(
        "Vũ Thử Nhớ",
        workplace=cast.office_cell,
        commune=cast.ward,
        cell=cast.cell,
        birth_date=date(1976, 7, 18),
        joined_on=date(2004, 4, 4),
    )
    text = (
        "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Chi bộ,Phường/xã,Tổ dân phố\n"
        f"1,Vũ Thử Nhớ,18/07/1976,04/04/2004,Văn phòng,{cast.ward.area},Khối An Cư 3\n"
    )
    seat = cast.officer.seats.get(role=Role.OFFICER)
    for _ in range(2):
        roster = parse_roster(text.encode(), "a.csv", today=date(2026, 11, 1))
        RosterImport.objects.stage(cast.ministry, roster, "a.csv", by=seat).commit(by=seat)
    row = learned_cells(cast.ward)[place_key("Khối An Cư 3")]
    assert (row.cell_id, row.times) == (cast.cell.pk, 2)


def test_a_closed_cell_is_proposed_no_longer(cast: Cast) -> None:
    factories.member(commune=cast.ward, cell=cast.cell)
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    CellName.objects.say(cast.ward, "Tổ 12", cast.cell, by=seat)
    type(cast.cell).objects.filter(pk=cast.cell.pk).update(closed_on=date(2026, 1, 1))
    assert learned_cells(cast.ward) == {}
