"""What the residence side says: written together, sent when complete, confirmed by others, kept as versions."""

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from evaluations.models import Assessment, AssessmentVersion, Consultation, Document, EvaluationRequest
from evaluations.models.assessments import EditedMeanwhile, submit_complete
from evaluations.models.form_facts import form_facts
from evaluations.models.requests import assign_to_cells, register
from evaluations.rulebooks import load
from members.models import Attendance, AuditEvent, JointReview, Member, Seat
from members.roles import Action
from members.states import Refused, WrongState
from tests import factories
from tests.breaking import double
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, Season, by

NONE: dict[str, int] = {"present": 0, "excused": 0, "absent": 0}
CONDUCT, ATTENDANCE = "exemplary_conduct", "meeting_attendance"


def chosen(option: int | None, *, no_basis: bool = False, facts: str = "") -> dict[str, Any]:
    return {"option": option, "no_basis": no_basis, "facts": facts}


def answers(**changed: dict[str, Any]) -> dict[str, Any]:
    return {**GOOD, **changed}


def version_of(remarks: str = "", **changed: dict[str, Any]) -> AssessmentVersion:
    return AssessmentVersion(rulebook="qd213-2020", answers=answers(**changed), remarks=remarks)


@pytest.fixture
def writer(cast: Cast) -> Seat:
    return by(cast.secretary, Action.WRITE, cast.cell)


@pytest.fixture
def submitter(cast: Cast) -> Seat:
    return by(cast.secretary, Action.SUBMIT, cast.cell)


@pytest.fixture
def confirmer(cast: Cast) -> Seat:
    return by(cast.ward_officer, Action.CONFIRM, cast.ward)


@pytest.fixture
def opened(play: Season) -> Assessment:
    """Assigned to the cell; nothing written yet."""
    play.assigned()
    return Assessment.objects.get()


def stored(assessment: Assessment) -> list[dict[str, Any]]:
    return list(assessment.versions.order_by("no").values())


class TestWrite:
    def test_the_first_draft(self, opened: Assessment, writer: Seat) -> None:
        version = opened.write({CONDUCT: chosen(1)}, "Sống hòa nhã.", by=writer)
        version = AssessmentVersion.objects.get(pk=version.pk)
        assert (version.no, version.state, version.rulebook, version.edit_no, version.drafted_by) == (
            1,
            "draft",
            "qd213-2020",
            1,
            writer,
        )
        assert (version.answers, version.remarks) == ({CONDUCT: chosen(1)}, "Sống hòa nhã.")
        event = AuditEvent.objects.get(verb="AssessmentVersion.write")
        assert (event.object_id, event.fields, event.seat) == (version.pk, [CONDUCT], writer)

    def test_later_answers_join_the_earlier(self, opened: Assessment, writer: Seat) -> None:
        opened.write({CONDUCT: chosen(1), ATTENDANCE: chosen(0)}, "Một.", by=writer)
        version = opened.write({ATTENDANCE: chosen(2, facts="Vắng cả năm")}, None, by=writer)
        assert (version.answers, version.remarks, version.edit_no) == (
            {CONDUCT: chosen(1), ATTENDANCE: chosen(2, facts="Vắng cả năm")},
            "Một.",
            2,
        )
        assert opened.write({}, "", by=writer).remarks == ""

    def test_what_was_shown_is_what_is_changed(self, opened: Assessment, writer: Seat) -> None:
        first = opened.write({CONDUCT: chosen(1)}, "Một.", by=writer)
        assert opened.write({CONDUCT: chosen(0)}, None, by=writer, expected=first.edit_no).edit_no == 2
        before = stored(opened)
        with pytest.raises(EditedMeanwhile, match="vừa được lưu ở nơi khác") as refusal:
            opened.write({CONDUCT: chosen(2)}, "Hai.", by=writer, expected=first.edit_no)
        assert (refusal.value.stored.answers, refusal.value.stored.remarks) == ({CONDUCT: chosen(0)}, "Một.")
        assert stored(opened) == before

    def test_somebody_began_while_the_page_was_empty(self, opened: Assessment, writer: Seat) -> None:
        opened.write({CONDUCT: chosen(1)}, None, by=writer)
        with pytest.raises(EditedMeanwhile):
            opened.write({CONDUCT: chosen(2)}, None, by=writer, expected=0)

    def test_nothing_after_it_was_sent(self, play: Season, writer: Seat) -> None:
        version = play.submitted()
        before = stored(version.assessment)
        with pytest.raises(WrongState, match="đã gửi đảng ủy"):
            version.assessment.write({CONDUCT: chosen(2)}, "Khác.", by=writer)
        assert stored(version.assessment) == before

    def test_nobody_about_himself(self, cast: Cast, opened: Assessment, writer: Seat) -> None:
        writer.user.member = cast.asked
        with pytest.raises(Refused, match="không tự nhận xét"):
            opened.write({CONDUCT: chosen(0)}, None, by=writer)
        assert stored(opened) == []

    def test_everything_of_eight_writers_is_kept(
        self, transactional_db: None, opened: Assessment, writer: Seat
    ) -> None:
        codes = [criterion.code for criterion in load().criteria]
        race(5, lambda n: Assessment.objects.get().write({codes[n]: chosen(n % 2)}, None, by=writer))
        version = AssessmentVersion.objects.get()
        assert version.answers == {code: chosen(n % 2) for n, code in enumerate(codes)}
        assert (version.edit_no, version.no) == (5, 1)


