"""The ward's table of names, and what one press on the page that assigns does with it."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from evaluations.models import EvaluationRequest, Letter
from members.models import CellName, Placement, User
from members.models.learned import learned_cells
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]


def table(cast: Cast) -> str:
    return reverse("evaluations:cell_names", args=[cast.ward.pk])


def test_the_ward_adds_renames_and_takes_back_its_own_lines(cast: Cast, sign_in: SignIn) -> None:
    client, url = sign_in(cast.ward_officer), table(cast)
    client.post(url, {"do": "say", "words": "Tổ 12 cũ", "cell": cast.cell.pk})
    page = client.get(url).content.decode()
    assert "Tổ 12 cũ" in page
    assert "đảng ủy ghi" in page
    line = CellName.objects.get()
    client.post(url, {"do": "say", "words": "Tổ 5", "cell": cast.other_cell.pk, "line": line.pk})
    line = CellName.objects.get()
    assert (line.words, line.cell) == ("Tổ 5", cast.other_cell)
    client.post(url, {"do": "renumber", "pairs": "Tổ 5 -> Tổ 6\nTổ 88 = Tổ 89"})
    assert set(learned_cells(cast.ward)) == {"to 5", "to 6"}
    client.post(url, {"do": "take_back", "line": line.pk})
    assert set(learned_cells(cast.ward)) == {"to 6"}
    assert client.post(url, {"do": "take_back", "line": line.pk}).status_code == 404


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"do": "say", "words": ""}, "Ghi tên gọi như trong danh sách"),
        ({"do": "say", "words": "…"}, "phải có chữ hoặc số"),
        ({"do": "say", "words": "Tổ 1", "cell": "999999"}, "Tổ 1"),
        ({"do": "renumber", "pairs": "Tổ 12"}, "Chưa hiểu dòng “Tổ 12”"),
        ({"do": "renumber", "pairs": "Tổ 12 = = Tổ 3"}, "Chưa hiểu dòng"),
    ],
)
def test_what_is_not_understood_is_said(cast: Cast, sign_in: SignIn, said: dict[str, str], words: str) -> None:
    assert words in sign_in(cast.ward_officer).post(table(cast), said).content.decode()
    assert CellName.objects.count() == 0


def test_one_press_takes_all_that_is_sure_and_shows_the_rest(cast: Cast, sign_in: SignIn, play: Season) -> None:
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    CellName.objects.say(cast.ward, "TDP 7", cast.cell, by=seat)
    for words in ("Tổ 7", "Tổ 31", "Tổ 32"):
        member = factories.member(workplace=cast.office_cell, commune=cast.ward)
        placement = Placement.objects.get(member=member)
        placement.cell_as_written = words
        placement.set_keys()
        placement.save()
    # Tổ 32 has led to two cells so far.
    for cell in (cast.cell, cast.other_cell):
        placement = Placement.objects.get(member=factories.member(commune=cast.ward, cell=cell))
        placement.cell_as_written = "Tổ 32"
        placement.set_keys()
        placement.save()
    play.registered()
    client, url = sign_in(cast.ward_officer), reverse("evaluations:assign", args=[cast.ward.pk])
    page = client.get(url).content.decode()
    assert "chưa chắc: 1 trong 2 lần trước" in page
    assert "theo bảng tên gọi" in page
    done = client.post(url, {"accept": "1"}, follow=True).content.decode()
    assert "Đã phân 2 đồng chí về chi bộ" in done
    assert "Còn 2 đồng chí chưa chắc" in done
    places = EvaluationRequest.objects.order_by("placement__cell_written_key")
    assert {row.placement.cell_as_written: row.residence_cell for row in places} == {
        "Tổ dân phố 7": cast.cell,
        "Tổ 7": cast.cell,
        "Tổ 31": None,
        "Tổ 32": None,
    }
    assert Letter.objects.filter(kind=Letter.Kind.ASSIGNED).count() == 1
    again = client.post(url, {"accept": "1"}, follow=True).content.decode()
    assert "chưa có gì thay đổi" in again


def test_who_is_to_be_asked_each_time_is_not_proposed(cast: Cast, sign_in: SignIn, play: Season) -> None:
    factories.member(commune=cast.ward, cell=cast.cell)
    CellName.objects.say(cast.ward, "Tổ 7", None, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    play.registered()
    client, url = sign_in(cast.ward_officer), reverse("evaluations:assign", args=[cast.ward.pk])
    assert 'muted">đề xuất, ' not in client.get(url).content.decode()
    client.post(url, {"accept": "1"})
    assert EvaluationRequest.objects.get().state == "at_commune"
