"""What is open at one (organisation, role): it stays there whoever comes and goes, and is listed when seats change."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Assessment, AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from evaluations.models.replies import replies_due
from members.models import Organization
from members.roles import Role

State = EvaluationRequest.State


@dataclass(frozen=True)
class Item:
    """One kind of open work, as a line of the page and of the minutes."""

    words: str
    count: int
    url: str = ""


def open_work(organization: Organization, role: str) -> list[Item]:
    """Everything that waits there, the same list for every role that could do it; nothing names a person."""
    if organization.kind == Organization.Kind.CELL:
        return _kept(_of_cell(organization)) if organization.side == Organization.Side.RESIDENCE else []
    return _kept([*_of_commune(organization, role), *_of_workplace(organization, role)])


def _kept(items: list[Item]) -> list[Item]:
    return [item for item in items if item.count]


def _of_cell(cell: Organization) -> list[Item]:
    year = timezone.localdate().year
    grid = reverse("evaluations:cell_grid", args=[cell.pk, year])
    waiting = EvaluationRequest.objects.filter(residence_cell=cell, state=State.AT_CELL)
    sent = AssessmentVersion.objects.filter(state__in=["submitted", "confirmed"]).values("assessment")
    texts = AssessmentVersion.objects.filter(assessment__placement__cell=cell)
    drafts = texts.filter(state="draft")
    return [
        Item("đề nghị nhận xét chưa gửi đảng ủy", waiting.exclude(assessment__in=sent).count(), grid),
        Item("bản nhận xét đang soạn", drafts.filter(no=1).count(), grid),
        Item("bản nhận xét đảng ủy đề nghị bổ sung, hoàn chỉnh", drafts.filter(no__gt=1).count(), grid),
        Item("bản nhận xét đã gửi, chờ đảng ủy xác nhận", texts.filter(state="submitted").count(), grid),
        Item(
            "nội dung nhập từ bản giấy đã có ý kiến, chờ trả lời",
            texts.filter(contests__settled_at=None, contests__isnull=False).distinct().count(),
            reverse("evaluations:keyed_list", args=[cell.pk, year]),
        ),
        Item(
            "đồng chí do người đã thôi nhiệm vụ theo dõi, cần phân công lại",
            left_behind(cell).count(),
            reverse("evaluations:cell_share", args=[cell.pk, year]),
        ),
    ]


def left_behind(cell: Organization) -> QuerySet[Assessment]:
    """This year's members whose follower no longer holds his seat."""
    today = timezone.localdate()
    rows = Assessment.objects.filter(placement__cell=cell, placement__until_on=None, year=today.year)
    return rows.filter(followed_by__until_on__lt=today)


def _of_commune(ward: Organization, role: str) -> list[Item]:
    if not ward.unit:
        return []
    asked = EvaluationRequest.objects.filter(residence_commune=ward)
    texts = AssessmentVersion.objects.filter(assessment__placement__commune=ward)
    letters = Document.objects.filter(
        recipient=ward, genre=Document.Genre.REQUEST_LETTER, state=Document.State.ISSUED, registered_at=None
    )
    register = Item("công văn đến chưa vào sổ", letters.count(), reverse("evaluations:letters_in"))
    if role == Role.CLERK:
        return [register, _unsent(ward)]
    confirm = texts.filter(state="submitted").count()
    keyed = texts.filter(state="keyed").count()
    to_sign = [row for row in replies_due(ward) if row.to_send]
    replies = reverse("evaluations:replies", args=[ward.pk])
    items = [
        Item("nhận xét chờ xác nhận", confirm, reverse("evaluations:confirm_list", args=[ward.pk])),
        Item("công văn đến chờ ký trả lời", len(to_sign), replies),
        Item("đề nghị bổ sung của nơi công tác", asked.filter(state=State.RETURN_ASKED).count(), replies),
    ]
    if role == Role.SIGNER:
        return items
    assign = Item(
        "đồng chí chờ phân về chi bộ",
        asked.filter(state=State.AT_COMMUNE).count(),
        reverse("evaluations:assign", args=[ward.pk]),
    )
    return [register, assign, *items, Item("bản giấy chờ nhập lần hai", keyed, reverse("evaluations:key_list"))]


def _unsent(organization: Organization) -> Item:
    letters = Letter.objects.filter(document__issuer=organization, channel=Letter.Channel.PRINT)
    return Item("công văn giấy chưa gửi đi", letters.filter(state__in=["queued", "rendered"]).count())


def _of_workplace(committee: Organization, role: str) -> list[Item]:
    campaigns = Campaign.objects.filter(committee=committee)
    pages = reverse("evaluations:campaign_list")
    unsigned = Document.objects.filter(issuer=committee, state=Document.State.FOR_SIGNATURE)
    items = [Item("công văn đã trình, chờ ký phát hành", unsigned.count(), pages)]
    if role == Role.CLERK:
        return []
    given_back = Document.objects.filter(issuer=committee, state=Document.State.DRAFT).exclude(return_note="")
    asked = EvaluationRequest.objects.filter(asker_now=committee)
    items += [
        Item("đợt lấy ý kiến đang soạn", campaigns.filter(state=Campaign.State.DRAFT).count(), pages),
        Item("đợt lấy ý kiến đang mở", campaigns.filter(state=Campaign.State.OPEN).count(), pages),
        Item("công văn người ký trả lại, cần sửa", given_back.count(), pages),
        Item("đề nghị chờ nơi cư trú trả lời", asked.awaiting_answer().count(), pages),
        Item("nhận xét đã về, chưa mở đọc", asked.filter(state=State.ANSWERED).count(), pages),
        Item("nhận xét chưa ghi đã sử dụng khi kiểm điểm", asked.filter(state=State.RECEIVED).count(), pages),
    ]
    return items if role == Role.OFFICER else [items[0], *items[2:3], *items[5:]]


def minutes(organization: Organization, role: str, said: dict[str, Any]) -> dict[str, Any]:
    """The facts of templates/documents/hand_over.html."""
    return {
        "head": organization.letterhead("BB"),
        "title": "BIÊN BẢN",
        "abstract": f"bàn giao nhiệm vụ {Role(role).label.lower()}",
        "organization": organization.name,
        "work": [{"no": no, "words": item.words, "count": item.count} for no, item in enumerate(said["work"], 1)],
        **{name: said[name] for name in ("on", "giver", "giver_since", "receiver", "receiver_since", "paper", "note")},
    }
