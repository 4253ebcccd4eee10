"""The yearly round played through the verbs, one call a step, so that a test can begin where it wants."""

from datetime import date
from typing import TYPE_CHECKING, Any

from evaluations import letters, tasks
from evaluations.models import Assessment, AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from evaluations.models.assessments import submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.keying import Paper, key
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells, register
from evaluations.rulebooks import load
from members.models import ContactMeeting, JointReview, Member, Organization, Placement, Seat, User
from members.roles import Action
from tests import factories

if TYPE_CHECKING:
    from tests.conftest import Cast

SCAN = b"%PDF-1.4 a sheet of paper"
GOOD: dict[str, Any] = {
    **{criterion.code: {"option": 0, "no_basis": False, "facts": ""} for criterion in load().criteria},
    "recommendation": {"option": 1, "no_basis": False, "facts": ""},
}


def by(person: User, action: Action, organization: Organization) -> Seat:
    """The acting seat, freshly resolved as a request would."""
    return User.objects.get(pk=person.pk).acting(action, organization)


class Season:
    YEAR = 2026

    def __init__(self, cast: "Cast") -> None:
        self.cast = cast

    def campaign(self, **fields: Any) -> Campaign:
        found = Campaign.objects.filter(committee=self.cast.ministry, year=self.YEAR).first()
        return found or Campaign.objects.create(
            committee=self.cast.ministry,
            year=self.YEAR,
            self_criticism_on=fields.get("self_criticism_on", date(2026, 12, 1)),
            due_on=fields.get("due_on", date(2026, 11, 15)),
            prepared_by=by(self.cast.officer, Action.PREPARE, self.cast.ministry),
        )

    def presented(self) -> Campaign:
        campaign = self.campaign()
        campaign.present(by=by(self.cast.officer, Action.PREPARE, self.cast.ministry))
        return campaign

    def issued(self) -> Campaign:
        campaign = self.presented()
        campaign.issue(NumberChoice(), by=by(self.cast.signer, Action.SIGN, self.cast.ministry), on=date(2026, 10, 5))
        return Campaign.objects.get(pk=campaign.pk)

    def letter(self, commune: Organization | None = None) -> Document:
        """The request letter to a commune (the ward by default)."""
        letters = Document.objects.filter(genre=Document.Genre.REQUEST_LETTER, issuer=self.cast.ministry)
        return letters.get(recipient=commune or self.cast.ward, state=Document.State.ISSUED)

    def rendered(self) -> None:
        """What the workers would do: render and deliver everything that waits."""
        for document_id in list(Document.objects.to_render().values_list("pk", flat=True)):
            tasks.render(document_id)
        letters.deliver(list(Letter.objects.due().values_list("pk", flat=True)))

    def registered(self) -> Document:
        if not Campaign.objects.filter(committee=self.cast.ministry, state="open").exists():
            self.issued()
        letter = self.letter()
        register(letter, "17", by=by(self.cast.ward_clerk, Action.REGISTER, self.cast.ward))
        return letter

    def assigned(self, cell: Organization | None = None) -> list[EvaluationRequest]:
        letter = self.registered()
        matters = list(letter.requests.select_related("placement"))
        seat = by(self.cast.ward_officer, Action.ASSIGN, self.cast.ward)
        assign_to_cells(dict.fromkeys(matters, cell or self.cast.cell), by=seat)
        return list(EvaluationRequest.objects.filter(letter=letter))

    def review(self, cell: Organization | None = None) -> JointReview:
        cell = cell or self.cast.cell
        return JointReview.objects.create(
            cell=cell,
            year=self.YEAR,
            held_on=date(2026, 10, 20),
            attendees=[
                {"side": "cell", "name": "Ngô Văn Bí Thư", "position": "Bí thư chi bộ"},
                {"side": "front", "name": "Đinh Thị Mặt Trận", "position": "Trưởng ban công tác Mặt trận"},
            ],
            recorded_by=by(self.cast.secretary, Action.RECORD, cell),
        )

    def meeting(self, held_on: date = date(2026, 5, 15)) -> ContactMeeting:
        seat = by(self.cast.secretary, Action.RECORD, self.cast.cell)
        return ContactMeeting.objects.create(cell=self.cast.cell, held_on=held_on, theme="Gặp mặt", recorded_by=seat)

    def assessment(self, member: Member | None = None) -> Assessment:
        placement = Placement.objects.current().get(member=member or self.cast.asked)
        return Assessment.objects.get_or_create(placement=placement, year=self.YEAR)[0]

    def written(self, answers: dict[str, Any] | None = None, remarks: str = "") -> AssessmentVersion:
        self.assigned()
        return self.assessment().write(
            answers or GOOD, remarks, by=by(self.cast.secretary, Action.WRITE, self.cast.cell)
        )

    def submitted(self, answers: dict[str, Any] | None = None, remarks: str = "") -> AssessmentVersion:
        version = self.written(answers, remarks)
        seat = by(self.cast.secretary, Action.SUBMIT, self.cast.cell)
        submit_complete(self.cast.cell, self.YEAR, self.review(), by=seat)
        return AssessmentVersion.objects.get(pk=version.pk)

    def paper(self, **changes: Any) -> Paper:
        """What the cell's secretary wrote and signed by hand."""
        said: dict[str, Any] = {
            "answers": GOOD,
            "remarks": "Tham gia dọn vệ sinh tổ dân phố ngày 12/9.",
            "met_on": date(2026, 10, 20),
            "on_paper_on": date(2026, 10, 21),
            "signer_name": "Ngô Văn Bí Thư",
            "signer_position": "Bí thư",
            "reason": "no_account",
            "scan": SCAN,
        }
        return Paper(**said | changes)

    def keyed(self, member: Member | None = None, **changes: Any) -> AssessmentVersion:
        """The ward's officer keys the paper of its cell."""
        if member is None:
            self.assigned()
        seat = by(self.cast.ward_officer, Action.KEY, self.cast.ward)
        return key(self.assessment(member), self.paper(**changes), by=seat, expected=0)

    def answered_from_paper(self) -> EvaluationRequest:
        """Keyed by the ward, confirmed, answered."""
        version = self.keyed()
        version.confirm(by=by(self.cast.ward_officer, Action.CONFIRM, self.cast.ward))
        issue_reply(self.letter(), NumberChoice(), by=by(self.cast.ward_signer, Action.REPLY, self.cast.ward))
        return EvaluationRequest.objects.get(assessment=version.assessment)

    def far(self) -> EvaluationRequest:
        """A request to the commune that is on paper only."""
        member = Member.objects.filter(full_name="Hồ Thử Xa").first() or factories.member(
            "Hồ Thử Xa", workplace=self.cast.office_cell, commune=self.cast.far_ward
        )
        self.issued()
        return EvaluationRequest.objects.get(member=member)

    def submit_everybody(self) -> int:
        """Good texts about all of the cell, sent together; how many."""
        seat = by(self.cast.secretary, Action.SUBMIT, self.cast.cell)
        for placement in Placement.objects.active().of_cell(self.cast.cell):
            self.assessment(placement.member).write(GOOD, "", by=seat)
        return submit_complete(self.cast.cell, self.YEAR, self.review(), by=seat)[0]

    def confirmed(self) -> AssessmentVersion:
        version = self.submitted()
        version.confirm(by=by(self.cast.ward_officer, Action.CONFIRM, self.cast.ward))
        return AssessmentVersion.objects.get(pk=version.pk)

    def answered(self) -> EvaluationRequest:
        version = self.confirmed()
        issue_reply(
            self.letter(),
            NumberChoice(),
            by=by(self.cast.ward_signer, Action.REPLY, self.cast.ward),
            on=date(2026, 11, 10),
        )
        return EvaluationRequest.objects.get(assessment=version.assessment)
