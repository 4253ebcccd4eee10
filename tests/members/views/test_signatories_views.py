"""Thể thức ký: kept by the officer, offered to the signer, never a K/T, never doubled."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from members.models import AuditEvent, Signatory, User
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
DEPUTY = {"authority": "t/m đảng ủy", "position": "phó bí thư", "name": "Lâm Thử Phó", "acting_paper": ""}


def url(cast: Cast) -> str:
    return reverse("members:signatories", args=[cast.ministry.pk])


def test_an_officer_enters_a_formula_once(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)

    for _ in range(2):
        client.post(url(cast), DEPUTY)

    row = Signatory.objects.get()
    assert row.signature() == {"authority": "T/M ĐẢNG ỦY", "position": "PHÓ BÍ THƯ", "name": "Lâm Thử Phó"}
    assert AuditEvent.objects.filter(verb="Signatory.add", object_id=row.pk).count() == 1
    assert "Lâm Thử Phó" in client.get(url(cast)).content.decode()


def test_who_keeps_the_formulas_finds_them_from_the_address_book(cast: Cast, sign_in: SignIn) -> None:
    ward = reverse("members:signatories", args=[cast.ward.pk])
    for user, page in ((cast.officer, url(cast)), (cast.ward_signer, ward)):
        client = sign_in(user)
        assert f'href="{page}"' in client.get(reverse("members:address_book")).content.decode()
        assert client.get(page).status_code == 200


def test_what_is_retired_is_offered_no_more(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    client.post(url(cast), DEPUTY)
    row = Signatory.objects.get()

    for _ in range(2):
        client.post(reverse("members:signatory_retire", args=[cast.ministry.pk, row.pk]))

    assert list(client.get(url(cast)).context["rows"]) == []
    assert AuditEvent.objects.filter(verb="Signatory.retire").count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"authority": "K/T BÍ THƯ"}, "authority", "Cấp ủy không ký thay (K/T)"),
        ({"authority": "ĐẢNG ỦY"}, "authority", "bắt đầu bằng T/M"),
        ({"authority": ""}, "authority", "Ghi thể thức đề ký"),
        ({"name": " "}, "name", "Ghi họ và tên người ký."),
        ({"position": "Phó Bí thư phụ trách"}, "acting_paper", "Ghi văn bản giao phụ trách."),
    ],
)
def test_what_is_not_in_order_is_said_beside_the_field(
    cast: Cast, sign_in: SignIn, changes: dict[str, str], field: str, sentence: str
) -> None:
    form = sign_in(cast.officer).post(url(cast), DEPUTY | changes).context["form"]

    assert list(form.errors) == [field]
    assert sentence in form.errors[field][0]
    assert not Signatory.objects.exists()
