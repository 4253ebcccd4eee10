"""Facts of the papers around a cell's meetings: minutes of the joint review, invitations to a contact meeting."""

from typing import Any

from django.utils import timezone

from evaluations.models.assessments import Assessment, AssessmentVersion, draft_assessments
from members.models import ContactMeeting, JointReview, Placement

State = AssessmentVersion.State
GONE_UP = (State.SUBMITTED, State.CONFIRMED)


def joint_minutes(review: JointReview) -> dict[str, Any]:
    """Facts of templates/documents/joint_minutes.html: whom the meeting reviewed, with what is written so far.

    A text that was sent up with another meeting belongs into the minutes of that one.
    """
    cell, rows = review.cell, draft_assessments(review.cell, review.year)
    reviewed = [(row, row.latest()) for row in rows]
    mine = [
        (row, version)
        for row, version in reviewed
        if version is None or version.state not in GONE_UP or version.joint_review_id == review.pk
    ]
    chiefs = review.names("cell")
    return {
        "head": cell.letterhead("BB"),
        "held_on": review.held_on.isoformat(),
        "place": "",
        "year": review.year,
        "body": f"Chi ủy {cell.name}",
        "cell": chiefs,
        "front": review.names("front"),
        "chair": next((name for name in chiefs if "bí thư" in name.lower() and "phó" not in name.lower()), ""),
        "rows": [_row(no, row, version) for no, (row, version) in enumerate(mine, 1)],
    }


def _row(no: int, row: Assessment, version: AssessmentVersion | None) -> dict[str, Any]:
    placement = row.placement
    return {
        "no": no,
        "name": placement.member.full_name,
        "birth_year": placement.member.birth_year,
        "workplace": getattr(placement, "workplace", "") or "",
        "results": _results(version) if version else [],
        "remarks": version.remarks if version else "",
    }


def _results(version: AssessmentVersion) -> list[str]:
    """The steps that were chosen, in words; nothing about what is still open."""
    book, said = version.book, []
    for criterion in book.criteria:
        answer = version.answer(criterion.code)
        if answer["no_basis"]:
            said.append(f"{criterion.no}. không có cơ sở đánh giá")
        elif answer["option"] is not None:
            said.append(f"{criterion.no}. {criterion.options[answer['option']]}")
    chosen = version.answer("recommendation")["option"]
    proposal = [] if chosen is None else [f"{book.recommendation.text}: {book.recommendation.options[chosen]}"]
    return ["; ".join(said), *proposal] if said else proposal


def invitations(meeting: ContactMeeting) -> dict[str, Any]:
    """Facts of templates/documents/invitation.html: half a sheet for everybody who takes part in the cell's life.

    Hour and place are not kept: they are written by hand, as is whoever of the residents comes.
    """
    cell = meeting.cell
    guests = Placement.objects.active().of_cell(cell)
    return {
        "head": cell.letterhead(),
        "signature": cell.signature(),
        "subject": SUBJECTS[ContactMeeting.Kind(meeting.kind)],
        "body": f"Chi ủy {cell.name}",
        "written_on": timezone.localdate().isoformat(),
        "held_on": meeting.held_on.isoformat(),
        "time": "",
        "place": "",
        "theme": meeting.theme,
        "guests": [
            {
                "name": placement.member.full_name,
                "workplace": getattr(placement, "workplace", "") or "",
                "residence": placement.member.address,
            }
            for placement in guests
        ],
    }


SUBJECTS = {
    ContactMeeting.Kind.PERIODIC: "gặp mặt đảng viên giữ mối liên hệ nơi cư trú",
    ContactMeeting.Kind.AD_HOC: "dự họp chuyên đề tại nơi cư trú",
    ContactMeeting.Kind.RESIDENTS: "dự họp nhân dân tại nơi cư trú",
}
