"""What a công văn trả lời says, frozen when it is issued; and the letter it answers, on the system or on paper."""

from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.campaigns import Campaign
from evaluations.models.documents import Document
from evaluations.models.requests import EvaluationRequest, IncomingLetter, RequestQuerySet
from evaluations.rulebooks import load
from members.models import Membership, Organization
from members.models.tree_changes import successor

ENCLOSED = "Phiếu nhận xét kèm theo"
State = EvaluationRequest.State


class Asking:
    """One asker's letter as the commune answers it: issued here (Document) or arrived on paper (IncomingLetter)."""

    def __init__(self, letter: Document | IncomingLetter) -> None:
        self.letter = letter if isinstance(letter, Document) else None
        self.incoming = letter if isinstance(letter, IncomingLetter) else None
        self.requests: RequestQuerySet = letter.requests.all()

    @property
    def ids(self) -> tuple[int | None, int | None]:
        return (self.letter.pk if self.letter else None, self.incoming.pk if self.incoming else None)

    @property
    def commune(self) -> Organization:
        commune = self.letter.recipient if self.letter else self.incoming.commune if self.incoming else None
        assert commune is not None
        return commune

    @property
    def asker(self) -> Organization:
        if self.letter:
            return successor(self.letter.issuer)
        assert self.incoming is not None
        return successor(self.incoming.asker)

    @property
    def campaign(self) -> Campaign | None:
        return self.letter.campaign if self.letter else None

    @property
    def dated_on(self) -> date:
        on = self.letter.issued_on if self.letter else self.incoming.dated_on if self.incoming else None
        return on or date.max

    @property
    def label(self) -> str:
        if self.letter:
            return self.letter.label or "Không số"
        return f"Số {self.incoming.number}" if self.incoming else ""

    @property
    def reference(self) -> dict[str, str] | None:
        """How the reply names the letter; None when it went out without a number."""
        number = self.incoming.number if self.incoming else ""
        if self.letter and self.letter.number:
            number = self.letter.numbered
        return {"number": number, "issued_on": self.dated_on.isoformat()} if number else None

    @property
    def year(self) -> int:
        if self.letter:
            return int(self.letter.facts["year"])
        return self.requests.values_list("year", flat=True).order_by("-year")[0]

    @property
    def key(self) -> str:
        return f"reply:{self.letter.pk}" if self.letter else f"reply:incoming:{self.incoming and self.incoming.pk}"

    def replies(self) -> QuerySet[Document]:
        """The replies this letter has got so far, in their order."""
        return Document.objects.filter(genre=Document.Genre.REPLY_LETTER, key__startswith=f"{self.key}:").order_by("pk")

    def places(self) -> dict[int, int]:
        """{request id: its number in the asker's own list}; a paper list was entered in its order."""
        if self.letter is None or self.letter.keyed_by_id:
            return {pk: no for no, pk in enumerate(self.requests.order_by("pk").values_list("pk", flat=True), 1)}
        rows = self.letter.facts.get("rows", [])
        if all("request" in row for row in rows):
            return {row["request"]: row["no"] for row in rows}
        # Letters from before 11/2026 do not say which request a line is.
        lines = {(row["name"], row["birth"]): row["no"] for row in rows}
        matters = self.requests.select_related("member")
        return {matter.pk: lines.get((matter.member.full_name, matter.member.birth), 0) for matter in matters}


def reply_facts(
    asking: Asking, ready: list[int], declined: list[int], corrected: list[int], copies: int
) -> dict[str, Any]:
    """The frozen facts of templates/documents/reply_letter.html."""
    year, counts = asking.year, _counts(asking, ready, declined, corrected)
    round_no = 1 + sum(
        bool(facts["counts"].get("enclosed", 1)) for facts in asking.replies().values_list("facts", flat=True)
    )
    is_partial = bool(ready) and bool(counts["remaining"] or round_no > 1)
    rows = _rows(asking, [*ready, *declined, *corrected])
    kept = f" ({copies - 1:02d} bản)" if copies > 2 else ""
    return {
        "abstract": f"nhận xét đảng viên đang công tác giữ mối liên hệ nơi cư trú năm {year}",
        "to": asking.asker.name,
        "reference": asking.reference,
        "year": year,
        "rows": rows,
        "enclosures": len(ready) + len(corrected),
        # A part of the list, or a list that begins elsewhere, is found again by the asker's own numbers.
        "is_numbered": any(row["listed_no"] != row["no"] for row in rows),
        "counts": counts,
        "partial": {"round": round_no, "now": len(ready)} if is_partial else None,
        "corrects": _corrects([*ready, *corrected]),
        "copies": copies,
        "recipients": ["Như trên", f"Lưu {asking.commune.name}{kept}"],
    }


