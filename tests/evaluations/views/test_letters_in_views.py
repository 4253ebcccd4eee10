"""The commune's letters received, its book, and the grid that gives members to residence cells."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import Assessment, Document, EvaluationRequest, Letter
from members.models import AuditEvent, Organization, Placement, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
LIST = reverse("evaluations:letters_in")


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def letter_url(letter: Document, name: str = "letter_in") -> str:
    return reverse(f"evaluations:{name}", args=[letter.pk])


def test_list_shows_own_issued_letters_unregistered_first(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    page = shown(sign_in(cast.ward_clerk), LIST)
    assert "Đảng ủy Sở Thử Nghiệm" in page
    assert "Chưa vào sổ" in page
    assert "15/11/2026" in page
    assert "Sở Thử Nghiệm" not in shown(sign_in(cast.other_ward_officer), LIST)
    assert sign_in(cast.overseer).get(LIST).status_code == 403
    assert sign_in(cast.ward_clerk).post(LIST).status_code == 405


def test_letter_that_is_not_issued_does_not_exist_yet(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    letter = Document.objects.get(recipient=cast.ward)
    assert sign_in(cast.ward_clerk).get(letter_url(letter)).status_code == 404


def test_page_shows_members_and_the_read_is_recorded(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    page = shown(sign_in(cast.ward_signer), letter_url(play.letter()))
    assert "Trần Thị Thử" in page
    assert "Vào sổ công văn đến" not in page.split("<main")[1]  # the signer does not keep the book
    event = AuditEvent.objects.filter(verb="read").get()
    matter = EvaluationRequest.objects.get(member=cast.asked)
    assert (event.object_type, event.object_id, event.user) == (
        "evaluations.EvaluationRequest",
        matter.pk,
        cast.ward_signer,
    )


def test_registering_enters_number_and_moves_the_requests(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    letter = play.letter()
    response = sign_in(cast.ward_clerk).post(letter_url(letter, "letter_register"), {"number": " 17 "})
    assert (response.status_code, response["Location"]) == (302, letter_url(letter))
    letter.refresh_from_db()
    assert (letter.registered_no, letter.registered_by.user) == ("17", cast.ward_clerk)
    assert list(letter.requests.values_list("state", flat=True)) == ["at_commune"]


def test_registering_twice_is_told_politely_and_changes_nothing(cast: Cast, play: Season, sign_in: SignIn) -> None:
    letter = play.registered()
    client = sign_in(cast.ward_clerk)
    url = letter_url(letter, "letter_register")
    response = client.post(url, {"number": "18"}, headers={"referer": f"http://testserver{letter_url(letter)}"})
    assert "Công văn này đã được vào sổ." in shown(client, response["Location"])
    letter.refresh_from_db()
    assert letter.registered_no == "17"


def test_number_too_long_comes_back_beside_the_field(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    letter = play.letter()
    response = sign_in(cast.ward_clerk).post(letter_url(letter, "letter_register"), {"number": "1234567890123"})
    page = unescape(response.content.decode())
    assert response.status_code == 200
    assert 'value="1234567890123"' in page
    assert "invalid-feedback" in page
    letter.refresh_from_db()
    assert letter.registered_at is None


def test_who_may_register(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    url = letter_url(play.letter(), "letter_register")
    assert sign_in(cast.ward_clerk).get(url).status_code == 405
    found = {name: sign_in(person).post(url, {"number": "1"}).status_code for name, person in cast.people().items()}
    allowed = {name for name, code in found.items() if code == 302}
    assert {name for name, code in found.items() if code == 403} == {"ward_signer"}
    assert allowed == {"ward_clerk", "ward_officer"}  # the second one is told that it was done
    assert {code for name, code in found.items() if name not in {*allowed, "ward_signer"}} == {404}


def assign_url(cast: Cast) -> str:
    return reverse("evaluations:assign", args=[cast.ward.pk])


def field(matter: EvaluationRequest, kind: str = "cell") -> str:
    return f"{kind}-{matter.pk}"


def test_assigning_moves_request_placement_and_tells_the_cell(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.registered().requests.get()
    client = sign_in(cast.ward_officer)
    page = shown(client, assign_url(cast))
    assert f'<option value="{cast.cell.pk}" selected>Chi bộ Tổ dân phố 7</option>' in page
    assert "đề xuất, theo tên chi bộ" in page

    response = client.post(assign_url(cast), {field(matter): str(cast.cell.pk)})

    assert (response.status_code, response["Location"]) == (302, assign_url(cast))
    matter.refresh_from_db()
    assert (matter.state, matter.residence_cell, matter.at_cell_by.user) == ("at_cell", cast.cell, cast.ward_officer)
    assert matter.assessment == Assessment.objects.get(placement=matter.placement, year=2026)
    assert Placement.objects.get(member=cast.asked).cell == cast.cell
    notice = Letter.objects.get(kind=Letter.Kind.ASSIGNED)
    assert (notice.recipient, notice.channel, notice.facts) == (
        cast.cell,
        "email",
        {"count": 1, "due_on": "2026-11-15"},
    )
    assert "Đã phân 1 đồng chí về chi bộ." in shown(client, assign_url(cast))


def test_one_new_cell_for_the_same_words(cast: Cast, play: Season, sign_in: SignIn) -> None:
    people = [factories.member(workplace=cast.office_cell, commune=cast.ward) for _ in range(3)]
    Placement.objects.filter(member__in=people[:2]).update(
        cell_as_written="Tổ dân phố 12", cell_written_key="to dan pho 12"
    )
    Placement.objects.filter(member=people[2]).update(cell_as_written="TỔ DÂN PHỐ 12", cell_written_key="to dan pho 12")
    play.registered()
    matters = list(EvaluationRequest.objects.filter(member__in=people))
    client = sign_in(cast.ward_officer)
    before = set(Organization.objects.values_list("pk", flat=True))

    client.post(assign_url(cast), {field(matter): "new" for matter in matters})

    cell = Organization.objects.exclude(pk__in=before).get()
    assert (cell.name, cell.kind, cell.side, cell.parent) == ("Chi bộ Tổ dân phố 12", "cell", "residence", cast.ward)
    assert set(EvaluationRequest.objects.filter(state="at_cell").values_list("member", "residence_cell")) == {
        (person.pk, cell.pk) for person in people
    }
    assert list(Letter.objects.filter(kind="assigned").values_list("recipient", "facts__count")) == [(cell.pk, 3)]
    assert AuditEvent.objects.filter(verb="Organization.add", object_id=cell.pk).count() == 1
    # The one who is left was not decided and stays.
    assert EvaluationRequest.objects.get(member=cast.asked).state == "at_commune"
    assert "Đã phân 3 đồng chí về chi bộ, lập 1 chi bộ mới." in shown(client, assign_url(cast))


def test_bulk_button_chooses_and_saves_nothing(cast: Cast, play: Season, sign_in: SignIn) -> None:
    person = factories.member(workplace=cast.office_cell, commune=cast.ward)
    Placement.objects.filter(member=person).update(cell_as_written="Thôn Đông", cell_written_key="thon dong")
    play.registered()
    matter, known = person.requests.get(), cast.asked.requests.get()
    cells = Organization.objects.count()

    response = sign_in(cast.ward_officer).post(assign_url(cast), {field(matter): "", field(known): "", "fill": "1"})

    page = unescape(response.content.decode())
    assert '<option value="new" selected>＋ Lập “Chi bộ Thôn Đông”</option>' in page
    assert f'<option value="{cast.cell.pk}" selected>Chi bộ Tổ dân phố 7</option>' in page
    assert Organization.objects.count() == cells
    assert set(EvaluationRequest.objects.filter(letter=matter.letter).values_list("state", flat=True)) == {"at_commune"}


def test_sending_back_needs_words_only_for_other_reasons(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.registered().requests.get()
    client = sign_in(cast.ward_officer)
    page = unescape(client.post(assign_url(cast), {field(matter): "back:other"}).content.decode())
    assert "Ghi một câu nói rõ lý do chuyển lại." in page
    assert '<option value="back:other" selected>' in page
    matter.refresh_from_db()
    assert matter.state == "at_commune"

    client.post(assign_url(cast), {field(matter): "back:other", field(matter, "note"): " Trùng với  công văn khác "})
    matter.refresh_from_db()
    assert (matter.state, matter.end_code, matter.end_note) == ("declined", "other", "Trùng với công văn khác")
    assert matter.ended_by.user == cast.ward_officer
    assert not Letter.objects.filter(kind="assigned").exists()


@pytest.mark.parametrize("value", ["other_cell_of_other_ward", "ward", "999999", "back:nonsense", "new:x"])
def test_foreign_cell_is_refused_beside_the_row(value: str, cast: Cast, play: Season, sign_in: SignIn) -> None:
    foreign = factories.residence_cell(cast.other_ward, "Tổ 1")
    chosen = {"other_cell_of_other_ward": str(foreign.pk), "ward": str(cast.ward.pk)}.get(value, value)
    matter = play.registered().requests.get()
    page = sign_in(cast.ward_officer).post(assign_url(cast), {field(matter): chosen})
    assert "Chi bộ này không thuộc đảng ủy của đồng chí." in unescape(page.content.decode())
    matter.refresh_from_db()
    assert (matter.state, matter.residence_cell) == ("at_commune", None)


def test_request_of_another_commune_cannot_be_slipped_in(cast: Cast, play: Season, sign_in: SignIn) -> None:
    person = factories.member(workplace=cast.office_cell, commune=cast.other_ward)
    play.registered()
    foreign = person.requests.get()
    client = sign_in(cast.ward_officer)
    client.post(assign_url(cast), {field(foreign): str(cast.cell.pk), "cell-x": "1", "cell-9" + "9" * 30: "1"})
    foreign.refresh_from_db()
    assert foreign.state == "issued"


def test_what_a_colleague_has_done_meanwhile_is_not_overwritten(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.assigned()[0]
    client = sign_in(cast.ward_officer)
    client.post(assign_url(cast), {field(matter): str(cast.other_cell.pk)})
    matter.refresh_from_db()
    assert matter.residence_cell == cast.cell
    assert "1 đồng chí vừa được cán bộ khác xử lý" in shown(client, assign_url(cast))


def test_proposals_learn_from_what_was_chosen_before(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell)
    newcomer = factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.registered()
    page = shown(sign_in(cast.ward_officer), assign_url(cast))
    row = page.split(f'name="cell-{newcomer.requests.get().pk}"')[1].split("</td>")[0]
    assert f'<option value="{cast.other_cell.pk}" selected>Chi bộ Tổ dân phố 8</option>' in row
    assert "đề xuất, theo lần phân trước" in row
    assert "đề xuất, đang sinh hoạt ở chi bộ này" in page


def test_saving_without_a_choice_says_so(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.registered().requests.get()
    client = sign_in(cast.ward_officer)
    client.post(assign_url(cast), {field(matter): ""})
    assert "Chưa chọn chi bộ cho đồng chí nào" in shown(client, assign_url(cast))
    matter.refresh_from_db()
    assert matter.state == "at_commune"


def test_who_may_assign(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.registered()
    found = {name: sign_in(person).get(assign_url(cast)).status_code for name, person in cast.people().items()}
    assert {name for name, code in found.items() if code == 200} == {"ward_officer"}
    assert {name for name, code in found.items() if code == 403} == {"ward_clerk", "ward_signer"}
    assert {code for name, code in found.items() if not name.startswith("ward_")} == {404}


@pytest.mark.parametrize("name", ["letters_in", "letter_in", "assign"])
def test_queries_do_not_grow_with_rows(name: str, cast: Cast, play: Season, sign_in: SignIn) -> None:
    letter = play.registered()
    args = {"letters_in": [], "letter_in": [letter.pk], "assign": [cast.ward.pk]}[name]
    client, url = sign_in(cast.ward_officer), reverse(f"evaluations:{name}", args=args)
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        client.get(url)
    matter = letter.requests.get()
    for _ in range(2):
        person = factories.member(workplace=cast.office_cell, commune=cast.ward)
        EvaluationRequest.objects.create(
            member=person,
            placement=person.placements.get(),
            residence_commune=cast.ward,
            campaign=matter.campaign,
            asked_by=cast.ministry,
            asker_now=cast.ministry,
            year=2026,
            letter=letter,
            state="at_commune",
            due_on=matter.due_on,
        )
    with CaptureQueriesContext(connection) as three:
        client.get(url)
    assert len(three) == len(one)
