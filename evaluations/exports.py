"""Tables of the office's own matters, with names and ratings in words; each export is logged with its reason."""

from dataclasses import dataclass

from django.db.models import F, Model, OuterRef, Subquery
from django.utils import timezone

from evaluations.models import AssessmentVersion, Campaign, Document, EvaluationRequest, NumberSeries
from evaluations.models.documents import DocumentQuerySet
from evaluations.models.letter_book import IN_COLUMNS, OUT_COLUMNS, book_entries, book_ids, in_cells, out_cells
from evaluations.models.registers import ORDER, Book, Wanted, lines, placements_in
from evaluations.models.requests import RequestQuerySet
from evaluations.reports import ANSWERED, Row, workbook
from evaluations.rulebooks import Rulebook, load
from members.models import Membership, Organization, Placement
from members.paging import in_order
from members.states import Refused

LARGEST = 20_000  # rows
AT_ONCE = 500
NEVER_SENT = ["prepared", "cancelled", "superseded"]


@dataclass(frozen=True)
class Export:
    """A table ready to be written, and what it is about for the history."""

    name: str  # of the file; no personal data
    title: str
    headings: list[str]
    rows: list[Row]
    ids: list[int]  # of the rows in it
    model: type[Model] = EvaluationRequest

    def content(self, taken: str = "") -> bytes:
        return workbook(self.title, self.headings, self.rows, taken)


def campaign_export(campaign: Campaign) -> Export:
    """The workplace's table: who was asked, where it is, when each step was done, the ratings that came back."""
    cell = Membership.objects.filter(member=OuterRef("member"), until_on=None)
    # Who works elsewhere now is answered about to his new committee.
    ours = campaign.requests.filter(asker_now=campaign.committee_id)
    matters = ours.exclude(state__in=NEVER_SENT).annotate(
        workplace_cell=Subquery(cell.values("cell__name")[:1]), cell_path=Subquery(cell.values("cell__path")[:1])
    )
    ordered = matters.order_by("cell_path", "member__sort_key", "pk")
    title = f"Tổng hợp đợt lấy ý kiến nhận xét năm {campaign.year}"
    return _export(f"dot-{campaign.pk}", title, ordered, "workplace_cell", "Chi bộ nơi công tác", campaign.book)


def commune_export(commune: Organization, year: int) -> Export:
    """The ward's table: every request it has been asked, from whichever workplace."""
    matters = EvaluationRequest.objects.filter(residence_commune=commune, year=year).exclude(state__in=NEVER_SENT)
    ordered = matters.annotate(asker_name=F("asker_now__name")).order_by("asker_name", "member__sort_key", "pk")
    title = f"Tổng hợp nhận xét đảng viên tại {commune.name} năm {year}"
    return _export(f"xa-phuong-{commune.pk}-{year}", title, ordered, "asker_name", "Nơi công tác", load())


def _export(name: str, title: str, matters: RequestQuerySet, asker: str, heading: str, book: Rulebook) -> Export:
    found = list(matters.select_related("member", "residence_commune", "residence_cell")[: LARGEST + 1])
    if len(found) > LARGEST:
        raise Refused(f"Bảng có nhiều hơn {LARGEST} dòng. Xin xuất theo từng đơn vị.")
    versions = _confirmed(found)
    criteria = [*((c.code, f"{c.no}. {c.short}", c.options) for c in book.criteria)]
    criteria.append(("recommendation", book.recommendation.text, book.recommendation.options))
    headings = ["TT", "Họ và tên", "Ngày sinh", "Năm sinh", heading, "Xã, phường", "Chi bộ nơi cư trú", "Bước"]
    headings += ["Hạn trả lời", "Phát hành", "Vào sổ", "Phân chi bộ", "Trả lời", "Nơi công tác nhận"]
    headings += [name for _, name, _ in criteria]
    rows: list[Row] = []
    for number, matter in enumerate(found, 1):
        version = versions.get(matter.assessment_id or 0) if matter.state in ANSWERED else None
        ratings = [_rating(version, code, options) for code, _, options in criteria]
        rows.append([number, *_export_row(matter, getattr(matter, asker) or ""), *ratings])
    return Export(name, title, headings, rows, [matter.pk for matter in found])


