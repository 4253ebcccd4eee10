"""Requests on paper: into the book, its people from a list, by hand or from the register, and the printed reply."""

from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import AssessmentVersion, Document, EvaluationRequest, IncomingLetter, Letter
from evaluations.models.campaigns import NumberChoice
from evaluations.models.incoming import PaperRequest, add_to_address_book, ask_about, register_on_paper
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells
from members.models import Member, Membership, Organization, Placement, RosterImport, Seat, User
from members.roles import Action
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.season import SCAN, Season, by

SignIn = Callable[[User], Client]
YEAR = timezone.localdate().year
LIST = "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Tổ dân phố\n1,Vũ Thử Giấy,18/07/1976,04/04/2004,Tổ dân phố 7\n"


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.ward_officer, Action.REGISTER, cast.ward)


@pytest.fixture
def school(cast: Cast, seat: Seat) -> Organization:
    return add_to_address_book(cast.ward, "Đảng ủy Trường Thử Nghiệm", by=seat, address="1 đường Mẫu")


def said(school: Organization, **changes: Any) -> PaperRequest:
    fields: dict[str, Any] = {
        "asker": school,
        "number": "12-CV/ĐU",
        "dated_on": date(2026, 10, 5),
        "received_on": date(2026, 10, 7),
        "due_on": date(2026, 11, 15),
        "year": Season.YEAR,
        "registered_no": "88",
        "scan": SCAN,
    }
    return PaperRequest(**fields | changes)


@pytest.fixture
def letter(cast: Cast, seat: Seat, school: Organization) -> Document:
    return register_on_paper(cast.ward, said(school), by=seat)


