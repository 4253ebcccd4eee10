"""Everything that is held about one person, as a file that this person can read: tables, papers, and who has read it.

Which tables is nobody's memory: it is what Django knows of (evaluations/retention.py); what the answer has not gone out
yet, secrets and other people stay out by the rules of each table.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from evaluations.models import DataRequest, DocumentFile
from evaluations.models.data_requests import events_about, rows_about
from evaluations.reports import workbook_of
from evaluations.retention import Table, about_people, kinds, name_of, table_of
from members.models import AuditEvent, Member, Seat
from members.views.history import Line

SHEET_NAME = 31  # letters Excel allows
EVENTS = 2000
READ_ME = """DỮ LIỆU VỀ ĐỒNG CHÍ {name}

Lập ngày {day} theo yêu cầu số {paper}, do {by} thực hiện.

so-lieu.xlsx    mỗi trang tính là một loại hồ sơ, mở bằng Excel hoặc LibreOffice
so-lieu.json    cũng những số liệu đó, cho phần mềm khác đọc
phieu/          các phiếu nhận xét đã trả lời nơi công tác, đúng như bản phát hành

Trang “Ai đã xem, sửa” ghi ai đã xem, sửa hồ sơ này, khi nào (nhiều nhất {events} dòng gần đây).
Không có trong tệp: nhận xét chưa được gửi trả lời, mã bí mật, dữ liệu của người khác.

Thời hạn lưu từng loại hồ sơ:
{kept}
"""


@dataclass(frozen=True)
class Sheet:
    """The rows of one table about one person, in words."""

    label: str
    name: str
    headings: list[str]
    columns: list[str]
    rows: list[list[Any]]


def sheets_about(member: Member) -> list[Sheet]:
    """Every table that holds something the person may be told."""
    found = [_sheet(member, model, table_of(model)) for model, _ in about_people()]
    return [sheet for sheet in found if sheet.rows]


def _sheet(member: Member, model: type[models.Model], table: Table) -> Sheet:
    fields = [row for row in model._meta.concrete_fields if row.name not in table.hidden]
    # Bytes are given out as files, and foreign rows by their name.
    fields = [row for row in fields if not isinstance(row, models.BinaryField)]
    relations = [row.name for row in fields if isinstance(row, models.ForeignKey)]
    rows = rows_about(member, model, table).filter(**table.told).select_related(*relations).order_by("pk")
    return Sheet(
        label=model._meta.label,
        name=name_of(model).capitalize(),
        headings=[str(row.verbose_name) for row in fields],
        columns=[row.name for row in fields],
        rows=[[_value(row, column) for column in fields] for row in rows],
    )


def _value(row: models.Model, column: "models.Field[Any, Any]") -> Any:
    if isinstance(column, models.ForeignKey):
        other = getattr(row, column.name)
        return "" if other is None else _named(other)
    if column.flatchoices:
        return str(getattr(row, f"get_{column.name}_display")())
    value = getattr(row, column.name)
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%d/%m/%Y %H:%M}"
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return value


def _named(other: models.Model) -> str:
    """Offices by name, officials by their task; a row without words of its own by its number."""
    if isinstance(other, Seat):
        return f"{other.title}, {other.organization.name}"
    words = str(other)
    return f"số {other.pk}" if words.endswith(f"object ({other.pk})") else words


def _history(member: Member) -> Sheet:
    events = events_about(member).select_related("seat__organization", "user").order_by("-pk")[:EVENTS]
    rows = [[_value(event, _AT), Line(event).act, Line(event).thing, _who(event)] for event in events]
    columns = ["at", "act", "thing", "by"]
    return Sheet("members.AuditEvent", "Ai đã xem, sửa", ["lúc", "việc", "hồ sơ", "người làm"], columns, rows)


_AT: Any = AuditEvent._meta.get_field("at")


def _who(event: AuditEvent) -> str:
    return _named(event.seat) if event.seat else ("tài khoản" if event.user_id else "hệ thống")


def _papers(member: Member) -> Iterator[tuple[str, bytes]]:
    """The stored copies of the answered forms about the person."""
    rows = rows_about(member, DocumentFile, table_of(DocumentFile)).filter(**table_of(DocumentFile).told)
    for row in rows.order_by("pk").iterator(chunk_size=20):
        yield f"phieu/{row.pk}-{row.kind}.pdf", bytes(row.content)


@transaction.atomic
def hand_over(member: Member, paper_no: str, reason: str, *, by: Seat) -> bytes:
    """The whole file, made at once; that it was given out stays, with the number of the request."""
    sheets = [*sheets_about(member), _history(member)]
    outcome = {sheet.name: len(sheet.rows) for sheet in sheets}
    DataRequest.objects.create(
        member=member, kind=DataRequest.Kind.EXPORT, paper_no=paper_no, reason=reason, made_by=by, outcome=outcome
    )
    AuditEvent.objects.record("Member.hand_over", by=by, on=member)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc-truoc.txt", _read_me(member, paper_no, by))
        archive.writestr("so-lieu.json", _json(sheets))
        archive.writestr("so-lieu.xlsx", _workbook(sheets))
        for name, content in _papers(member):
            archive.writestr(name, content)
    return out.getvalue()


def _read_me(member: Member, paper_no: str, by: Seat) -> str:
    kept = [f"- {kind.title}: {f'{kind.years} năm' if kind.years else kind.basis}" for kind in kinds().values()]
    return READ_ME.format(
        name=member.full_name,
        day=f"{timezone.localdate():%d/%m/%Y}",
        paper=paper_no,
        by=f"{by.user.full_name} ({by})",
        events=EVENTS,
        kept="\n".join(kept),
    )


def _json(sheets: list[Sheet]) -> str:
    tables = {
        sheet.label: {"title": sheet.name, "rows": [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]}
        for sheet in sheets
    }
    return json.dumps(tables, ensure_ascii=False, indent=1, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _workbook(sheets: list[Sheet]) -> bytes:
    used: set[str] = set()
    tables = []
    for sheet in sheets:
        name = "".join(ch for ch in sheet.name if ch not in "[]:*?/\\")[:SHEET_NAME]
        while name.lower() in used:
            name = f"{name[: SHEET_NAME - 3]} {len(used)}"
        used.add(name.lower())
        rows = [[cell if isinstance(cell, date | int) else str(cell or "") for cell in row] for row in sheet.rows]
        tables.append((name, sheet.headings, rows))
    return workbook_of("Dữ liệu cá nhân", tables)
