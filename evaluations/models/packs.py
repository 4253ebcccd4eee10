"""What belongs into a print copy, and in which order: one function for each kind of bundle."""

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from evaluations.models.assessments import Assessment, AssessmentVersion, commented_on, draft_assessments
from evaluations.models.bundles import LARGEST, Bundle
from evaluations.models.campaigns import Campaign
from evaluations.models.documents import Document, DocumentQuerySet, NumberSeries
from evaluations.models.introductions import Introduction
from evaluations.models.letter_book import book_ids
from evaluations.models.print_plans import LINES, Order, Sheet, steps
from evaluations.models.registers import INTRODUCED, ORDER, Book, Wanted, placements_in
from evaluations.models.replies import enclosed_forms
from evaluations.models.requests import EvaluationRequest, RequestQuerySet, open_assessments
from members.models import Membership, Organization, Placement, User

Kind = Bundle.Kind
OUT = ["answered", "received", "considered", "return_asked"]  # states of a request whose answer has gone out
LABELS_AT_ONCE = 210  # whole sheets of 14
GRID_SHEET = 1  # a grid is a document of its own: rendered alone, its pages are numbered from 1


def to_fill_in(cell: Organization, year: int) -> list[int]:
    """Ids of the cell's assessments that nobody has sent yet, by name; created where there was none."""
    _open(commented_on(cell, year), year)
    sent = (AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED)
    rows = [(row, row.latest()) for row in draft_assessments(cell, year)]
    return [row.pk for row, version in rows if version is None or version.state not in sent]


def _open(placements: Iterable[Placement], year: int) -> None:
    """A code printed on paper needs a row to lead back to."""
    rows = [Assessment(placement_id=placement.pk, year=year) for placement in placements]
    Assessment.objects.bulk_create(rows, ignore_conflicts=True)


def cell_pack(cell: Organization, year: int) -> Order:
    """What the secretary takes to the meeting: the list that is signed for, the forms, the grid."""
    return Order(Kind.CELL_PACK, cell, f"Bộ phiếu nhận xét năm {year}, {cell.name}", _cell_steps(cell, year), year)


def cell_grid(cell: Organization, year: int) -> Order:
    plan = steps(Sheet.GRIDS, [cell.pk], GRID_SHEET) if commented_on(cell, year).exists() else []
    return Order(Kind.CELL_GRID, cell, f"Bảng nhận xét cả chi bộ năm {year}, {cell.name}", plan, year)


def _cell_steps(cell: Organization, year: int) -> list[list[object]]:
    forms = to_fill_in(cell, year)
    if not forms:
        return []
    cover, grid = steps(Sheet.COVERS, [cell.pk], GRID_SHEET), steps(Sheet.GRIDS, [cell.pk], GRID_SHEET)
    return [*cover, *steps(Sheet.FORMS, forms), *grid]


def commune_pack(commune: Organization, year: int) -> Order:
    """The letters that have come in, then the pack of every cell."""
    letters = Document.objects.filter(
        genre=Document.Genre.REQUEST_LETTER, recipient=commune, state=Document.State.ISSUED, requests__year=year
    )
    plan = steps(Sheet.FILES, letters.distinct().order_by("issued_on", "pk").values_list("pk", flat=True))
    for cell in cells_of(commune):
        plan += _cell_steps(cell, year)
    return Order(Kind.COMMUNE_PACK, commune, f"Bộ phiếu nhận xét năm {year}, {commune.name}", plan, year)


def cells_of(commune: Organization) -> list[Organization]:
    return list(Organization.objects.residence_cells().filter(parent=commune).order_by("search_key", "pk"))


def letter_pack(campaign: Campaign, commune: Organization) -> Order:
    """For a commune that is not on the system: the letter with its list and code, and a form for each member."""
    asked = campaign.requests.filter(residence_commune=commune, state__in=EvaluationRequest.UNANSWERED)
    letters = Document.objects.filter(requests__in=asked, state=Document.State.ISSUED).distinct()
    open_assessments(asked.filter(assessment=None))
    forms = asked.order_by("member__sort_key", "pk").values_list("assessment", flat=True)
    plan = steps(Sheet.FILES, letters.order_by("pk").values_list("pk", flat=True))
    plan += steps(Sheet.FORMS, dict.fromkeys(forms))
    return Order(
        Kind.LETTER_PACK,
        campaign.committee,
        f"Bộ gửi {commune.name}, đợt năm {campaign.year}",
        plan,
        campaign.year,
        campaign.pk,
        commune,
    )