class TestVerbs:
    def test_the_letter_stands_in_the_book(self, cast: Cast, letter: Document, school: Organization) -> None:
        assert (letter.state, letter.issuer, letter.recipient, letter.series) == ("issued", school, cast.ward, None)
        assert (letter.label, letter.issued_on, letter.registered_no) == ("Số 12-CV/ĐU", date(2026, 10, 5), "88")
        assert letter.registered_at
        assert not Document.objects.to_render().exists()
        assert [bytes(file.content) for file in letter.files.all()] == [SCAN]

    def test_pressing_twice_enters_it_once(self, cast: Cast, seat: Seat, school: Organization) -> None:
        letters = [register_on_paper(cast.ward, said(school), by=seat) for _ in range(2)]
        assert letters[0] == letters[1]
        assert (IncomingLetter.objects.count(), Document.objects.count()) == (1, 1)
        assert add_to_address_book(cast.ward, "đảng ủy trường thử nghiệm", by=seat) == school

    def test_who_is_on_the_system_sends_here(self, cast: Cast, seat: Seat) -> None:
        with pytest.raises(Refused, match="dùng hệ thống"):
            register_on_paper(cast.ward, said(cast.ministry), by=seat)

    def test_people_are_asked_about_once_and_go_the_usual_way(
        self, cast: Cast, play: Season, seat: Seat, letter: Document, school: Organization
    ) -> None:
        exempt = factories.member(commune=cast.ward, standing="exempt_activity")
        placements = list(Placement.objects.filter(member__in=[cast.asked, exempt]))
        assert [ask_about(letter, placements, by=seat) for _ in range(2)] == [1, 0]
        matter = EvaluationRequest.objects.get()
        assert (matter.state, matter.asked_by, matter.letter) == ("at_commune", school, letter)
        assert matter.incoming == letter.incoming

        assign_to_cells({matter: cast.cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
        version = play.assessment().versions.first() or play.keyed(cast.asked)
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        reply = issue_reply(letter, NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))

        assert reply.facts["reference"] == {"number": "12-CV/ĐU", "issued_on": "2026-10-05"}
        assert Letter.objects.get(document=reply).channel == "print"
        assert EvaluationRequest.objects.get().state == "answered"
        assert AssessmentVersion.objects.get().state == "confirmed"


class TestPages:
    def form(self, **changes: Any) -> dict[str, Any]:
        return {
            "asker": "Đảng ủy Trường Thử Nghiệm",
            "number": "12-CV/ĐU",
            "dated_on": f"05/01/{YEAR}",
            "received_on": f"07/01/{YEAR}",
            "year": str(YEAR),
            "due_on": f"15/02/{YEAR}",
            "registered_no": "88",
        } | changes

    def test_an_unknown_sender_is_added_on_purpose(self, cast: Cast, sign_in: SignIn) -> None:
        client, url = sign_in(cast.ward_clerk), reverse("evaluations:incoming_new", args=[cast.ward.pk])
        page = unescape(client.post(url, self.form()).content.decode())
        assert "Chưa có đảng ủy tên này trong danh bạ" in page
        assert 'value="12-CV/ĐU"' in page

        response = client.post(url, self.form(is_new="on", address="1 đường Mẫu"))
        entry = Organization.objects.get(name="Đảng ủy Trường Thử Nghiệm")
        assert (entry.kind, entry.address, entry.parent) == ("external", "1 đường Mẫu", cast.province)
        assert response["Location"] == reverse("evaluations:incoming_list", args=[Document.objects.get().pk])

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"dated_on": f"09/01/{YEAR}"}, "Ngày công văn sau ngày đến"),
            ({"received_on": "01/01/2099"}, "Ngày đến chưa tới"),
            ({"due_on": f"01/01/{YEAR}"}, "Hạn trả lời trước ngày đến"),
            ({"year": "1999"}, "Năm nhận xét từ"),
            ({"number": ""}, "Ghi số, ký hiệu"),
        ],
    )
    def test_days_that_cannot_be(
        self, cast: Cast, sign_in: SignIn, school: Organization, changes: dict[str, str], sentence: str
    ) -> None:
        url = reverse("evaluations:incoming_new", args=[cast.ward.pk])
        page = unescape(sign_in(cast.ward_officer).post(url, self.form(**changes)).content.decode())
        assert sentence in page
        assert not IncomingLetter.objects.exists()

    def test_the_list_of_the_letter_becomes_residents_and_requests(
        self, cast: Cast, sign_in: SignIn, letter: Document, school: Organization
    ) -> None:
        client, url = sign_in(cast.ward_officer), reverse("evaluations:incoming_list", args=[letter.pk])
        for _ in range(2):
            client.post(url, {"file": SimpleUploadedFile("danh-sach.csv", LIST.encode())})
            staged = RosterImport.objects.latest("pk")
            review = shown(client, reverse("members:roster_review", args=[staged.pk]))
            assert "Vũ Thử Giấy" in review
            commit = reverse("evaluations:incoming_commit", args=[staged.pk])
            pages = [client.post(commit, follow=True) for _ in range(2)]
            assert "Vũ Thử Giấy" in unescape(pages[1].content.decode())

        member = Member.objects.get(full_name="Vũ Thử Giấy")
        placement = Placement.objects.get(member=member)
        assert (placement.origin, placement.commune) == ("residence", cast.ward)
        assert Membership.objects.get(member=member).cell.parent == school
        assert EvaluationRequest.objects.get().member == member

    def test_a_list_of_people_elsewhere_is_not_entered(self, cast: Cast, sign_in: SignIn, letter: Document) -> None:
        text = LIST.replace("Tổ dân phố\n", "Phường/xã\n").replace("Tổ dân phố 7", "phường Sơn Trà")
        client = sign_in(cast.ward_officer)
        client.post(
            reverse("evaluations:incoming_list", args=[letter.pk]), {"file": SimpleUploadedFile("a.csv", text.encode())}
        )
        staged = RosterImport.objects.get()
        assert "không thuộc Đảng ủy phường An Hải" in shown(client, reverse("members:roster_review", args=[staged.pk]))

    def test_one_person_is_typed_by_hand(self, cast: Cast, sign_in: SignIn, letter: Document) -> None:
        client, url = sign_in(cast.ward_officer), reverse("evaluations:incoming_list", args=[letter.pk])
        typed = {"typed": "1", "full_name": "Lò Thử Tay", "birth_date": "1975", "joined_on": "03/02/2001"}
        page = client.post(url, typed, follow=True)
        assert "Lò Thử Tay" in unescape(page.content.decode())
        assert "Ghi ngày sinh" in unescape(client.post(url, typed | {"birth_date": ""}).content.decode())
        client.post(reverse("evaluations:incoming_commit", args=[RosterImport.objects.get().pk]))
        assert EvaluationRequest.objects.get().member.full_name == "Lò Thử Tay"

    def test_people_are_picked_from_the_register(self, cast: Cast, sign_in: SignIn, letter: Document) -> None:
        client, url = sign_in(cast.ward_officer), reverse("evaluations:incoming_pick", args=[letter.pk])
        placement = Placement.objects.get(member=cast.asked)
        elsewhere = factories.member(commune=cast.other_ward).placements.get()
        assert "Trần Thị Thử" in shown(client, f"{url}?tim=thi thu")
        for _ in range(2):
            client.post(url, {"placement": [placement.pk, elsewhere.pk, "x"]})
        assert EvaluationRequest.objects.get().member == cast.asked
        assert "Trần Thị Thử" not in shown(client, url)

    def test_the_sender_cannot_be_read_by_other_wards(self, cast: Cast, sign_in: SignIn, letter: Document) -> None:
        url = reverse("evaluations:incoming_list", args=[letter.pk])
        assert sign_in(cast.other_ward_officer).get(url).status_code == 404
        assert sign_in(cast.ward_signer).get(url).status_code == 403

    def test_the_paper_itself_is_one_click_away(self, cast: Cast, sign_in: SignIn, letter: Document) -> None:
        client = sign_in(cast.ward_signer)
        assert "Bản chụp 1" in shown(client, reverse("evaluations:letter_in", args=[letter.pk]))
        response = client.get(reverse("evaluations:document_file", args=[letter.pk]), follow=True)
        assert response.content == SCAN

    @pytest.mark.parametrize("count", [1, 3])
    def test_picking_costs_the_same_for_one_and_for_three(
        self, cast: Cast, sign_in: SignIn, letter: Document, count: int
    ) -> None:
        for _ in range(count - 1):
            factories.member(workplace=cast.office_cell, commune=cast.ward)
        client = sign_in(cast.ward_officer)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("evaluations:incoming_pick", args=[letter.pk]))
        assert len(queries) == 7