class TestMissing:
    def test_complete(self) -> None:
        assert version_of().missing(NONE) == []

    def test_empty(self) -> None:
        version = AssessmentVersion(rulebook="qd213-2020", answers={})
        assert version.missing(NONE) == [
            "Chưa đánh giá mục 1 (Nêu gương).",
            "Chưa đánh giá mục 2 (Nghĩa vụ công dân).",
            "Chưa đánh giá mục 3 (Tham gia họp).",
            "Chưa đánh giá mục 4 (Giữ mối liên hệ).",
            "Chưa đánh giá mục 5 (Phong trào khu dân cư).",
            "Chưa chọn phần Đề nghị.",
        ]

    def test_the_lowest_option_must_be_explained(self) -> None:
        lowest = chosen(2)
        assert version_of(civic_duty=lowest).missing(NONE) == [
            "Mục 2 chọn “Chưa gương mẫu”: ghi rõ sự việc ở phần Nhận xét khác."
        ]
        assert version_of("  \n ", civic_duty=lowest).missing(NONE) != []
        assert version_of("Ba lần đổ rác sai nơi quy định.", civic_duty=lowest).missing(NONE) == []

    def test_a_proposal_to_consider_handling_must_be_explained(self) -> None:
        proposal = chosen(2)
        assert version_of(recommendation=proposal).missing(NONE) == [
            "Đề nghị “Xem xét xử lý”: ghi rõ sự việc ở phần Nhận xét khác."
        ]
        assert version_of("Xây nhà trái phép.", recommendation=proposal).missing(NONE) == []
        assert version_of(recommendation=chosen(0)).missing(NONE) == []

    def test_no_basis_needs_its_reason(self) -> None:
        assert version_of(civic_duty=chosen(None, no_basis=True, facts=" ")).missing(NONE) == [
            "Mục 2: ghi lý do không có cơ sở để đánh giá."
        ]
        assert version_of(civic_duty=chosen(None, no_basis=True, facts="Đi công tác cả năm")).missing(NONE) == []

    def test_full_attendance_beside_absences_must_be_explained(self) -> None:
        absent = {"present": 1, "excused": 0, "absent": 2}
        sentence = "Mục 3 chọn “Tham gia đầy đủ” trong khi vắng không lý do 2 cuộc họp."
        assert version_of().missing(absent) == [f"{sentence} Ghi lý do ở phần Nhận xét khác."]
        assert version_of().mismatches(absent) == [sentence]
        assert version_of("Hai cuộc họp trùng giờ làm việc.").missing(absent) == []
        assert version_of(meeting_attendance=chosen(1)).missing(absent) == []
        assert version_of().missing({"present": 0, "excused": 5, "absent": 0}) == []

    def test_all_at_once(self) -> None:
        version = version_of(exemplary_conduct=chosen(2), civic_duty=chosen(None), recommendation=chosen(2))
        assert len(version.missing({"present": 0, "excused": 0, "absent": 1})) == 4


