"""From the codes read on a page to the one sheet it is: a form, a page of a document, the grid of a cell."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from evaluations.models.assessments import Assessment
from evaluations.models.documents import Document
from evaluations.models.letters import Letter
from evaluations.models.paper_codes import PaperKind, looks_like_ours, paper_code, read_grid_number, read_sheet
from members.models import Organization

UNREAD, TWO_CODES, FOREIGN, BY_CODE, DAMAGED = "unread", "two_codes", "foreign", "by_code", "damaged"
# Why a page lies in the tray, as the person who looks at it reads it.
REASONS = {
    UNREAD: "Không thấy mã QR đọc được",
    TWO_CODES: "Có hai mã khác nhau trên một trang",
    FOREIGN: "Mã không thuộc hồ sơ của đơn vị",
    BY_CODE: "Bản đóng dấu do đơn vị khác gửi, cần xem trước khi nhận",
    DAMAGED: "Trang hỏng, không hiện được",
}


@dataclass(frozen=True)
class Sheet:
    """What a page is; `why` says why a machine does not decide it. At most one of the three ids is there."""

    code: str = ""
    page_no: int = 1
    assessment_id: int | None = None
    document_id: int | None = None
    cell_id: int | None = None
    year: int | None = None
    why: str = ""

    @property
    def target(self) -> dict[str, Any]:
        """The columns of ScanPage that say what it is bound to."""
        ids = {"assessment_id": self.assessment_id, "document_id": self.document_id}
        return {**ids, "cell_id": self.cell_id, "year": self.year, "page_no": self.page_no}


def sheet_of(codes: list[str], is_damaged: bool, organization: Organization, letter: Letter | None) -> Sheet:
    """The sheet whose code a machine has read, when there is exactly one and it belongs to this office."""
    if is_damaged:
        return Sheet(why=DAMAGED)
    ours = sorted({text for text in codes if looks_like_ours(text)})
    if not ours:
        return Sheet(why=UNREAD)
    if len(ours) > 1:
        return Sheet(why=TWO_CODES)
    return sheet_with(ours[0], organization, letter) or Sheet(why=FOREIGN)


def sheet_with(text: str, organization: Organization, letter: Letter | None = None) -> Sheet | None:
    """The sheet of one code, read or typed; None when it is wrong or outside the reach of the office."""
    read = read_sheet(text)
    if read is None:
        return None
    kind, pk, page_no = read
    code = paper_code(kind, pk)
    if kind == PaperKind.ASSESSMENT and assessments_within(organization, letter).filter(pk=pk).exists():
        return Sheet(code, page_no, assessment_id=pk)
    if kind == PaperKind.DOCUMENT and documents_within(organization, letter).filter(pk=pk).exists():
        # What holds for a letter is the copy its office has looked at, never one that came by a letter code.
        return Sheet(code, page_no, why=BY_CODE) if letter else Sheet(code, page_no, document_id=pk)
    if kind == PaperKind.GRID and letter is None:
        cell_id, year = read_grid_number(pk)
        if Organization.objects.residence_cells().below(organization).filter(pk=cell_id).exists():
            return Sheet(code, page_no, cell_id=cell_id, year=year)
    return None


def assessments_within(organization: Organization, letter: Letter | None = None) -> QuerySet[Assessment]:
    """Whose forms an office may scan: those of its cells and those it asked for; by letter code, of that letter."""
    if letter:
        return Assessment.objects.filter(requests__letter=letter.document_id).distinct()
    own = Q(placement__commune=organization) | Q(requests__asker_now=organization)
    return Assessment.objects.filter(own).distinct()


def documents_within(organization: Organization, letter: Letter | None = None) -> QuerySet[Document]:
    """Whose stamped copies an office may scan: its own papers, and the forms of its cells."""
    issued = Document.objects.filter(state__in=[Document.State.ISSUED, Document.State.REPLACED])
    if letter:
        return issued.filter(letters=letter)
    return issued.filter(Q(issuer=organization) | Q(issuer__parent=organization, issuer__kind=Organization.Kind.CELL))
