"""A list of organisations through the pages: upload, look, write."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from members.models import Organization, OrganizationImport, User
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
LIST = "Tên tổ chức,Loại\nChi bộ Tổ dân phố 9,\nChi bộ Tổ dân phố 8,\nĐảng ủy Công ty Mẫu,\nChi bộ Hoa Sen,\n"


def upload(client: Client, under: Organization, text: str = LIST) -> HttpResponse:
    file = SimpleUploadedFile("to-chuc.csv", text.encode())
    return client.post(reverse("members:tree_upload", args=[under.pk]), {"file": file})


def test_a_ward_brings_its_cells(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    review = client.get(upload(client, cast.ward)["Location"])
    assert [(item.row.name, str(item.plan), item.problem) for item in review.context["page"]] == [
        ("Đảng ủy Công ty Mẫu", "faulty", "Tổ chức này do cấp ủy cấp trên lập."),
        ("Chi bộ Hoa Sen", "faulty", "Chưa rõ chi bộ nơi cư trú hay nơi công tác: ghi vào cột “Loại”."),
        ("Chi bộ Tổ dân phố 9", "new", ""),
        ("Chi bộ Tổ dân phố 8", "matched", ""),
    ]
    staged = OrganizationImport.objects.get()
    address = reverse("members:tree_commit", args=[staged.pk])
    assert client.post(address).status_code == 302
    made = Organization.objects.get(name="Chi bộ Tổ dân phố 9")
    assert (made.parent, made.side) == (cast.ward, "residence")
    # A second press, and the page afterwards.
    client.post(address)
    assert Organization.objects.filter(name="Chi bộ Tổ dân phố 9").count() == 1
    done = client.get(reverse("members:tree_review", args=[staged.pk]))
    assert done.context["staged"].outcome == {"understood": 2, "faulty": 2, "matched": 1, "new": 1}


def test_a_wrong_file_is_told(cast: Cast, sign_in: SignIn) -> None:
    answer = upload(sign_in(cast.ward_officer), cast.ward, "Họ và tên,Ngày sinh\nA,1980\n")
    assert "Không thấy dòng tiêu đề" in answer.context["form"].errors["file"][0]