class TestSubmit:
    def test_to_the_commune(self, play: Season, submitter: Seat) -> None:
        version, review = play.written(), play.review()
        version.submit(review, by=submitter, attendance=NONE)
        version = AssessmentVersion.objects.get()
        assert (version.state, version.submitted_by, version.joint_review) == ("submitted", submitter, review)

    def test_incomplete(self, play: Season, submitter: Seat) -> None:
        version = play.written(answers(recommendation=chosen(None)))
        with pytest.raises(Refused, match="Chưa chọn phần Đề nghị"):
            version.submit(play.review(), by=submitter, attendance=NONE)
        assert AssessmentVersion.objects.get().state == "draft"

    def test_the_review_of_another_cell(self, cast: Cast, play: Season, submitter: Seat) -> None:
        version = play.written()
        review = play.review()
        JointReview.objects.update(cell=cast.other_cell)
        review.refresh_from_db()
        with pytest.raises(Refused, match="không thuộc chi bộ hoặc năm nhận xét này"):
            version.submit(review, by=submitter, attendance=NONE)

    def test_the_review_of_another_year(self, play: Season, submitter: Seat) -> None:
        version, review = play.written(), play.review()
        review.year = 2025
        with pytest.raises(Refused, match="không thuộc chi bộ hoặc năm nhận xét này"):
            version.submit(review, by=submitter, attendance=NONE)

    def test_what_is_stored_counts_not_what_an_old_page_shows(
        self, play: Season, writer: Seat, submitter: Seat
    ) -> None:
        old_page = play.written()
        old_page.assessment.write({"recommendation": chosen(None)}, None, by=writer)
        with pytest.raises(Refused, match="Chưa chọn phần Đề nghị"):
            old_page.submit(play.review(), by=submitter, attendance=NONE)
        assert AssessmentVersion.objects.get().state == "draft"

    def test_nobody_about_himself(self, cast: Cast, play: Season, submitter: Seat) -> None:
        version = play.written()
        submitter.user.member = cast.asked
        with pytest.raises(Refused, match="không tự nhận xét"):
            version.submit(play.review(), by=submitter, attendance=NONE)

    def test_twice(self, play: Season, submitter: Seat) -> None:
        version = play.submitted()
        with pytest.raises(WrongState):
            version.submit(JointReview.objects.get(), by=submitter, attendance=NONE)

    def test_writing_and_sending_at_once(
        self, transactional_db: None, play: Season, writer: Seat, submitter: Seat
    ) -> None:
        """Whoever comes second: what was sent is complete, and nothing is written into it afterwards."""
        version, review = play.written(), play.review()

        def act(number: int) -> None:
            if number % 2:
                AssessmentVersion.objects.get().submit(review, by=submitter, attendance=NONE)
            else:
                Assessment.objects.get().write({"recommendation": chosen(None)}, None, by=writer)

        race(8, act)
        version = AssessmentVersion.objects.get()
        assert (version.state == "submitted") == (version.missing(NONE) == [])


