"""Figures of a campaign (counters of domain §7.4), the report that is made of them, and how a table becomes .xlsx."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from evaluations.models import AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from evaluations.models.documents import new_document
from evaluations.progress import STAGES, Progress, progress_by, together
from members.models import Attendance, Member, Placement
from members.models.people import EndReason
from members.states import move

if TYPE_CHECKING:
    from members.models import Seat

Row = Sequence[str | int | date | None]
MAX_CELL = 500  # characters; nothing an office needs in a table is longer
ANSWERED = ("answered", "received", "considered", "return_asked")
DONE = Q(state__in=ANSWERED)
ASKED = ~Q(state__in=["prepared", "cancelled", "superseded"])


def by_commune(campaign: Campaign) -> list[dict[str, Any]]:
    """One row for each commune asked: how many requests reached which step, and the picture. Two queries."""
    asked = campaign.requests.filter(ASKED)
    rows = (
        asked.order_by()
        .values("residence_commune", name=F("residence_commune__name"))
        .annotate(
            asked=Count("pk"),
            registered=Count("pk", filter=Q(at_commune_at__isnull=False)),
            at_cell=Count("pk", filter=Q(at_cell_at__isnull=False)),
            answered=Count("pk", filter=DONE),
            declined=Count("pk", filter=Q(state="declined")),
            silent=Count("pk", filter=Q(state__in=["issued", "at_commune", "at_cell", "no_reply"])),
        )
    )
    drawn = progress_by(asked, "residence_commune")
    return [row | _picture(drawn[row["residence_commune"]]) for row in rows.order_by("residence_commune__locality_key")]


def _picture(progress: Progress) -> dict[str, Any]:
    """How many at every stage, in the order of the road; the report draws a bar of it."""
    return {"stages": [{"words": stage.words, "count": progress.counts[stage.code]} for stage in STAGES]}


def campaign_facts(campaign: Campaign) -> dict[str, Any]:
    """The frozen facts of templates/documents/report.html."""
    communes = by_commune(campaign)
    total = Counter({key: sum(row[key] for row in communes) for key in ("asked", "answered", "declined", "silent")})
    versions = list(
        AssessmentVersion.objects.filter(
            state="confirmed", assessment__requests__in=campaign.requests.filter(DONE)
        ).distinct()
    )
    today = timezone.localdate()
    return {
        "title": "BÁO CÁO",
        "abstract": f"kết quả thực hiện Quy định số 213-QĐ/TW và nhận xét của cấp ủy nơi cư trú năm {campaign.year}",
        "to": "",
        "period": {"from": timezone.localdate(campaign.prepared_at).isoformat(), "to": today.isoformat()},
        "sections": [
            _subjects(campaign),
            _requests(campaign, total),
            _participation(campaign),
            _outcome(versions, campaign),
            _movements(campaign),
        ],
        **_picture(together(progress_by(campaign.requests.filter(ASKED), "campaign").values())),
        "by_commune": [{key: value for key, value in row.items() if key != "residence_commune"} for row in communes],
        "distribution": _distribution(versions, campaign),
        "remarks": _remarks(total),
        "recipients": [f"Lưu {campaign.committee.name}"],
    }


def _row(label: str, value: int, of: int | None = None) -> dict[str, Any]:
    return {"label": label, "value": value, "share": round(100 * value / of, 1) if of else None}


def _subjects(campaign: Campaign) -> dict[str, Any]:
    members = Member.objects.in_committee(campaign.committee)
    placed = Placement.objects.current().filter(member__in=members.values("pk"))
    counts = placed.aggregate(
        all=Count("pk"),
        accepted=Count("pk", filter=Q(cell__isnull=False)),
        taken_in=Count("pk", filter=Q(accepted_at__isnull=False)),
        exempt=Count("pk", filter=Q(standing=Placement.Standing.EXEMPT_ACTIVITY)),
    )
    exempt = placed.exclude(exemption="").order_by().values_list("exemption").annotate(n=Count("pk"))
    total = members.count()
    return {
        "heading": "Đảng viên thuộc diện giữ mối liên hệ với nơi cư trú",
        "rows": [
            _row("Tổng số đảng viên đang công tác", total),
            _row("Đã ghi nơi giữ mối liên hệ", counts["all"], total),
            _row("Đã được phân về chi bộ nơi cư trú", counts["accepted"], total),
            _row("Đã được chi bộ nơi cư trú tiếp nhận", counts["taken_in"], total),
            _row("Được miễn sinh hoạt nơi cư trú", counts["exempt"], total),
            *(_row(f"Trong đó: {campaign.book.exemptions.get(code, code)}", n) for code, n in sorted(exempt)),
            _row("Chưa có nơi giữ mối liên hệ", total - counts["all"], total),
        ],
    }


def _requests(campaign: Campaign, total: Counter[str]) -> dict[str, Any]:
    late = campaign.requests.filter(DONE, answered_at__date__gt=F("due_on")).count()
    letters = Letter.objects.filter(document__campaign=campaign, kind=Letter.Kind.REQUEST)
    return {
        "heading": "Kết quả lấy ý kiến",
        "rows": [
            _row("Công văn đề nghị nhận xét đã phát hành", letters.count()),
            _row("Đảng viên được đề nghị nhận xét", total["asked"]),
            _row("Đã có trả lời của nơi cư trú", total["answered"], total["asked"]),
            _row("Trong đó trả lời sau thời hạn", late, total["asked"]),
            _row("Chuyển lại, không cư trú tại địa bàn", total["declined"], total["asked"]),
            _row("Chưa có ý kiến của nơi cư trú", total["silent"], total["asked"]),
        ],
    }


def _participation(campaign: Campaign) -> dict[str, Any]:
    rows = Attendance.objects.filter(
        meeting__held_on__year=campaign.year, placement__requests__in=campaign.requests.filter(DONE)
    )
    counts = dict(rows.order_by().values_list("status").annotate(n=Count("pk", distinct=True)))
    held = sum(counts.values())
    meetings = rows.order_by().values("meeting").distinct().count()
    statuses = [_row(label.capitalize(), counts.get(status, 0), held) for status, label in Attendance.Status.choices]
    return {
        "heading": "Tham gia họp tại nơi cư trú (lượt, của đảng viên đã có nhận xét)",
        "rows": [_row("Số cuộc họp các chi bộ nơi cư trú đã mời", meetings), *statuses],
    }


def _movements(campaign: Campaign) -> dict[str, Any]:
    """Who came to a place of residence in the year, and who left one, why."""
    mine = Placement.objects.filter(member__in=Member.objects.in_committee(campaign.committee).values("pk"))
    ended = mine.filter(until_on__year=campaign.year).exclude(end_reason="")
    why = dict(ended.order_by().values_list("end_reason").annotate(n=Count("pk")))
    return {
        "heading": "Biến động nơi giữ mối liên hệ trong năm",
        "rows": [
            _row("Mới ghi nhận nơi giữ mối liên hệ", mine.filter(from_on__year=campaign.year).count()),
            *(_row(f"Kết thúc: {label.lower()}", why[code]) for code, label in EndReason.choices if code in why),
        ],
    }


def _outcome(versions: list[AssessmentVersion], campaign: Campaign) -> dict[str, Any]:
    options = campaign.book.recommendation.options
    chosen = Counter(version.answer("recommendation")["option"] for version in versions)
    return {
        "heading": "Đề nghị của nơi cư trú",
        "rows": [_row(option, chosen[place], len(versions)) for place, option in enumerate(options)],
    }


def _distribution(versions: list[AssessmentVersion], campaign: Campaign) -> list[dict[str, Any]]:
    rows = []
    for criterion in campaign.book.criteria:
        answers = [version.answer(criterion.code) for version in versions]
        counts = Counter(answer["option"] for answer in answers)
        rows.append(
            {
                "criterion": f"{criterion.no}. {criterion.text}",
                "counts": [
                    {"option": option, "count": counts[place]} for place, option in enumerate(criterion.options)
                ],
                "no_basis": sum(bool(answer["no_basis"]) for answer in answers),
            }
        )
    return rows


def _remarks(total: Counter[str]) -> list[str]:
    # Silence is a fact about the unit that kept silent, never about the member (design §5).
    if not total["silent"]:
        return []
    return [f"Còn {total['silent']} đề nghị chưa có ý kiến của nơi cư trú; đây là việc của đơn vị được đề nghị."]


@transaction.atomic
def issue_report(campaign: Campaign, *, by: "Seat") -> Document:
    """The campaign's figures as they are now, as a stored Báo cáo; the clerk writes the number when it is stamped.

    As long as nothing has changed since the newest report, that one is it: pressing twice makes one.
    """
    Campaign.objects.select_for_update().get(pk=campaign.pk)
    reports = Document.objects.filter(campaign=campaign, genre=Document.Genre.REPORT)
    facts, newest, made = campaign_facts(campaign), reports.order_by("-pk").first(), reports.count()
    if newest and newest.facts | facts == newest.facts:
        return newest
    report = new_document(
        Document.Genre.REPORT,
        key=f"report:campaign:{campaign.pk}:{made + 1}",
        issuer=campaign.committee,
        campaign=campaign,
        prepared_by=by,
        abstract=f"Kết quả lấy ý kiến nhận xét của cấp ủy nơi cư trú năm {campaign.year}",
        facts=facts,
    )
    report.save()
    move(report, Document.State.ISSUED, by=by, issued_on=timezone.localdate())
    return report


def totals(campaigns: Any) -> dict[int, Counter[str]]:
    """{campaign id: counts by state} for many campaigns, one query."""
    found: dict[int, Counter[str]] = {}
    rows = EvaluationRequest.objects.filter(campaign__in=campaigns).order_by()
    for campaign_id, state, count in rows.values_list("campaign_id", "state").annotate(n=Count("pk")):
        found.setdefault(campaign_id, Counter())[state] = count
    return found


def workbook(title: str, headings: Sequence[str], rows: Iterable[Row], taken: str = "") -> bytes:
    """A table as .xlsx: text stays text whatever it looks like, dates are dates, one row in memory at a time.

    `taken`: by whom, when and why; below the table, and at the foot of every printed page.
    """
    return workbook_of(title, [("Tổng hợp", headings, rows)], taken)


def workbook_of(title: str, sheets: Iterable[tuple[str, Sequence[str], Iterable[Row]]], taken: str = "") -> bytes:
    """Several tables in one file, each on a sheet of that name (31 characters at most)."""
    out = BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with Workbook(out, options | {"strings_to_numbers": False, "default_date_format": "dd/mm/yyyy"}) as book:
        book.set_properties({"title": title})
        bold = book.add_format({"bold": True, "text_wrap": True})
        for name, headings, rows in sheets:
            _fill(book.add_worksheet(name), bold, headings, rows, taken)
    return out.getvalue()


def _fill(sheet: Worksheet, bold: Any, headings: Sequence[str], rows: Iterable[Row], taken: str) -> None:
    for column, heading in enumerate(headings):
        sheet.set_column(column, column, max(11, min(len(heading) + 2, 26)))
    sheet.write_row(0, 0, headings, bold)
    sheet.freeze_panes(1, 2)
    if taken:
        sheet.set_footer("&L" + taken.replace("&", "&&")[:200] + "&RTrang &P/&N")
    number = 0
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            _write(sheet, number, column, value)
    if taken:
        _write(sheet, number + 2, 0, taken)


def _write(sheet: Worksheet, row: int, column: int, value: str | int | date | None) -> None:
    if value == "":
        return
    if isinstance(value, str):
        sheet.write_string(row, column, value[:MAX_CELL])
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime.combine(value, time()))
    elif value is not None:
        sheet.write_number(row, column, value)
