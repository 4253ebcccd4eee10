"""Facts of letters that an office prints from what is known today and signs by hand; the clerk writes number and day.

Reminder and request about one member of the workplace, and what a ward tells a workplace every year (06-HD/TW).
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.db.models import Count

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.campaigns import Campaign
from evaluations.models.form_facts import member_facts
from evaluations.models.reply_facts import Asking
from evaluations.models.request_letters import letter_rows
from evaluations.models.requests import EvaluationRequest
from evaluations.rulebooks import Rulebook, load
from members.models import Activity, Attendance, ContactMeeting, Member, Organization, Placement

WITHIN = timedelta(days=7)  # for the answer to a reminder
GUIDANCE = "Thực hiện Hướng dẫn số 06-HD/TW, ngày 09 tháng 6 năm 2025 của Ban Bí thư"


def reminder(campaign: Campaign, commune: Organization, today: date) -> dict[str, Any]:
    """Facts of templates/documents/reminder_letter.html: what one commune has not answered yet."""
    asked = campaign.requests.filter(residence_commune=commune).exclude(state__in=EvaluationRequest.WITHDRAWN)
    counts = Counter(dict(asked.order_by().values_list("state").annotate(n=Count("pk"))))
    waiting = asked.awaiting_answer()
    letter = next((matter.letter for matter in waiting.select_related("letter").order_by("pk") if matter.letter), None)
    listed = Asking(letter).places() if letter else {}
    rows = letter_rows(waiting).get(commune.pk, [])
    committee = campaign.committee
    return {
        "head": committee.letterhead("CV"),
        "signature": committee.signature(),
        "recipients": ["Như trên", f"Lưu {committee.name}"],
        "abstract": f"đôn đốc gửi kết quả nhận xét đảng viên giữ mối liên hệ nơi cư trú năm {campaign.year}",
        "to": commune.name,
        "year": campaign.year,
        "reference": Asking(letter).reference if letter else None,
        "due_on": campaign.due_on.isoformat(),
        "counted_on": today.isoformat(),
        "wanted_by": (today + WITHIN).isoformat(),
        "purpose_text": _purpose(campaign.year),
        "reply_to": {"phone": committee.phone},
        "counts": {
            "asked": sum(counts.values()),
            "answered": sum(counts[state] for state in EvaluationRequest.REPLIED),
            "declined": counts["declined"],
        },
        "rows": [row | {"listed_no": listed.get(row["request"], 0)} for row in rows],
    }


def _purpose(year: int) -> str:
    return f"kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm {year}"


def _first_basis(book: Rulebook) -> str:
    return f"Căn cứ {book.basis[0]}"


def opinion_request(matter: EvaluationRequest) -> dict[str, Any]:
    """Facts of templates/documents/opinion_request.html, mẫu 3-213."""
    office, year = matter.asker_now, matter.year
    campaign = matter.campaign
    member = member_facts(matter.placement)
    del member["joined_on"]
    return {
        "head": office.letterhead("CV"),
        "signature": office.signature(),
        "recipients": ["Như trên", f"Lưu {office.name}"],
        "to": matter.residence_commune.name,
        "basis": [_first_basis(campaign.book if campaign else load())],
        "year": year,
        "purpose_text": _purpose(year),
        "period": {"from": f"{year}-01-01", "to": f"{year}-12-31"},
        "due_on": matter.due_on.isoformat() if matter.due_on else "",
        "reply_to": {
            "name": office.name,
            "address": (campaign.reply_address if campaign else "") or office.address,
            "phone": office.phone,
            "email": office.email,
        },
        "member": member,
    }


PARTS = (
    "Ý kiến của chi ủy nơi cư trú đối với bản thân",
    "Ý kiến về gia đình",
    "Tổng hợp ý kiến nhân dân (không ghi tên người nêu ý kiến)",
    "Kết luận",
)


def working_minutes(matter: EvaluationRequest) -> dict[str, Any]:
    """Facts of templates/documents/working_minutes.html: who is spoken of, and room to write (domain §4)."""
    office = matter.asker_now
    member = member_facts(matter.placement)
    return {
        "head": office.letterhead("BB"),
        "held_on": "",
        "begun": "",
        "ended": "",
        "place": "",
        "asker": office.name,
        "asked": matter.residence_cell.name if matter.residence_cell else matter.residence_commune.name,
        "purpose_text": _purpose(matter.year) if matter.campaign else "công tác cán bộ",
        "asker_side": [],
        "cell_side": [],
        "front_side": [],
        "member": {key: member[key] for key in ("name", "birth", "position", "workplace", "residence")},
        "parts": [{"heading": heading, "text": ""} for heading in PARTS],
        "copies": 2,
    }


def information(commune: Organization, workplace: Organization, year: int, until: date) -> dict[str, Any]:
    """Facts of templates/documents/information_letter.html: who came to what, never what was said of anybody."""
    placements = list(
        Placement.objects.current()
        .filter(commune=commune, member__in=Member.objects.in_committee(workplace).values("pk"))
        .select_related("member", "cell")
        .order_by("member__sort_key", "pk")
    )
    tally = Attendance.objects.tally([row.pk for row in placements], year)
    exempt = {row.pk for row in placements if row.standing == Placement.Standing.EXEMPT_ACTIVITY}
    cells = {row.cell_id for row in placements if row.cell_id}
    confirmed = AssessmentVersion.objects.filter(
        state="confirmed", assessment__year=year, assessment__placement__in=[row.pk for row in placements]
    )
    none = {"present": 0, "excused": 0, "absent": 0}
    rows = [(row, none | tally.get(row.pk, {})) for row in placements]
    notes = _notes(placements, year)
    return {
        "head": commune.letterhead("CV"),
        "signature": commune.signature(),
        "recipients": ["Như trên", f"Lưu {commune.name}"],
        "abstract": f"thông tin tình hình đảng viên giữ mối liên hệ tại nơi cư trú năm {year}",
        "to": workplace.name,
        "area": commune.area,
        "year": year,
        "basis": [GUIDANCE, _first_basis(load())],
        "period": {"from": f"{year}-01-01", "to": min(until, date(year, 12, 31)).isoformat()},
        "counts": {
            "placed": len(placements),
            "exempt": len(exempt),
            "meetings": ContactMeeting.objects.filter(cell__in=cells, held_on__year=year).count(),
            **{status: sum(counts[status] for _, counts in rows) for status in none},
            "confirmed": confirmed.values("assessment").distinct().count(),
        },
        "rows": [
            {
                "no": no,
                "name": row.member.full_name,
                "birth": row.member.birth,
                "cell": row.cell.name if row.cell else "",
                **counts,
                "note": "Được miễn sinh hoạt nơi cư trú" if row.pk in exempt else "; ".join(notes.get(row.pk, [])),
            }
            for no, (row, counts) in enumerate(rows, 1)
        ],
    }


def _notes(placements: list[Placement], year: int) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in Activity.objects.filter(placement__in=[place.pk for place in placements], on__year=year):
        found.setdefault(row.placement_id, []).append(f"{row.description} ({row.on:%d/%m/%Y})")
    return found
