"""The Công văn đề nghị nhận xét: one for each receiving commune, with its own list, facts frozen."""

from datetime import date
from typing import TYPE_CHECKING, Any

from evaluations.models.documents import Document, new_document
from evaluations.models.requests import RequestQuerySet, period_words
from members.models import Member, Membership, Organization
from members.models.encrypted import decrypted

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign
    from members.models import Seat


_OF_A_MEMBER = ("full_name", "sex", "birth_date", "birth_year", "address")
_SEX = dict(Member.Sex.choices)


def letter_rows(requests: RequestQuerySet) -> dict[int, list[dict[str, Any]]]:
    """{commune id: rows of the letter's list, in the order of names}; two queries however many requests.

    Values and not instances: a season writes half a million of these rows.
    """
    rows: dict[int, list[dict[str, Any]]] = {}
    open_now = Membership.objects.filter(until_on=None, member__requests__in=requests)
    cells = {
        member: (position, cell)
        for member, position, cell in open_now.values_list("member", "position", "cell__name").order_by()
    }
    wanted = ("residence_commune", "pk", "part", "member", *(f"member__{name}" for name in _OF_A_MEMBER))
    for commune, request_id, part, member_id, name, sex, birth_date, birth_year, address, words in requests.order_by(
        "member__sort_key", "pk"
    ).values_list(*wanted, "placement__cell_as_written"):
        people = rows.setdefault(commune, [])
        position, cell = cells.get(member_id, ("", ""))
        people.append(
            {
                "no": len(people) + 1,
                "request": request_id,
                "name": name,
                "birth": f"{birth_date:%d/%m/%Y}" if birth_date else str(birth_year),
                "sex": _SEX.get(sex, ""),
                "position": position,
                "workplace_cell": cell,
                "residence": ", ".join(text for text in (address, words, period_words(part)) if text),
            }
        )
    return rows


def opened(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as people read them: a launch of many letters leaves addresses encrypted (launch.py)."""
    rows = [_with_address(row) if "sealed_address" in row else row for row in facts.get("rows", [])]
    return {**facts, "rows": rows} if rows else facts


def _with_address(row: dict[str, Any]) -> dict[str, Any]:
    sealed = row["sealed_address"]
    said = (decrypted(sealed) if sealed else "", row["residence"])
    kept = {name: value for name, value in row.items() if name != "sealed_address"}
    return {**kept, "residence": ", ".join(text for text in said if text)}


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
            "basis": [*campaign.book.basis, *([campaign.season.basis] if campaign.season else [])],
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
