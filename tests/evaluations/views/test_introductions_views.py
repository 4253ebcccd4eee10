"""Introductions on screen: the workplace, the signer's folder, the commune's book and grid, the cell."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import Bundle, Document, Introduction
from evaluations.models.introduction_issue import folder
from members.models import AuditEvent, Member, Placement, User
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing

SignIn = Callable[[User], Client]


@pytest.fixture
def introducing(cast: Cast) -> Introducing:
    return Introducing(cast)


def url(name: str, *args: int) -> str:
    return reverse(f"evaluations:{name}", args=args)


def shown(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def said(client: Client, address: str, **data: object) -> str:
    response = client.post(address, data, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestWorkplace:
    def test_everybody_is_chosen_by_commune(self, cast: Cast, sign_in: SignIn) -> None:
        far = factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
        factories.member("Đinh Thử Chưa", workplace=cast.office_cell)
        client = sign_in(cast.officer)
        page = shown(client, url("introductions_choose", cast.ministry.pk))
        assert page.index("Đảng ủy phường An Hải (1)") < page.index("Đảng ủy xã Hòa Vang (1)")
        assert "1 đồng chí chưa có nơi cư trú trong sổ" in page

        places = list(Placement.objects.values_list("pk", flat=True))
        page = said(client, url("introductions_choose", cast.ministry.pk), placement=places)
        assert "Đã soạn 2 giấy giới thiệu." in page
        assert "Trình ký 2 giấy giới thiệu" in page
        assert set(Introduction.objects.values_list("member", flat=True)) == {cast.asked.pk, far.pk}

    def test_nobody_chosen(self, cast: Cast, sign_in: SignIn) -> None:
        page = said(sign_in(cast.officer), url("introductions_choose", cast.ministry.pk))
        assert "Chưa chọn đồng chí nào" in page
        assert not Introduction.objects.exists()

    def test_one_without_a_place(self, cast: Cast, sign_in: SignIn) -> None:
        member = factories.member("Đinh Thử Chưa", workplace=cast.office_cell)
        client, address = sign_in(cast.officer), url("introduction_draft", cast.ministry.pk, member.pk)
        assert "chưa ghi nơi cư trú" in shown(client, address)
        assert "“Phường Không Có” chưa có trong danh bạ" in said(client, address, commune="Phường Không Có")
        page = said(client, address, commune="phuong an hai", words="Tổ 9")
        assert "Đã soạn giấy giới thiệu gửi Đảng ủy phường An Hải." in page
        assert Placement.objects.get(member=member).cell_as_written == "Tổ 9"

    def test_a_refusal_stands_in_the_form(self, cast: Cast, sign_in: SignIn) -> None:
        address = url("introduction_draft", cast.ministry.pk, cast.asked.pk)
        page = said(sign_in(cast.officer), address, commune="Đảng ủy phường Sơn Trà")
        assert "Ghi chuyển nơi cư trú trước" in page

    def test_signing_some_and_sending_back_others(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        other = factories.member("An Thử", workplace=cast.office_cell, commune=cast.ward)
        introducing.drafted()
        introducing.drafted(other)
        assert "Đã trình ký 2 giấy giới thiệu." in said(
            sign_in(cast.officer), url("introductions_present", cast.ministry.pk)
        )
        client, address = sign_in(cast.signer), url("introductions_sign", cast.ministry.pk)
        assert "2 giấy giới thiệu chờ ký phát hành" in shown(client, "/")
        back, signed = folder(cast.ministry)
        page = shown(client, address)
        assert "Lấy số tiếp theo trong sổ: 01–02" in page
        data = {f"sign-{signed.pk}": "on", f"word-{back.pk}": "Sai ngày sinh", "how": "next"}
        page = said(client, address, **data)
        assert "Đã phát hành 1 giấy giới thiệu." in page
        assert "Đã trả lại 1 giấy giới thiệu kèm lời nhắn" in page
        assert "Sai ngày sinh" in page
        assert list(Document.objects.filter(genre="introduction", state="issued").values_list("number", flat=True)) == [
            "1"
        ]

    def test_the_page_tells_every_step_and_no_person_of_the_other_side(
        self, cast: Cast, introducing: Introducing, sign_in: SignIn
    ) -> None:
        row = introducing.returned()
        page = shown(sign_in(cast.officer), url("introduction_page", row.pk))
        assert "đã tiếp nhận" in page
        assert "Mở phần tiếp nhận (PDF)" in page
        for person in (cast.secretary, cast.ward_officer, cast.ward_clerk):
            assert person.full_name not in page
        assert AuditEvent.objects.filter(verb="read", object_type="evaluations.Introduction", object_id=row.pk).exists()

    def test_paper_came_back(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        member = factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
        row = introducing.issued(member, commune=cast.far_ward)
        client = sign_in(cast.officer)
        assert "Phần tiếp nhận đã về bằng giấy" in shown(client, url("introduction_page", row.pk))
        page = said(client, url("introduction_key", row.pk), on="2026-10-01", cell="Chi bộ thôn 2")
        assert "Ngày tiếp nhận phải từ ngày giấy giới thiệu" in page
        assert "Chi bộ thôn 2" in page
        page = said(client, url("introduction_key", row.pk), on="2026-10-09", cell="Chi bộ thôn 2")
        assert "Đã ghi phần tiếp nhận của nơi cư trú." in page
        assert "theo phần tiếp nhận bằng giấy" in page

    def test_ending_and_cancelling(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row, client = introducing.issued(), sign_in(cast.officer)
        assert "Chọn lý do" in said(client, url("introduction_end", row.pk))
        assert "Đã hủy giấy giới thiệu." in said(client, url("introduction_cancel", row.pk))
        again = introducing.accepted()
        page = said(client, url("introduction_end", again.pk), code="retired", note="Về hưu từ 1/11")
        assert "Đã nghỉ hưu" in page

    @pytest.mark.parametrize("name", ["introductions", "introductions_choose"])
    def test_as_many_queries_for_three_as_for_one(
        self, cast: Cast, introducing: Introducing, sign_in: SignIn, name: str
    ) -> None:
        def count() -> int:
            client = sign_in(cast.officer)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                shown(client, url(name, cast.ministry.pk))
            return len(queries)

        introducing.issued(factories.member(workplace=cast.office_cell, commune=cast.ward))
        introducing.drafted(factories.member(workplace=cast.office_cell, commune=cast.ward))
        one = count()
        for _ in range(2):
            introducing.issued(factories.member(workplace=cast.office_cell, commune=cast.ward))
            factories.member(workplace=cast.office_cell, commune=cast.far_ward)
            introducing.drafted(factories.member(workplace=cast.office_cell, commune=cast.ward))
        assert count() == one


class TestResidence:
    def test_from_the_book_to_the_counterpart(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row = introducing.issued()
        clerk, officer = sign_in(cast.ward_clerk), sign_in(cast.ward_officer)
        assert "1 giấy giới thiệu mới chờ vào sổ" in shown(clerk, "/")
        assert "1 giấy giới thiệu mới" in shown(clerk, url("introductions_in", cast.ward.pk))
        page = said(clerk, url("introductions_register", cast.ward.pk), row=row.pk, **{f"no-{row.pk}": "21"})
        assert "Đã vào sổ 1 giấy giới thiệu" in page

        page = shown(officer, url("introductions_place", cast.ward.pk))
        assert "đề xuất, theo tên chi bộ" in page
        page = said(officer, url("introductions_place", cast.ward.pk), **{f"cell-{row.pk}": cast.cell.pk})
        assert "Đã phân 1 đồng chí về chi bộ." in page

        secretary = sign_in(cast.secretary)
        assert "1 đồng chí được giới thiệu về chờ chi bộ tiếp nhận" in shown(secretary, "/")
        page = said(secretary, url("newcomers", cast.cell.pk), row=row.pk, on="2026-10-12")
        assert "Đã tiếp nhận 1 đồng chí về giữ mối liên hệ tại chi bộ." in page

        signer, address = sign_in(cast.ward_signer), url("introductions_counterparts", cast.ward.pk)
        assert "Chi bộ Tổ dân phố 7, 12/10/2026" in shown(signer, address)
        assert "Đã ký phần tiếp nhận của 1 đồng chí" in said(signer, address, row=row.pk)
        assert Introduction.objects.get().counterpart

    def test_the_grid_sends_back_with_a_reason(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row, client = introducing.registered(), sign_in(cast.ward_officer)
        address = url("introductions_place", cast.ward.pk)
        page = said(client, address, **{f"cell-{row.pk}": "back:other"})
        assert "Ghi một câu nói rõ lý do chuyển lại." in page
        page = said(client, address, **{f"cell-{row.pk}": "back:not_resident"})
        assert "Đã chuyển lại 1 đồng chí." in page
        page = shown(sign_in(cast.officer), url("introductions", cast.ministry.pk))
        assert "Nơi cư trú chuyển lại, cần xem lại" in page
        assert "Không cư trú tại địa bàn" in page

    def test_a_new_cell_from_the_words(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row, client = introducing.registered(), sign_in(cast.ward_officer)
        Placement.objects.update(cell_as_written="Tổ dân phố 12", cell_written_key="to dan pho 12")
        page = said(client, url("introductions_place", cast.ward.pk), fill=1, **{f"cell-{row.pk}": ""})
        assert "＋ Lập “Chi bộ Tổ dân phố 12”" in page
        page = said(client, url("introductions_place", cast.ward.pk), **{f"cell-{row.pk}": "new"})
        assert "Đã phân 1 đồng chí về chi bộ, lập 1 chi bộ mới." in page

    def test_an_old_page_overwrites_nothing(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row, client = introducing.assigned(), sign_in(cast.ward_officer)
        page = said(client, url("introductions_place", cast.ward.pk), **{f"cell-{row.pk}": cast.other_cell.pk})
        assert "chưa có gì thay đổi" in page
        assert Introduction.objects.get().cell == cast.cell

    def test_not_a_resident_after_all(self, cast: Cast, introducing: Introducing, sign_in: SignIn) -> None:
        row, client = introducing.accepted(), sign_in(cast.ward_officer)
        address = url("introduction_back", row.pk)
        assert "thôi theo dõi đồng chí này" in shown(client, address)
        assert "Ghi một câu" in said(client, address, code="other")
        assert "Đã chuyển lại nơi công tác." in said(client, address, code="moved")
        assert not Placement.objects.current().filter(member=cast.asked).exists()

    def test_the_category_never_reaches_the_residence(
        self, cast: Cast, introducing: Introducing, sign_in: SignIn
    ) -> None:
        Placement.objects.update(
            standing="exempt_activity", exemption="EX_FULLTIME_STUDY", exemption_proof="Quyết định cử đi học số 55"
        )
        row = introducing.assigned()
        Member.objects.exclude(pk=cast.asked.pk).delete()
        for person in (cast.ward_clerk, cast.ward_officer, cast.ward_signer, cast.secretary):
            client = sign_in(person)
            for address in (
                "/",
                url("introductions_in", cast.ward.pk),
                url("introductions_place", cast.ward.pk),
                url("newcomers", cast.cell.pk),
                url("introduction_back", row.pk),
            ):
                text = unescape(client.get(address).content.decode())
                assert [word for word in ("học tập trung", "EX_FULLTIME", "số 55") if word in text] == []
        assert row.document
        assert "EX_FULLTIME_STUDY" not in str(row.document.facts)
        assert "số 55" not in str(row.document.facts)

    @pytest.mark.parametrize(
        ("name", "step"),
        [("introductions_in", "issued"), ("introductions_place", "registered"), ("newcomers", "assigned")],
    )
    def test_as_many_queries_for_three_as_for_one(
        self, cast: Cast, introducing: Introducing, sign_in: SignIn, name: str, step: str
    ) -> None:
        def count() -> int:
            client = sign_in(cast.ward_officer)
            with CaptureQueriesContext(connection) as queries:
                shown(client, url(name, cast.cell.pk if name == "newcomers" else cast.ward.pk))
            return len(queries)

        getattr(introducing, step)()
        one = count()
        for _ in range(2):
            cast.asked = factories.member(workplace=cast.office_cell, commune=cast.ward)
            getattr(introducing, step)()
        assert count() == one


def test_a_pile_for_each_receiving_commune_is_printed_at_once(
    cast: Cast, introducing: Introducing, sign_in: SignIn
) -> None:
    introducing.issued()
    client = sign_in(cast.officer)
    address = url("introductions_print", cast.ministry.pk)
    assert f'href="{address}"' in shown(client, url("introductions", cast.ministry.pk))
    with CaptureQueriesContext(connection) as one:
        assert cast.ward.name in shown(client, address)
    for number, ward in enumerate((cast.far_ward, cast.other_ward), 1):
        person = factories.member(f"Hồ Thử {number}", workplace=cast.office_cell, commune=ward)
        introducing.issued(person, commune=ward)
    with CaptureQueriesContext(connection) as three:
        page = shown(client, address)
    assert len(three) == len(one)
    assert page.count("Lập bộ in") == 3

    ordered = client.post(address, {"commune": cast.far_ward.pk})

    bundle = Bundle.objects.get()
    assert ordered["Location"] == url("bundle_page", bundle.pk)
    assert (bundle.kind, bundle.total, bundle.other) == ("introductions", 1, cast.far_ward)
    assert client.post(address, {"commune": cast.ministry.pk}).status_code == 404
