"""The Công văn đề nghị nhận xét: one for each receiving commune, with its own list, facts frozen."""

from datetime import date
from typing import TYPE_CHECKING, Any

from evaluations.models.documents import Document, new_document
from evaluations.models.requests import RequestQuerySet
from members.models import Membership, Organization

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign
    from members.models import Seat


def letter_rows(requests: RequestQuerySet) -> dict[int, list[dict[str, Any]]]:
    """{commune id: rows of the letter's list, in the order of names}; three queries however many requests."""
    rows: dict[int, list[dict[str, Any]]] = {}
    cells = {
        membership.member_id: membership
        for membership in Membership.objects.filter(until_on=None, member__requests__in=requests).select_related("cell")
    }
    for matter in requests.select_related("member", "placement").order_by("member__sort_key", "pk"):
        member, membership = matter.member, cells.get(matter.member_id)
        people = rows.setdefault(matter.residence_commune_id, [])
        people.append(
            {
                "no": len(people) + 1,
                "request": matter.pk,
                "name": member.full_name,
                "birth": member.birth,
                "sex": member.get_sex_display(),
                "position": membership.position if membership else "",
                "workplace_cell": membership.cell.name if membership else "",
                "residence": ", ".join(
                    part for part in (member.address, matter.placement.cell_as_written, matter.period_words) if part
                ),
            }
        )
    return rows


def request_letter(
    campaign: "Campaign", commune: Organization, people: list[dict[str, Any]], round_no: int, due_on: date, by: "Seat"
) -> Document:
    """An unsaved letter to one commune with its own list; `round_no` tells a later letter from the first."""
    committee = campaign.committee
    return new_document(
        Document.Genre.REQUEST_LETTER,
        key=f"request:campaign:{campaign.pk}:commune:{commune.pk}:{round_no}",
        issuer=committee,
        recipient=commune,
        campaign=campaign,
        prepared_by=by,
        abstract=f"V/v đề nghị nhận xét đảng viên giữ mối liên hệ nơi cư trú năm {campaign.year}",
        facts={
            "abstract": f"đề nghị nhận xét đảng viên đang công tác giữ mối liên hệ nơi cư trú năm {campaign.year}",
            "to": commune.name,
            "basis": list(campaign.book.basis),
            "year": campaign.year,
            "purpose_text": f"kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm {campaign.year}",
            "period": {"from": f"{campaign.year}-01-01", "to": f"{campaign.year}-12-31"},
            "due_on": due_on.isoformat(),
            "reply_to": {
                "name": committee.name,
                "address": campaign.reply_address or committee.address,
                "phone": committee.phone,
                "email": committee.email,
            },
            "recipients": ["Như trên", f"Lưu {committee.name}"],
            "rows": people,
        },
    )