def signing_folder(campaign: Campaign) -> Order:
    """Tập trình ký: every draft that waits, in signing order. Presented anew, it is another copy."""
    waiting = campaign.documents.filter(state=Document.State.FOR_SIGNATURE)
    plan = steps(Sheet.DRAFTS, waiting.order_by("recipient__locality_key", "pk").values_list("pk", flat=True), 1)
    presented = campaign.presented_at.isoformat(timespec="seconds") if campaign.presented_at else ""
    title = f"Tập trình ký, đợt năm {campaign.year}, trình lúc {presented[:16].replace('T', ' ')}"
    return Order(Kind.SIGNING_FOLDER, campaign.committee, title, plan, campaign.year, campaign.pk)


def cell_answers(cell: Organization, year: int, reader: User) -> Order:
    """The confirmed forms of one cell, by name."""
    forms = _forms(year).filter(issuer=cell).order_by("version__assessment__placement__member__sort_key", "pk")
    plan = steps(Sheet.FILES, _readable(forms, reader))
    return Order(Kind.CELL_ANSWERS, cell, f"Phiếu nhận xét đã xác nhận năm {year}, {cell.name}", plan, year)


def _forms(year: int) -> DocumentQuerySet:
    return Document.objects.filter(
        genre=Document.Genre.ASSESSMENT_FORM, state=Document.State.ISSUED, version__assessment__year=year
    )


def _readable(documents: DocumentQuerySet, reader: User) -> list[int]:
    """Ids in the given order. A person's own form is left out as long as it has not gone out as an answer."""
    readable = Document.objects.readable_by(reader).order_by()
    return list(documents.filter(pk__in=readable.values("pk")).values_list("pk", flat=True))


def workplace_answers(commune: Organization, workplace: Organization, year: int, reader: User) -> Order:
    """What a ward sends back to one workplace: each reply with its forms, in the order of the reply's list."""
    replies = Document.objects.filter(
        genre=Document.Genre.REPLY_LETTER, issuer=commune, recipient=workplace, state=Document.State.ISSUED
    )
    ids: list[int] = []
    for reply in replies.filter(facts__year=year).order_by("issued_on", "pk"):
        forms = enclosed_forms(reply)
        readable = set(_readable(Document.objects.filter(pk__in=[form.pk for form in forms]), reader))
        # As many copies of the letter as the commune sends and keeps; the forms go with the one that is sent.
        ids += [*[reply.pk] * reply.facts.get("copies", 1), *(form.pk for form in forms if form.pk in readable)]
    title = f"Bộ trả lời {workplace.name} năm {year}"
    return Order(Kind.WORKPLACE_ANSWERS, commune, title, steps(Sheet.FILES, ids), year, other=workplace)


def introductions(committee: Organization, commune: Organization, reader: User) -> Order:
    """The introductions to one commune that nobody has received there yet, by name."""
    waiting = Introduction.objects.filter(workplace=committee, commune=commune).waiting()
    papers = Document.objects.filter(genre=Document.Genre.INTRODUCTION, introduction__in=waiting.values("pk"))
    issued = papers.filter(state=Document.State.ISSUED, keyed_by=None)
    plan = steps(Sheet.FILES, _readable(issued.order_by("introduction__member__sort_key", "pk"), reader))
    year = timezone.localdate().year
    title = f"Giấy giới thiệu của {committee.name} gửi {commune.name}"
    return Order(Kind.INTRODUCTIONS, committee, title, plan, year, other=commune)


def commune_answers(campaign: Campaign, commune: Organization, reader: User) -> Order:
    matters = campaign.requests.filter(residence_commune=commune, state__in=OUT)
    title = f"Kết quả nhận xét của {commune.name}, đợt năm {campaign.year}"
    plan = steps(Sheet.FILES, [*_replies(matters, reader), *_answers(_by_workplace_cell(matters), reader)])
    return Order(Kind.COMMUNE_ANSWERS, campaign.committee, title, plan, campaign.year, campaign.pk, commune)