class TestSubmitComplete:
    def test_sends_what_is_complete_and_keeps_the_rest(
        self, cast: Cast, play: Season, writer: Seat, submitter: Seat
    ) -> None:
        names = ["Lê Văn Đủ", "Lê Văn Thiếu", "Lê Văn Trống"]
        people = [factories.member(name, workplace=cast.office_cell, commune=cast.ward) for name in names]
        play.assigned()
        texts = [(cast.asked, GOOD), (people[0], GOOD), (people[1], {CONDUCT: chosen(0)})]
        for person, text in texts:
            play.assessment(person).write(text, "", by=writer)
        assert submit_complete(cast.cell, 2026, play.review(), by=submitter) == (2, 1)
        states = AssessmentVersion.objects.values_list("assessment__placement__member__full_name", "state")
        assert dict(states) == {"Trần Thị Thử": "submitted", "Lê Văn Đủ": "submitted", "Lê Văn Thiếu": "draft"}
        assert submit_complete(cast.cell, 2026, JointReview.objects.get(), by=submitter) == (0, 1)

    def test_absences_are_looked_up(self, cast: Cast, play: Season, submitter: Seat) -> None:
        version, meeting = play.written(), play.meeting()
        placement = version.assessment.placement
        Attendance.objects.create(meeting=meeting, placement=placement, status="absent", recorded_by=submitter)
        assert submit_complete(cast.cell, 2026, play.review(), by=submitter) == (0, 1)

    def test_the_secretary_own_stays(self, cast: Cast, play: Season) -> None:
        play.written()
        cast.secretary.member = cast.asked
        cast.member_user.member = None
        cast.member_user.save()
        cast.secretary.save()
        own = by(cast.secretary, Action.SUBMIT, cast.cell)
        assert submit_complete(cast.cell, 2026, play.review(), by=own) == (0, 1)


class TestConfirm:
    def test_locks_the_text_and_issues_the_form(self, cast: Cast, play: Season, confirmer: Seat) -> None:
        version = play.submitted()
        form = version.confirm(by=confirmer)
        version = AssessmentVersion.objects.get()
        assert (version.state, version.confirmed_by, version.form) == ("confirmed", confirmer, form)
        assert (form.genre, form.issuer, form.recipient, form.number, form.state, form.issued_on) == (
            "assessment_form",
            cast.cell,
            None,
            None,
            "issued",
            timezone.localdate(),
        )
        assert list(Document.objects.to_render().filter(genre="assessment_form")) == [form]

    def test_by_whoever_sent_it(self, cast: Cast, play: Season) -> None:
        version = play.submitted()
        factories.seat(cast.secretary, cast.ward, factories.Role.OFFICER)
        own = by(cast.secretary, Action.CONFIRM, cast.ward)
        assert version.can_confirm(own) is False
        with pytest.raises(Refused, match="không tự xác nhận"):
            version.confirm(by=own)
        assert AssessmentVersion.objects.get().state == "submitted"

    def test_by_whoever_sent_it_on_an_old_page(self, cast: Cast, play: Season, submitter: Seat) -> None:
        old_page = play.written()
        AssessmentVersion.objects.get().submit(play.review(), by=submitter, attendance=NONE)
        factories.seat(cast.secretary, cast.ward, factories.Role.OFFICER)
        with pytest.raises(Refused, match="không tự xác nhận"):
            old_page.confirm(by=by(cast.secretary, Action.CONFIRM, cast.ward))

    def test_by_whom_it_is_about(self, cast: Cast, play: Season, confirmer: Seat) -> None:
        version = play.submitted()
        confirmer.user.member = cast.asked
        assert version.can_confirm(confirmer) is False
        with pytest.raises(Refused, match="không tự nhận xét, tự xác nhận"):
            version.confirm(by=confirmer)

    def test_before_it_was_sent(self, play: Season, confirmer: Seat) -> None:
        version = play.written()
        assert version.can_confirm(confirmer) is False
        with pytest.raises(WrongState):
            version.confirm(by=confirmer)

    def test_twice(self, play: Season, confirmer: Seat) -> None:
        version = play.confirmed()
        with pytest.raises(WrongState):
            version.confirm(by=confirmer)
        assert Document.objects.filter(genre="assessment_form").count() == 1

    def test_a_later_version_replaces_text_and_form(self, play: Season, confirmer: Seat) -> None:
        first = play.confirmed()
        double(first, no=2, state="submitted", confirmed_at=None, confirmed_by=None, remarks="Bổ sung.")()
        second = AssessmentVersion.objects.get(no=2)
        second.confirm(by=confirmer)
        states = AssessmentVersion.objects.order_by("no").values_list("no", "state", "form__state")
        assert list(states) == [(1, "replaced", "replaced"), (2, "confirmed", "issued")]
        assert first.assessment.confirmed_version() == second
        assert EvaluationRequest.objects.get().answering_version() == second

    def test_eight_confirm(self, transactional_db: None, play: Season, confirmer: Seat) -> None:
        play.submitted()
        results = race(8, lambda _: AssessmentVersion.objects.get().confirm(by=confirmer))
        assert [type(result) for result in results].count(Document) == 1
        assert Document.objects.filter(genre="assessment_form").count() == 1