def register_export(book: Book, place: Organization, wanted: Wanted) -> Export:
    """The lines of a register that were asked for, in the columns of the printed book."""
    ids = list(placements_in(book, place, wanted).order_by(*ORDER).values_list("pk", flat=True)[: LARGEST + 1])
    if len(ids) > LARGEST:
        raise Refused(f"Sổ có nhiều hơn {LARGEST} dòng. Xin xuất theo từng đơn vị hoặc từng khoảng thời gian.")
    headings = ["TT", *(column.heading for column in book.columns)]
    found = (line for part in _parts(ids) for line in lines(part, book))
    rows: list[Row] = [[number, *(column.of(line) for column in book.columns)] for number, line in enumerate(found, 1)]
    return Export(f"so-{book.code}-{place.pk}", f"{book.title}, {place.name}", headings, rows, ids, Placement)


def letters_out_export(book: NumberSeries) -> Export:
    """The book of letters sent, every number with its document or its reason."""
    ids = book_ids(book)
    rows: list[Row] = [out_cells(entry) for part in _parts(ids) for entry in book_entries(part)]
    title = f"Sổ công văn đi {book.genre_sign}, nhiệm kỳ {book.term}"
    letters = [pk for pk in ids if pk > 0]
    return Export(f"so-cong-van-di-{book.pk}", title, [name for name, _ in OUT_COLUMNS], rows, letters, Document)


def letters_in_export(place: Organization, letters: DocumentQuerySet) -> Export:
    ids = list(letters.order_by("issued_on", "pk").values_list("pk", flat=True)[: LARGEST + 1])
    if len(ids) > LARGEST:
        raise Refused(f"Sổ có nhiều hơn {LARGEST} dòng. Xin chọn một năm rồi xuất.")
    found = (row for part in _parts(ids) for row in in_order(Document.objects.select_related("issuer"), part))
    rows: list[Row] = [[number, *in_cells(row)] for number, row in enumerate(found, 1)]
    headings = [name for name, _ in IN_COLUMNS]
    return Export(f"so-cong-van-den-{place.pk}", f"Sổ công văn đến, {place.name}", headings, rows, ids, Document)


def _parts(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]


def _confirmed(matters: list[EvaluationRequest]) -> dict[int, AssessmentVersion]:
    """{assessment id: the text in force} of those answered."""
    wanted = [matter.assessment_id for matter in matters if matter.state in ANSWERED]
    return {
        version.assessment_id: version
        for start in range(0, len(wanted), 500)
        for version in AssessmentVersion.objects.filter(
            assessment__in=wanted[start : start + 500], state=AssessmentVersion.State.CONFIRMED
        )
    }


def _export_row(matter: EvaluationRequest, asker: str) -> Row:
    moments = (matter.issued_at, matter.at_commune_at, matter.at_cell_at, matter.answered_at, matter.received_at)
    return [
        matter.member.full_name,
        matter.member.birth_date,
        matter.member.birth_year,
        asker,
        matter.residence_commune.name,
        matter.residence_cell.name if matter.residence_cell else "",
        str(matter.get_state_display()),
        matter.due_on,
        *(timezone.localtime(moment).date() if moment else None for moment in moments),
    ]


def _rating(version: AssessmentVersion | None, code: str, options: tuple[str, ...]) -> str:
    """In words; nothing before the answer has come."""
    if version is None:
        return ""
    answer = version.answer(code)
    if answer["no_basis"]:
        return "Không có cơ sở để đánh giá"
    return options[answer["option"]] if answer["option"] is not None else ""