def _counts(asking: Asking, ready: list[int], declined: list[int], corrected: list[int]) -> dict[str, int]:
    """`enclosed` goes with this letter, `before` went with earlier ones; `answered` is both."""
    asked = asking.requests.exclude(state__in=EvaluationRequest.WITHDRAWN)
    before = asked.filter(state__in=EvaluationRequest.REPLIED).count()
    all_declined = asked.filter(state=State.DECLINED).count()
    total = asked.count()
    return {
        "asked": total,
        "answered": before + len(ready),
        "enclosed": len(ready),
        "before": before,
        "corrected": len(corrected),
        "declined": all_declined,
        "declined_now": len(declined),
        "remaining": total - before - len(ready) - all_declined,
    }


def _corrects(enclosed: list[int]) -> list[dict[str, str]]:
    """The replies whose forms are replaced by this one's."""
    old = Document.objects.filter(answered_requests__in=enclosed).distinct().order_by("issued_on", "pk")
    return [_named(reply) for reply in old]


def _named(reply: Document) -> dict[str, str]:
    assert reply.issued_on is not None
    return {"number": reply.numbered, "issued_on": reply.issued_on.isoformat()}


def _rows(asking: Asking, ids: list[int]) -> list[dict[str, Any]]:
    """In the workplace's own order: that of the list it sent."""
    places, forms = asking.places(), _forms(ids)
    chosen = EvaluationRequest.objects.filter(pk__in=ids)
    matters = list(chosen.select_related("member", "residence_cell", "placement__cell", "campaign", "reply"))
    matters.sort(key=lambda matter: (places.get(matter.pk, 0), matter.member.sort_key, matter.pk))
    open_memberships = Membership.objects.filter(until_on=None, member__requests__in=ids)
    cells = dict(open_memberships.values_list("member_id", "cell__name"))
    return [
        {
            "no": no,
            "listed_no": places.get(matter.pk, 0),
            "request": matter.pk,
            "form": forms.get(matter.assessment_id) if matter.state != State.DECLINED else None,
            "name": matter.member.full_name,
            "birth": matter.member.birth,
            "workplace_cell": cells.get(matter.member_id, ""),
            "cell": matter.residence_cell.name if matter.residence_cell else "",
            "result": _result(matter),
        }
        for no, matter in enumerate(matters, 1)
    ]


def _forms(ids: list[int]) -> dict[int | None, int]:
    """{assessment id: its form in force}"""
    confirmed = AssessmentVersion.objects.filter(
        Exists(EvaluationRequest.objects.filter(assessment=OuterRef("assessment"), pk__in=ids)), state="confirmed"
    )
    return dict(confirmed.values_list("assessment_id", "form__pk"))


def _result(matter: EvaluationRequest) -> str:
    if matter.state == State.DECLINED:
        return f"Chuyển lại: {decline_reason(matter)}"
    return f"{ENCLOSED}, thay Phiếu gửi kèm Công văn số {_named(matter.reply)['number']}" if matter.reply else ENCLOSED


def decline_reason(matter: EvaluationRequest) -> str:
    """The coded reason in the rulebook's words, with the note when there is one."""
    book = matter.campaign.book if matter.campaign else load()
    words = book.decline_codes.get(matter.end_code, matter.end_note)
    words = words[:1].lower() + words[1:]
    return f"{words} ({matter.end_note})" if matter.end_note and matter.end_code == "other" else words