class TestSendBack:
    def test_the_next_version_begins_with_the_same_words(self, play: Season, confirmer: Seat, writer: Seat) -> None:
        first = play.submitted(remarks="Tham gia tốt.")
        second = first.send_back("vague", " Ghi rõ đã làm việc gì. ", by=confirmer)
        first.refresh_from_db()
        assert (first.state, first.return_code, first.return_note, first.returned_by) == (
            "returned",
            "vague",
            "Ghi rõ đã làm việc gì.",
            confirmer,
        )
        second = AssessmentVersion.objects.get(pk=second.pk)
        assert (second.no, second.state, second.answers, second.remarks, second.drafted_by) == (
            2,
            "draft",
            GOOD,
            "Tham gia tốt.",
            first.drafted_by,
        )
        assert (second.joint_review, second.submitted_by, second.edit_no) == (None, None, 0)
        assert first.assessment.latest() == second
        first.assessment.write({}, "Dọn vệ sinh ngày 15/5.", by=writer, expected=0)
        assert [row["remarks"] for row in stored(first.assessment)] == ["Tham gia tốt.", "Dọn vệ sinh ngày 15/5."]

    @pytest.mark.parametrize(("code", "note"), [("", "Câu."), ("unheard", "Câu."), ("vague", "  ")])
    def test_not_without_code_and_sentence(self, play: Season, confirmer: Seat, code: str, note: str) -> None:
        version = play.submitted()
        with pytest.raises(Refused, match="Chọn lý do và ghi một câu"):
            version.send_back(code, note, by=confirmer)
        assert [row["state"] for row in stored(version.assessment)] == ["submitted"]

    def test_not_after_it_was_confirmed(self, play: Season, confirmer: Seat) -> None:
        version = play.confirmed()
        with pytest.raises(WrongState):
            version.send_back("vague", "Câu.", by=confirmer)
        assert AssessmentVersion.objects.count() == 1


