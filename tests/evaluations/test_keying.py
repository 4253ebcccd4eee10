"""Answers on paper at the verbs: keyed by the ward or by the workplace, twice, contested, carried, from the portal."""

from datetime import date
from typing import Any

import pytest

from evaluations import tasks
from evaluations.models import AssessmentVersion, Campaign, Contest, Document, EvaluationRequest
from evaluations.models.campaigns import NumberChoice
from evaluations.models.checks import contest, verify
from evaluations.models.keying import PaperReply, differing, key, key_again, record_portal_result, settle_keying
from evaluations.models.replies import issue_reply
from members.models import AuditEvent, Seat, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, SCAN, Season, by

REPLY = PaperReply("45-CV/ĐU", date(2026, 11, 5))
LOWER: dict[str, Any] = {**GOOD, "civic_duty": {"option": 1, "no_basis": False, "facts": ""}}


def fresh(version: AssessmentVersion) -> AssessmentVersion:
    return AssessmentVersion.objects.get(pk=version.pk)


def keyer(cast: Cast) -> Seat:
    return by(cast.ward_officer, Action.KEY, cast.ward)


class TestWard:
    def test_the_signed_paper_is_submitted_in_the_name_of_its_signer(self, cast: Cast, play: Season) -> None:
        version = fresh(play.keyed())

        assert (version.no, version.state, version.origin) == (1, "submitted", "paper")
        assert (version.submitted_by, version.joint_review, version.keyed_by) == (None, None, keyer(cast))
        assert version.submitted_at
        assert (version.answers, version.remarks) == (GOOD, "Tham gia dọn vệ sinh tổ dân phố ngày 12/9.")
        assert (version.met_on, version.signer_name) == (date(2026, 10, 20), "Ngô Văn Bí Thư")
        assert [bytes(file.content) for file in version.form.files.filter(kind="scan")] == [SCAN]
        assert version.form.state == "draft"

    def test_it_is_confirmed_by_the_one_officer_of_a_small_ward_and_printed_with_its_label(
        self, cast: Cast, play: Season
    ) -> None:
        version = play.keyed()
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))

        form = Document.objects.get(version=version)
        assert (form.state, form.facts["labels"]) == ("issued", ["Nhập từ bản giấy"])
        assert form.facts["signature"] == {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": "Ngô Văn Bí Thư"}
        assert form.facts["review"] == {"held_on": "2026-10-20", "cell": [], "front": []}
        tasks.render(form.pk)
        assert set(form.files.values_list("kind", flat=True)) == {"issued", "scan"}

    def test_pressing_twice_keys_once(self, cast: Cast, play: Season) -> None:
        first = play.keyed()
        second = key(play.assessment(), play.paper(), by=keyer(cast), expected=0)
        assert (second, AssessmentVersion.objects.count()) == (first, 1)

    def test_of_twenty_presses_one_is_kept(self, transactional_db: None, cast: Cast, play: Season) -> None:
        play.assigned()
        assessment, paper = play.assessment(), play.paper()
        race(20, lambda _: key(assessment, paper, by=keyer(cast), expected=0))
        assert (AssessmentVersion.objects.count(), Document.objects.filter(genre="assessment_form").count()) == (1, 1)

    def test_another_text_meanwhile_is_not_overwritten(self, cast: Cast, play: Season) -> None:
        first = play.keyed()
        with pytest.raises(Refused, match="vừa được người khác nhập"):
            key(play.assessment(), play.paper(remarks="Khác"), by=keyer(cast), expected=0)
        assert list(AssessmentVersion.objects.all()) == [first]

    def test_what_was_keyed_wrongly_is_keyed_anew(self, cast: Cast, play: Season) -> None:
        wrong = play.keyed(answers=LOWER)
        right = key(play.assessment(), play.paper(), by=keyer(cast), expected=1)

        assert [row.state for row in (fresh(wrong), fresh(right))] == ["replaced", "submitted"]
        assert (right.no, Document.objects.get(version=wrong).state) == (2, "withdrawn")

    def test_a_draft_gives_way_and_is_kept(self, cast: Cast, play: Season) -> None:
        draft = play.written({}, "Đang viết dở")
        keyed = key(play.assessment(), play.paper(), by=keyer(cast), expected=1)

        assert (fresh(draft).state, fresh(draft).remarks, keyed.no) == ("replaced", "Đang viết dở", 2)

    def test_what_the_cell_has_sent_itself_is_never_keyed_over(self, cast: Cast, play: Season) -> None:
        play.submitted()
        with pytest.raises(Refused, match="đã gửi nhận xét này trên hệ thống"):
            key(play.assessment(), play.paper(), by=keyer(cast), expected=1)

    def test_the_keyer_is_not_the_writer(self, cast: Cast, play: Season) -> None:
        with pytest.raises(Refused, match="Người ký bản giấy không tự nhập"):
            play.keyed(signer_name="ĐẶNG VĂN PHƯỜNG")
        factories.seat(cast.ward_officer, cast.cell, Role.CELL_COMMITTEE)
        with pytest.raises(Refused, match="thuộc chi ủy của chi bộ này"):
            key(play.assessment(), play.paper(), by=keyer(cast), expected=0)

    def test_who_signed_the_paper_does_not_confirm_it(self, cast: Cast, play: Season) -> None:
        version = play.keyed(signer_name="Lê Văn Mẫu")
        signer = by(cast.ward_signer, Action.CONFIRM, cast.ward)
        assert not version.can_confirm(signer)
        with pytest.raises(Refused, match="không tự xác nhận"):
            version.confirm(by=signer)

    def test_nobody_keys_about_himself(self, cast: Cast, play: Season) -> None:
        User.objects.filter(pk=cast.member_user.pk).update(member=None)
        User.objects.filter(pk=cast.ward_officer.pk).update(member=cast.asked)
        with pytest.raises(Refused, match="không tự nhận xét"):
            play.keyed()

    def test_sent_back_it_becomes_a_draft_which_new_paper_replaces(self, cast: Cast, play: Season) -> None:
        version = play.keyed()
        version.send_back("vague", "Ghi rõ việc đã làm", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        again = key(play.assessment(), play.paper(remarks="Rõ hơn"), by=keyer(cast), expected=2)
        assert [row.state for row in play.assessment().versions.order_by("no")] == ["returned", "replaced", "submitted"]
        assert again.no == 3


class TestWorkplace:
    def key(self, cast: Cast, play: Season, matter: EvaluationRequest, **changes: Any) -> AssessmentVersion:
        seat = by(cast.officer, Action.KEY, cast.ministry)
        assert matter.assessment
        newest = matter.assessment.latest()
        expected = newest.no if newest else 0
        return key(matter.assessment, play.paper(**{"reply": REPLY} | changes), by=seat, expected=expected)

    def test_the_paper_of_a_commune_outside_answers_the_request(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        version = fresh(self.key(cast, play, matter))

        matter.refresh_from_db()
        assert (version.state, version.confirmed_by, matter.state) == ("confirmed", None, "received")
        assert matter.reply
        assert (matter.reply.issuer, matter.reply.label) == (cast.far_ward, "Số 45-CV/ĐU")
        assert (matter.reply.issued_on, matter.reply.series) == (date(2026, 11, 5), None)
        assert (version.form.issuer, version.form.state) == (cast.far_ward, "issued")
        keyed = {version.form.pk, matter.reply.pk}
        assert not keyed & set(Document.objects.to_render().values_list("pk", flat=True))

    def test_one_letter_encloses_many_forms(self, cast: Cast, play: Season) -> None:
        factories.member("Mai Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
        play.far()
        matters = EvaluationRequest.objects.filter(residence_commune=cast.far_ward)
        for matter in matters:
            self.key(cast, play, matter)

        assert matters.values_list("state", "reply").distinct().count() == 1
        assert Document.objects.filter(genre="reply_letter").count() == 1

    def test_keyed_anew_the_answer_is_the_new_text(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        wrong = self.key(cast, play, matter, answers=LOWER)
        right = self.key(cast, play, matter, reply=PaperReply("46-CV/ĐU", date(2026, 11, 5)))

        matter.refresh_from_db()
        assert [fresh(wrong).state, fresh(right).state, matter.state] == ["replaced", "confirmed", "received"]
        assert matter.reply
        assert matter.reply.number == "46-CV/ĐU"
        assert matter.answering_version() == right

    def test_a_late_paper_is_an_annex_of_a_closed_campaign(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        Campaign.objects.get().close(by=by(cast.officer, Action.PREPARE, cast.ministry))
        self.key(cast, play, matter)
        matter.refresh_from_db()
        assert matter.state == "received"

    def test_a_form_carried_by_the_member_is_verified_before_it_counts(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        version = self.key(cast, play, matter, origin="carried", reply=None)
        matter.refresh_from_db()
        signer = by(cast.signer, Action.RECEIVE, cast.ministry)
        assert version.form.facts["labels"] == ["Nhập từ bản giấy", "Phiếu do đảng viên mang về"]
        assert (matter.state, matter.can_consider()) == ("received", False)
        with pytest.raises(Refused, match="phải được đối chiếu"):
            matter.consider(date(2026, 11, 10), "used", by=signer)

        verify(matter, "phone", "differs", "Bí thư nói mục 2 khác", date(2026, 11, 6), by=signer)
        assert not matter.can_consider()
        verify(matter, "visit", "agrees", "Đã xem bản lưu", date(2026, 11, 7), by=signer)
        matter.consider(date(2026, 11, 10), "used", by=signer)
        assert EvaluationRequest.objects.get(pk=matter.pk).state == "considered"

    def test_a_carried_form_keyed_anew_is_verified_anew(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        self.key(cast, play, matter, origin="carried", answers=LOWER)
        matter.refresh_from_db()
        signer = by(cast.signer, Action.RECEIVE, cast.ministry)
        verify(matter, "phone", "agrees", "Đúng", date(2026, 11, 6), by=signer)
        self.key(cast, play, matter, origin="carried")
        assert not EvaluationRequest.objects.get(pk=matter.pk).can_consider()

    def test_the_keyer_does_not_verify_where_there_is_another(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        self.key(cast, play, matter, origin="carried")
        matter.refresh_from_db()
        said = ("phone", "agrees", "Hỏi bí thư", date(2026, 11, 6))
        seat = by(cast.officer, Action.KEY, cast.ministry)
        verify(matter, *said, by=seat)
        factories.official("second", "Mạc Thị Hai", cast.ministry, Role.OFFICER)
        with pytest.raises(Refused, match="không tự đối chiếu"):
            verify(matter, *said, by=seat)

    @pytest.mark.parametrize("step", ["issued", "registered", "assigned"])
    def test_the_portal_ends_the_chasing_at_any_step(self, cast: Cast, play: Season, step: str) -> None:
        getattr(play, step)()
        matter = EvaluationRequest.objects.get()
        seat = by(cast.officer, Action.KEY, cast.ministry)
        reply = record_portal_result(matter, "000.00.12.H17-261105-0001", date(2026, 11, 5), SCAN, by=seat)
        again = record_portal_result(matter, "000.00.12.H17-261105-0001", date(2026, 11, 5), SCAN, by=seat)

        matter.refresh_from_db()
        assert (matter.state, matter.dossier_code) == ("received", "000.00.12.H17-261105-0001")
        assert (again, matter.reply, reply.files.count()) == (reply, reply, 1)


class TestTwice:
    @pytest.fixture
    def version(self, cast: Cast, play: Season) -> AssessmentVersion:
        play.campaign()
        Campaign.objects.update(keyed_twice=True)
        return play.keyed()

    def second(self, cast: Cast) -> Seat:
        person = factories.official("second", "Mạc Thị Hai", cast.ward, Role.OFFICER)
        return by(person, Action.KEY, cast.ward)

    def same(self) -> dict[str, str]:
        return {code: str(answer["option"]) for code, answer in GOOD.items()}

    def test_two_keyings_that_agree_go_on(self, cast: Cast, version: AssessmentVersion) -> None:
        assert version.state == "keyed"
        assert key_again(version, self.same(), by=self.second(cast)) == []
        assert fresh(version).state == "submitted"

    def test_differences_are_settled_against_the_paper(self, cast: Cast, version: AssessmentVersion) -> None:
        seat = self.second(cast)
        assert key_again(version, {**self.same(), "civic_duty": "1"}, by=seat) == ["civic_duty"]
        assert (fresh(version).state, differing(fresh(version))) == ("keyed", ["civic_duty"])

        settle_keying(version, {"civic_duty": LOWER["civic_duty"]}, by=seat)

        assert (fresh(version).state, fresh(version).answers) == ("submitted", LOWER)
        with pytest.raises(Refused, match="đã nhập đủ hai lần"):
            key_again(version, self.same(), by=seat)

    def test_only_what_differs_is_settled(self, cast: Cast, version: AssessmentVersion) -> None:
        seat = self.second(cast)
        key_again(version, {**self.same(), "civic_duty": "1"}, by=seat)
        with pytest.raises(Refused, match="vừa được người khác đối chiếu"):
            settle_keying(version, {"exemplary_conduct": GOOD["exemplary_conduct"]}, by=seat)

    def test_the_second_keyer_is_somebody_else_where_there_is_anybody(
        self, cast: Cast, version: AssessmentVersion
    ) -> None:
        self.second(cast)
        with pytest.raises(Refused, match="Lần hai do cán bộ khác nhập"):
            key_again(version, self.same(), by=keyer(cast))

    def test_a_lone_officer_keys_twice_himself(self, cast: Cast, version: AssessmentVersion) -> None:
        assert key_again(version, self.same(), by=keyer(cast)) == []

    def test_the_cell_cannot_write_into_it_meanwhile(
        self, cast: Cast, play: Season, version: AssessmentVersion
    ) -> None:
        with pytest.raises(Refused):
            play.assessment().write(GOOD, "Khác", by=by(cast.secretary, Action.WRITE, cast.cell))


class TestContest:
    def contest(self, cast: Cast, version: AssessmentVersion) -> Contest:
        return contest(version, "Mục 2 trên giấy khác", by=by(cast.secretary, Action.SUBMIT, cast.cell))

    def test_an_open_contest_holds_the_confirmation(self, cast: Cast, play: Season) -> None:
        version = play.keyed()
        made = self.contest(cast, version)
        seat = by(cast.ward_officer, Action.CONFIRM, cast.ward)
        with pytest.raises(Refused, match="khác với bản giấy"):
            version.confirm(by=seat)

        made.settle("Đã xem lại tờ giấy: đúng như đã nhập.", by=keyer(cast))
        version.confirm(by=seat)
        with pytest.raises(Refused, match="đã được trả lời"):
            made.settle("Lần nữa", by=keyer(cast))

    def test_keying_the_paper_anew_answers_it(self, cast: Cast, play: Season) -> None:
        made = self.contest(cast, play.keyed(answers=LOWER))
        right = key(play.assessment(), play.paper(), by=keyer(cast), expected=1)

        made.refresh_from_db()
        assert (made.corrected_by, made.settled_note) == (right, "Đã nhập lại theo bản giấy (bản thứ 2).")

    def test_a_corrected_text_is_owed_to_who_was_answered(self, cast: Cast, play: Season) -> None:
        wrong = play.keyed(answers=LOWER)
        confirming, signer = keyer(cast), by(cast.ward_signer, Action.REPLY, cast.ward)
        wrong.confirm(by=confirming)
        issue_reply(play.letter(), NumberChoice(), by=signer)
        self.contest(cast, wrong)
        matter = EvaluationRequest.objects.get()
        assert matter.state == "answered"

        right = key(play.assessment(), play.paper(), by=keyer(cast), expected=1)
        assert not EvaluationRequest.objects.corrected()  # the old text stands until the new is confirmed
        right.confirm(by=confirming)
        assert EvaluationRequest.objects.corrected().get() == matter
        second = issue_reply(play.letter(), NumberChoice(), by=signer)

        matter.refresh_from_db()
        assert (matter.reply, matter.answering_version()) == (second, right)

    def test_only_the_cell_contests_and_only_what_was_keyed(self, cast: Cast, play: Season) -> None:
        version = play.keyed()
        with pytest.raises(Refused, match="Chỉ chi bộ có nhận xét này"):
            contest(version, "Sai", by=by(cast.other_secretary, Action.SUBMIT, cast.other_cell))
        self.contest(cast, version)
        with pytest.raises(Refused, match="đã có ý kiến"):
            self.contest(cast, version)

    def test_every_step_leaves_a_line(self, cast: Cast, play: Season) -> None:
        self.contest(cast, play.keyed()).settle("Đúng như giấy", by=keyer(cast))
        verbs = list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))
        assert verbs[-5:] == [
            "AssessmentVersion.key",
            "Document.scan",
            "AssessmentVersion.submitted",
            "Contest.make",
            "Contest.settle",
        ]
