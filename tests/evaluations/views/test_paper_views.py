"""The code on a sheet leads whoever may to the right page, and nobody else anywhere."""

from collections.abc import Callable
from html import unescape

from django.test import Client
from django.urls import reverse

from evaluations.models import Document, EvaluationRequest, packs
from evaluations.models.paper_codes import PaperKind, grid_number, paper_code
from members.models import User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
YEAR = Season.YEAR


def leads(client: Client, code: str) -> str | int:
    response = client.get(reverse("evaluations:paper_code", args=[code]))
    return response["Location"] if response.status_code == 302 else response.status_code


def test_the_code_of_a_form(cast: Cast, play: Season, sign_in: SignIn) -> None:
    (matter,) = play.assigned()
    code = paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0)
    person = reverse("evaluations:cell_person", args=[cast.cell.pk, YEAR, matter.placement_id])
    assert leads(sign_in(cast.secretary), code) == person
    assert leads(sign_in(cast.ward_officer), code) == reverse("evaluations:key_form", args=[matter.assessment_id])
    assert leads(sign_in(cast.officer), code) == reverse("evaluations:request_page", args=[matter.pk])
    for stranger in (cast.other_secretary, cast.other_ward_officer, cast.neighbour, cast.overseer, cast.nobody):
        assert leads(sign_in(stranger), code) == 404


def test_the_code_of_a_form_that_was_sent_and_answered(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    version = matter.answering_version()
    assert version
    for code in (
        paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0),
        paper_code(PaperKind.DOCUMENT, version.form.pk),
    ):
        assert leads(sign_in(cast.ward_signer), code) == reverse("evaluations:confirm_page", args=[version.pk])
        assert leads(sign_in(cast.officer), code) == reverse("evaluations:request_page", args=[matter.pk])
    assert leads(sign_in(cast.neighbour), paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0)) == 404


def test_the_asker_keys_what_a_commune_on_paper_answers(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    packs.letter_pack(play.issued(), cast.far_ward)
    matter = EvaluationRequest.objects.get(residence_commune=cast.far_ward)
    code = paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0)
    assert leads(sign_in(cast.officer), code) == reverse("evaluations:key_form", args=[matter.assessment_id])
    assert leads(sign_in(cast.ward_officer), code) == 404


def test_the_code_of_a_grid(cast: Cast, sign_in: SignIn) -> None:
    code = paper_code(PaperKind.GRID, grid_number(cast.cell.pk, YEAR))
    assert leads(sign_in(cast.secretary), code) == reverse("evaluations:cell_grid", args=[cast.cell.pk, YEAR])
    assert leads(sign_in(cast.ward_clerk), code) == reverse("evaluations:cell_print", args=[cast.cell.pk, YEAR])
    assert leads(sign_in(cast.other_secretary), code) == 404


def test_the_code_of_a_letter(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    draft = Document.objects.get()
    code = paper_code(PaperKind.DOCUMENT, draft.pk)
    assert leads(sign_in(cast.signer), code) == reverse("evaluations:document_preview", args=[draft.pk])
    assert leads(sign_in(cast.ward_clerk), code) == reverse("evaluations:check_page", args=[code])
    assert sign_in(cast.ward_clerk).get(reverse("evaluations:check_page", args=[code])).status_code == 404
    play.issued()
    assert leads(sign_in(cast.ward_clerk), code) == reverse("evaluations:letter_in", args=[draft.pk])
    commune = reverse("evaluations:campaign_commune", args=[draft.campaign_id, cast.ward.pk])
    assert leads(sign_in(cast.officer), code) == commune
    assert leads(sign_in(cast.neighbour), code) == reverse("evaluations:check_page", args=[code])


def test_a_code_with_a_slip_or_for_nothing_is_no_page(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.secretary)
    assert leads(client, "A-1F7-AAAAA") == 404
    assert leads(client, paper_code(PaperKind.ASSESSMENT, 987654)) == 404


def test_a_code_typed_by_hand(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    client, find = sign_in(cast.secretary), reverse("evaluations:paper_find")
    code = paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0)
    typed = client.get(find, {"ma": f" {code.lower().replace('-', ' ')} "})
    assert typed["Location"] == reverse("evaluations:paper_code", args=[code])
    wrong = client.get(find, {"ma": "A-1"}, follow=True)
    assert "Mã này không đúng." in unescape(wrong.content.decode())
