"""Vacancies, hand-over, the use of answers, and the commune in the place of a cell."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Assessment, AssessmentVersion, EvaluationRequest
from evaluations.models.campaigns import NumberChoice
from evaluations.models.replies import issue_reply
from evaluations.models.sharing import Follower, share
from evaluations.models.uses import kept_back, usable, use_all
from evaluations.open_work import open_work
from evaluations.rulebooks import load
from evaluations.vacancies import vacancies
from members.models import Kinship, Seat, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]
TODAY = timezone.localdate()
ENDED = date(2021, 1, 1)


def again(user: User) -> User:
    return User.objects.get(pk=user.pk)


class TestVacancies:
    def words(self, user: User) -> list[str]:
        return [row.words for row in vacancies(again(user))[0]]

    def test_a_cell_with_members_and_without_a_secretary(self, cast: Cast, sign_in: SignIn) -> None:
        assert self.words(cast.ward_officer) == []
        factories.member(commune=cast.ward, cell=cast.cell)
        cast.secretary.seats.update(until_on=ENDED)
        assert self.words(cast.ward_officer) == ["Chi bộ Tổ dân phố 7 chưa có bí thư phụ trách"]
        assert self.words(cast.other_ward_officer) == self.words(cast.ward_signer) == self.words(cast.overseer) == []
        home = sign_in(cast.ward_officer).get("/").content.decode()
        assert "Chi bộ Tổ dân phố 7 chưa có bí thư phụ trách" in home
        assert reverse("members:seat_give", args=[cast.cell.pk]) in home
        steps = sign_in(cast.ward_clerk).get(reverse("evaluations:ward_steps", args=[cast.ward.pk])).content.decode()
        assert "Chi bộ chưa có bí thư phụ trách:</strong> Chi bộ Tổ dân phố 7" in steps
        factories.seat(cast.nobody, cast.cell, Role.SECRETARY, as_deputy=True)
        assert self.words(cast.ward_officer) == []

    def test_a_committee_with_work(self, cast: Cast) -> None:
        before = ["Đảng ủy phường An Hải chưa có cán bộ phụ trách", "Đảng ủy phường An Hải chưa có người ký"]
        Seat.objects.filter(organization=cast.ward).update(until_on=ENDED)
        assert self.words(cast.overseer) == self.words(cast.administrator) == before
        User.objects.filter(pk=cast.signer.pk).update(is_active=False)
        assert "Đảng ủy Sở Thử Nghiệm chưa có người ký" in self.words(cast.overseer)
        assert self.words(cast.auditor) == []

    def test_constant_queries(self, cast: Cast, django_assert_num_queries: Any) -> None:
        for number in range(3):
            cell = factories.residence_cell(cast.ward, f"Tổ dân phố {20 + number}")
            factories.member(commune=cast.ward, cell=cell)
            user = again(cast.ward_officer)
            assert user.seats_now
            with django_assert_num_queries(2):
                assert vacancies(user)[1] == number + 1


class TestHandOver:
    def test_what_a_cell_leaves(self, cast: Cast, play: Season) -> None:
        play.written()
        helper = factories.official("helper", "Trần Thị Lan", cast.cell, Role.CELL_COMMITTEE)
        placement = cast.asked.placements.get()
        seat = helper.seats.get()
        if TODAY.year == play.YEAR:
            secretary = by(cast.secretary, Action.SHARE, cast.cell)
            share(cast.cell, play.YEAR, {placement.pk: Follower("Trần Thị Lan", seat)}, by=secretary)
        Seat.objects.filter(pk=seat.pk).update(until_on=TODAY - timedelta(days=1))
        found = {item.words: item.count for item in open_work(cast.cell, "secretary")}
        assert found["đề nghị nhận xét chưa gửi đảng ủy"] == found["bản nhận xét đang soạn"] == 1
        if TODAY.year == play.YEAR:
            assert found["đồng chí do người đã thôi nhiệm vụ theo dõi, cần phân công lại"] == 1

    def test_what_each_of_the_ward_and_the_workplace_leaves(self, cast: Cast, play: Season) -> None:
        play.issued()
        assert [item.words for item in open_work(cast.ward, "clerk")] == ["công văn đến chưa vào sổ"]
        play.submitted()
        assert {item.words for item in open_work(cast.ward, "officer")} == {"nhận xét chờ xác nhận"}
        work = {item.words: item.count for item in open_work(cast.ministry, "officer")}
        assert work == {"đợt lấy ý kiến đang mở": 1, "đề nghị chờ nơi cư trú trả lời": 1}
        assert open_work(cast.ministry, "clerk") == []

    def test_the_minutes(self, cast: Cast, play: Season, sign_in: SignIn) -> None:
        play.written()
        url = reverse("evaluations:seat_hand_over", args=[cast.cell.pk, "secretary"])
        client = sign_in(cast.ward_officer)
        assert "Bản nhận xét đang soạn" in client.get(url).content.decode()
        seat = cast.secretary.seats.get()
        paper = client.post(url, {"giver": seat.pk, "receiver": "", "on": TODAY.isoformat(), "note": "Sổ theo dõi"})
        assert (paper["Content-Type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
        assert client.get(url.replace("secretary", "signer")).status_code == 404


class TestUse:
    @pytest.fixture
    def received(self, cast: Cast, play: Season) -> list[EvaluationRequest]:
        for name in ("Mai Thử Hai", "Mai Thử Ba"):
            factories.member(name, workplace=cast.office_cell, commune=cast.ward)
        play.assigned()
        play.submit_everybody()
        for version in AssessmentVersion.objects.filter(state="submitted"):
            version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
        rows = list(EvaluationRequest.objects.order_by("member__full_name"))
        for row in rows:
            row.receive(by=by(cast.officer, Action.RECEIVE, cast.ministry))
        return rows

    def test_a_meeting_in_one_step_without_ones_own_people(
        self, cast: Cast, received: list[EvaluationRequest], sign_in: SignIn
    ) -> None:
        wife = received[0].member
        Kinship.objects.declare(wife, cast.officer, "spouse", by=cast.officer)
        campaign = received[0].campaign
        assert campaign
        url = reverse("evaluations:campaign_use", args=[campaign.pk])
        client = sign_in(cast.officer)
        page = client.get(url).content.decode()
        assert page.count('name="request"') == 2
        assert "Về người thân của đồng chí (vợ, chồng): cán bộ khác ghi." in page
        ticked = [str(row.pk) for row in received]
        nothing = {"met_on": TODAY.isoformat(), "code": "used", "note": ""}
        assert "Chưa đánh dấu đồng chí nào." in client.post(url, nothing).content.decode()
        for wrong, why in (
            ({"code": "not_used"}, "Ghi một câu nói rõ"),
            ({"met_on": (TODAY + timedelta(days=1)).isoformat()}, "chưa diễn ra"),
        ):
            assert why in client.post(url, {**nothing, **wrong, "request": ticked}).content.decode()
        assert not EvaluationRequest.objects.filter(state="considered").exists()
        page = client.post(url, {**nothing, "request": ticked}, follow=True).content.decode()
        assert "sử dụng 2 nhận xét" in page
        assert "1 nhận xét giữ nguyên" in page
        states = dict(EvaluationRequest.objects.values_list("member", "state"))
        assert states.pop(wife.pk) == "received"
        assert set(states.values()) == {"considered"}
        shown = client.get(reverse("evaluations:request_page", args=[received[1].pk])).content.decode()
        assert f"Đã dùng làm căn cứ kiểm điểm, đánh giá, xếp loại, họp ngày {TODAY:%d/%m/%Y}" in shown
        with pytest.raises(Refused, match="Chọn cách sử dụng"):
            use_all(campaign.requests.all(), TODAY, "maybe", by=by(cast.signer, Action.RECEIVE, cast.ministry))
        assert use_all(campaign.requests.all(), TODAY, "used", by=by(cast.signer, Action.RECEIVE, cast.ministry)) == 1

    def test_what_is_doubted_or_unread_waits(self, cast: Cast, received: list[EvaluationRequest]) -> None:
        rows = EvaluationRequest.objects.all()
        carried, corrected = received[0], received[1]
        AssessmentVersion.objects.filter(assessment=carried.assessment).update(
            origin="carried",
            keyed_by=cast.officer.seats.get(),
            keyed_at=timezone.now(),
            on_paper_on=TODAY,
            met_on=TODAY,
            signer_name="Ai",
            signer_position="Bí thư",
            paper_reason="habit",
        )
        EvaluationRequest.objects.filter(pk=corrected.pk).update(received_at=timezone.now() - timedelta(days=9))
        assert [row.pk for row in usable(rows)] == [received[2].pk]
        reasons = {row.pk: reason for row, reason in kept_back(rows, again(cast.officer))}
        assert reasons == {
            carried.pk: "Phiếu do đảng viên mang về, chưa đối chiếu, thẩm định.",
            corrected.pk: "Có phiếu đính chính chưa mở đọc.",
        }
        stale = EvaluationRequest.objects.get(pk=corrected.pk)
        with pytest.raises(Refused, match="Có phiếu đính chính"):
            stale.consider(TODAY, "used", by=by(cast.officer, Action.RECEIVE, cast.ministry))

    def test_constant_queries(
        self, cast: Cast, received: list[EvaluationRequest], sign_in: SignIn, django_assert_max_num_queries: Any
    ) -> None:
        client = sign_in(cast.officer)
        url = reverse("evaluations:campaign_use", args=[received[0].campaign_id])
        with django_assert_max_num_queries(16):
            client.get(url)


class TestTheCommuneInThePlaceOfACell:
    def test_the_officer_rates_and_sends_and_somebody_else_confirms(
        self, cast: Cast, play: Season, sign_in: SignIn
    ) -> None:
        wife = factories.member("Đỗ Thị Vợ", workplace=cast.office_cell, commune=cast.ward)
        play.assigned()
        review = play.review()
        client, url = sign_in(cast.ward_officer), reverse("evaluations:cell_grid", args=[cast.cell.pk, play.YEAR])
        assert client.get(url).status_code == 403
        Kinship.objects.declare(wife, cast.secretary, "spouse", by=cast.secretary)
        page = client.get(url).content.decode()
        assert ("Đỗ Thị Vợ" in page, "Trần Thị Thử" in page) == (True, False)
        placement = wife.placements.get()
        play.assessment(wife)
        ratings = {f"{placement.pk}-{column}": "0" for column in codes()} | {f"{placement.pk}-recommendation": "1"}
        client.post(url, {f"s{placement.pk}": "0." + "-" * (len(codes()) + 1), **ratings})
        own = sign_in(cast.secretary).get(url).content.decode()
        assert "Người thân của đồng chí (vợ, chồng): đảng ủy xã, phường nhận xét thay chi bộ." in own
        assert f'name="s{placement.pk}"' not in own
        client.post(reverse("evaluations:cell_submit", args=[cast.cell.pk, play.YEAR]), {"review": str(review.pk)})
        version = AssessmentVersion.objects.get(assessment__placement=placement)
        assert (version.state, version.submitted_by and version.submitted_by.user) == ("submitted", cast.ward_officer)
        with pytest.raises(Refused, match="không tự xác nhận"):
            version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        form = version.confirm(by=by(cast.ward_signer, Action.CONFIRM, cast.ward))
        assert form.facts["labels"] == ["Đảng ủy nhận xét thay chi bộ"]
        assert form.facts["signature"]["name"] == "Đặng Văn Phường"
        assert Assessment.objects.count() == 2

    def test_home_leads_there(self, cast: Cast, play: Season, sign_in: SignIn) -> None:
        play.assigned()
        Kinship.objects.declare(cast.asked, cast.secretary, "spouse", by=cast.secretary)
        words = "1 đồng chí do đảng ủy nhận xét thay Chi bộ Tổ dân phố 7"
        assert words in sign_in(cast.ward_officer).get("/").content.decode()
        assert words not in sign_in(cast.ward_clerk).get("/").content.decode()
        deputy = factories.user("pho", "Phan Văn Phó")
        factories.seat(deputy, cast.cell, Role.SECRETARY, as_deputy=True)
        assert words not in sign_in(cast.ward_officer).get("/").content.decode()
        assert "1 đồng chí do đồng chí nhận xét thay bí thư" in sign_in(deputy).get("/").content.decode()
        assert "đồng chí khác nhận xét thay" in sign_in(cast.secretary).get("/").content.decode()


def codes() -> list[str]:
    return [criterion.code for criterion in load().criteria]