def campaign_answers(campaign: Campaign, reader: User) -> Order:
    """Everything that has come back, cell by cell of the workplace, so that each cell can be handed its own."""
    matters = campaign.requests.filter(state__in=OUT)
    plan = steps(Sheet.FILES, _answers(_by_workplace_cell(matters), reader))
    title = f"Kết quả nhận xét, đợt năm {campaign.year}"
    return Order(Kind.CAMPAIGN_ANSWERS, campaign.committee, title, plan, campaign.year, campaign.pk)


def _by_workplace_cell(matters: RequestQuerySet) -> RequestQuerySet:
    """The workplace's own order: its cells as they stand in its tree, then names."""
    cell = Membership.objects.filter(member=OuterRef("member"), until_on=None).values("cell__path")[:1]
    return matters.annotate(cell_path=Subquery(cell)).order_by("cell_path", "member__sort_key", "pk")


def _answers(matters: RequestQuerySet, reader: User) -> list[int]:
    """The forms that answer these requests, in their order."""
    assessments = list(matters.values_list("assessment_id", flat=True))
    forms = Document.objects.filter(
        genre=Document.Genre.ASSESSMENT_FORM,
        state=Document.State.ISSUED,
        version__assessment__in=matters.order_by().values("assessment"),
    )
    readable = set(_readable(forms, reader))
    found = dict(forms.values_list("version__assessment", "pk"))
    return [found[pk] for pk in dict.fromkeys(assessments) if pk in found and found[pk] in readable]


def _replies(matters: RequestQuerySet, reader: User) -> list[int]:
    replies = Document.objects.filter(answered_requests__in=matters.order_by(), state=Document.State.ISSUED)
    return _readable(replies.distinct().order_by("issued_on", "pk"), reader)


def labels(sender: Organization, receivers: Iterable[Organization], year: int) -> Order:
    plan = steps(Sheet.LABELS, [place.pk for place in receivers], LABELS_AT_ONCE)
    return Order(Kind.LABELS, sender, "Nhãn địa chỉ", plan, year)


def envelopes(sender: Organization, receivers: Iterable[Organization], year: int, paper: str) -> Order:
    """`paper`: "DL" or "C5"."""
    plan = steps(Sheet.ENVELOPES, [place.pk for place in receivers])
    return Order(Kind.ENVELOPES, sender, f"Bì thư {paper}", plan, year, paper=paper)


def register_book(book: Book, place: Organization, wanted: Wanted, about: str) -> Order:
    """A title page, then the lines that were asked for, in the order of names; `about`: for whom, and what he asked."""
    ids = placements_in(book, place, wanted).order_by(*ORDER).values_list("pk", flat=True)[: LARGEST + 1]
    plan = steps(Sheet.BOOK_LINES, ids, LINES)
    kind = Kind.INTRODUCED_BOOK if book is INTRODUCED else Kind.RESIDENTS_BOOK
    year = timezone.localdate().year
    return Order(kind, place, f"{book.title}, {place.name}", _bound(place, plan), year, about=about)


def letters_out(book: NumberSeries, about: str) -> Order:
    """The whole book of one term: every document and every range, by number."""
    title = f"Sổ công văn đi {book.genre_sign}, nhiệm kỳ {book.term}, {book.organization.name}"
    plan = steps(Sheet.BOOK_LETTERS, book_ids(book), LINES)
    year = timezone.localdate().year
    return Order(Kind.LETTERS_OUT, book.organization, title, _bound(book.organization, plan), year, about=about)


def letters_in(place: Organization, letters: DocumentQuerySet, about: str) -> Order:
    ids = letters.order_by("issued_on", "pk").values_list("pk", flat=True)[: LARGEST + 1]
    plan, year = steps(Sheet.BOOK_LETTERS, ids, LINES), timezone.localdate().year
    return Order(Kind.LETTERS_IN, place, f"Sổ công văn đến, {place.name}", _bound(place, plan), year, about=about)


def _bound(place: Organization, plan: list[list[object]]) -> list[list[object]]:
    """With its title page; a book without a line is no book."""
    return [*steps(Sheet.BOOK_COVERS, [place.pk]), *plan] if plan else []