class TestFormFacts:
    def test_one_form_in_full(self, cast: Cast, play: Season, submitter: Seat) -> None:
        meetings = [play.meeting(date(2026, 5, 15)), play.meeting(date(2026, 10, 18)), play.meeting(date(2026, 8, 1))]
        placement = cast.asked.placements.get()
        for meeting, status in zip(meetings, ["present", "absent"], strict=False):
            Attendance.objects.create(meeting=meeting, placement=placement, status=status, recorded_by=submitter)
        text = answers(
            civic_duty=chosen(1, facts="Vận động ba hộ hiến đất"),
            meeting_attendance=chosen(1),
            community_activity=chosen(None, no_basis=True, facts="Mới về ở từ tháng 11"),
        )
        version = play.submitted(text, "Có trách nhiệm với khu dân cư.")
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        day = timezone.localdate()
        month = f"{day.month:02d}" if day.month < 3 else str(day.month)
        book = load()
        rated: list[tuple[int | None, bool, str]] = [
            (0, False, ""),
            (1, False, "Vận động ba hộ hiến đất"),
            (1, False, ""),
            (0, False, ""),
            (None, True, ""),
        ]
        assert version.form.facts == {
            "head": {
                "superior": "ĐẢNG BỘ PHƯỜNG AN HẢI",
                "issuer": "CHI BỘ TỔ DÂN PHỐ 7",
                "sign": "",
                "place": "An Hải",
            },
            "signature": {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": ""},
            "member": {
                "name": "Trần Thị Thử",
                "birth": "28/06/1980",
                "sex": "Nữ",
                "joined_on": "2010-05-19",
                "workplace": "Đảng ủy Sở Thử Nghiệm",
                "workplace_cell": "Chi bộ Văn phòng",
                "position": "Chuyên viên",
                "residence": f"{cast.asked.address}, Tổ dân phố 7, phường An Hải",
            },
            "year": 2026,
            "purpose_text": "kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026",
            "review": {
                "held_on": "2026-10-20",
                "cell": ["Ngô Văn Bí Thư, Bí thư chi bộ"],
                "front": ["Đinh Thị Mặt Trận, Trưởng ban công tác Mặt trận"],
            },
            "criteria": [
                {
                    "no": criterion.no,
                    "text": criterion.text,
                    "options": list(criterion.options),
                    "chosen": option,
                    "no_basis": no_basis,
                    "facts": facts,
                }
                for criterion, (option, no_basis, facts) in zip(book.criteria, rated, strict=True)
            ],
            "recommendation": {
                "text": "Đề nghị",
                "options": ["Biểu dương", "Không đề nghị", "Xem xét xử lý"],
                "chosen": 1,
            },
            "attendance": {
                "held": 3,
                "present": 1,
                "excused": 0,
                "absent": 1,
                "lines": ["15/05/2026: có mặt", "18/10/2026: vắng không lý do"],
            },
            "no_basis_reasons": [{"no": 5, "reason": "Mới về ở từ tháng 11"}],
            "remarks": "Có trách nhiệm với khu dân cư.",
            "labels": [],
            "confirmation": {
                "authority": "XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI",
                "line": f"Ngày {day.day:02d} tháng {month} năm {day.year}",
                "position": "BÍ THƯ",
                "name": "Lê Văn Mẫu",
            },
        }

    def test_frozen_when_confirmed(self, cast: Cast, play: Season) -> None:
        version = play.confirmed()
        before = version.form.facts
        Member.objects.update(full_name="Tên Đã Đổi")
        cast.ward.signer_name = "Người Ký Sau"
        cast.ward.save()
        assert AssessmentVersion.objects.get().form.facts == before
        assert form_facts(AssessmentVersion.objects.get())["member"]["name"] == "Tên Đã Đổi"


class TestOneReviewAnswersAll:
    """The assessment belongs to the placement and the year, whoever asks and whenever."""

    def test_a_request_after_the_confirmation_is_ready_at_once(self, cast: Cast, play: Season, confirmer: Seat) -> None:
        version = play.confirmed()
        first = EvaluationRequest.objects.get()
        asker = Consultation.objects.create(
            asker=cast.other_ministry, purpose="nomination", due_on=date(2026, 12, 1), prepared_by=confirmer
        )
        letter = Document.objects.create(
            key="another", genre="request_letter", issuer=cast.other_ministry, recipient=cast.ward, facts={"year": 2026}
        )
        issued = {"state": "issued", "issued_on": date(2026, 11, 1), "issued_at": timezone.now()}
        Document.objects.filter(pk=letter.pk).update(issued_by=confirmer, **issued)
        double(first, campaign=None, consultation=asker, letter=letter, state="issued", assessment=None)()
        register(letter, "31", by=by(cast.ward_clerk, Action.REGISTER, cast.ward))
        second = EvaluationRequest.objects.select_related("placement").get(consultation=asker)
        assert (second.state, letter.requests.confirmed().count()) == ("at_commune", 0)

        assert assign_to_cells({second: cast.cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward)) == 1

        second.refresh_from_db()
        assert (second.state, second.assessment) == ("at_cell", version.assessment)
        assert list(letter.requests.confirmed()) == [second]
        assert second.answering_version() == version
        assert Assessment.objects.count() == 1

    def test_the_other_purpose_is_another_matter(self, play: Season, opened: Assessment) -> None:
        """An assessment on a special occasion never answers the yearly request."""
        occasion = Assessment(placement=opened.placement, year=2026, purpose="ad_hoc")
        EvaluationRequest.objects.update(state="at_commune", assessment=None, residence_cell=None)
        opened.delete()
        occasion.save()
        matter = EvaluationRequest.objects.select_related("placement").get()
        seat = by(play.cast.ward_officer, Action.ASSIGN, play.cast.ward)
        assign_to_cells({matter: play.cast.cell}, by=seat)
        matter.refresh_from_db()
        assert matter.assessment
        assert matter.assessment.purpose == "annual"
