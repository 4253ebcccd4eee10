"""The rows that break a rule of the whole database, one query a rule; what each means stands in invariants.py.

Every query is one scan or follows an index: at 500,000 requests the night is long enough, a page would not be.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, Least, Length, Substr
from django.utils import timezone

from evaluations import reminders, steps
from evaluations.models import (
    AssessmentVersion,
    Campaign,
    Document,
    DocumentFile,
    EvaluationRequest,
    InnerDeadline,
    Letter,
    NumberRange,
    NumberSeries,
)
from evaluations.rulebooks import load
from members.models import AuditEvent, Kinship, Organization, OrganizationPeriod, Placement, Seat, Succession, User
from members.roster_values import is_never_kept

Rows = QuerySet[Any]
State = EvaluationRequest.State
SETTLED_AFTER = timedelta(hours=1)  # until then a paper may still be on its way to the printer
DESTROYED = "Đã tiêu hủy"  # retention.toml


# Requests


def asked_twice() -> Rows:
    """The constraint sees the same part twice; a part inside another, or inside the whole year, it cannot see."""
    live = EvaluationRequest.objects.live().annotate(first=_bound("0000", 1), last=_bound("9999", 13))
    earlier = live.filter(campaign=OuterRef("campaign"), member=OuterRef("member"), pk__lt=OuterRef("pk"))
    crossing = earlier.filter(first__lte=OuterRef("last"), last__gte=OuterRef("first"))
    return live.filter(Exists(crossing), campaign__isnull=False)


def _bound(of_whole: str, start: int) -> Case:
    """First or last day of a part "2026-01-01..2026-05-31" as text; nothing of parts that are no time."""
    dated = When(part__contains="..", then=Substr("part", start, 10))
    return Case(When(part="whole", then=Value(of_whole)), dated, output_field=CharField())


def open_in_a_closed_campaign() -> Rows:
    over = [Campaign.State.CLOSED, Campaign.State.ARCHIVED]
    states = [State.PREPARED, *EvaluationRequest.UNANSWERED]
    # What was answered once may be corrected for as long as somebody asks for it.
    return EvaluationRequest.objects.filter(state__in=states, campaign__state__in=over, reply=None)


def astray() -> Rows:
    """Asked where the member does not keep contact, and no reorganisation explains it."""
    before = Q(old=OuterRef("placement__commune")) | Q(old=OuterRef("placement__cell"))
    went_on = Exists(Succession.objects.filter(before, executed_at__isnull=False))
    commune = ~Q(residence_commune=F("placement__commune")) & ~Q(residence_cell__parent=F("residence_commune"))
    cell = Q(state=State.AT_CELL) & ~Q(residence_cell=F("placement__cell"))
    elsewhere = Q(state__in=EvaluationRequest.UNANSWERED) & (commune | cell) & ~Q(went_on)
    text = Q(assessment__isnull=False) & (~Q(assessment__placement=F("placement")) | ~Q(assessment__year=F("year")))
    return EvaluationRequest.objects.filter(elsewhere | text | ~Q(member=F("placement__member")))


def without_owner() -> Rows:
    closed = Q(residence_commune__closed_on__isnull=False) | Q(asker_now__closed_on__isnull=False)
    return EvaluationRequest.objects.filter(closed, state__in=EvaluationRequest.UNANSWERED)


def without_letter() -> Rows:
    """Out of the house, and no letter went with it."""
    asked = EvaluationRequest.objects.exclude(campaign=None).exclude(
        state__in=[State.PREPARED, State.CANCELLED, State.SUPERSEDED]
    )
    unsent = Q(letter=None) | Q(letter__state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    return asked.filter(unsent)


class _Listed(Func):
    """How many people stand in the list of a letter."""

    function = "jsonb_array_length"
    output_field = IntegerField()
    template = "jsonb_array_length(%(expressions)s -> 'rows')"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="json_array_length(%(expressions)s, '$.rows')", **context)


def miscounted() -> Rows:
    """The requests of a campaign, in whatever state, are those that its letters list."""
    letters = Document.objects.filter(genre=Document.Genre.REQUEST_LETTER, campaign__isnull=False, copy_of=None)
    counted = Subquery(_asked_by("letter")) + Subquery(_asked_by("letter__copy_of"))
    counted += Subquery(_asked_by("letter__copy_of__copy_of"))
    sent = letters.filter(state__in=[Document.State.ISSUED, Document.State.REPLACED], keyed_by=None)
    return sent.annotate(listed=_Listed("facts"), asked=counted).exclude(listed=F("asked"))


def _asked_by(letter: str) -> Rows:
    rows = EvaluationRequest.objects.filter(**{letter: OuterRef("pk")}).order_by()
    return rows.annotate(n=Func(F("pk"), function="COUNT", output_field=IntegerField())).values("n")


def unknown_reason() -> Rows:
    return EvaluationRequest.objects.filter(state=State.DECLINED).exclude(end_code__in=load().decline_codes)


# Texts


def confirmed_by_writer() -> Rows:
    online = Q(keyed_by=None) & (
        Q(confirmed_by__user=F("submitted_by__user")) | Q(confirmed_by__user=F("drafted_by__user"))
    )
    on_paper = Q(keyed_by__isnull=False, signer_name=F("confirmed_by__user__full_name"))
    return AssessmentVersion.objects.filter(online | on_paper, confirmed_by__isnull=False)


def confirmed_without_form() -> Rows:
    unmade = Q(form=None) | Q(form__state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    return AssessmentVersion.objects.filter(unmade, state=AssessmentVersion.State.CONFIRMED)


def returned_without_code() -> Rows:
    returned = AssessmentVersion.objects.filter(state=AssessmentVersion.State.RETURNED)
    books = returned.order_by().values_list("rulebook", flat=True).distinct()
    known = {code for book in books for code in load(book).return_codes}
    return returned.exclude(return_code__in=known)


# Nobody on himself or his household

ON_TEXTS = ("submitted", "confirmed", "returned", "keyed", "keyed_again")
ON_REQUESTS = ("answered", "considered")


def _own(member: str, *acts: str) -> Q:
    """Acts (`<act>_by`, `<act>_at`) on oneself, or on whom the person had declared by then as of his household."""
    kin = User.objects.filter(
        Q(kinships__isnull=False) | Q(member__kinships__isnull=False) | Q(member__kinships_of__isnull=False)
    )
    found = Q(pk__in=[])
    for act in acts:
        user = f"{act}_by__user"
        found |= Q(**{f"{user}__member": F(member)})
        # First whoever has declared anything at all: they are few.
        found |= Q(**{f"{user}__in": kin.values("pk")}) & Q(Exists(_links(member, user, f"{act}_at")))
    return found


def _links(member: str, user: str, at: str) -> QuerySet[Kinship]:
    whom, him = OuterRef(member), OuterRef(f"{user}__member")
    between = Q(member=whom) & (Q(relative_user=OuterRef(user)) | Q(relative=him))
    between |= Q(member=him) & (Q(relative=whom) | Q(relative_user__member=whom))
    then = Q(declared_at__lte=OuterRef(at)) & (Q(ended_at=None) | Q(ended_at__gt=OuterRef(at)))
    return Kinship.objects.filter(between, then)


def text_on_own() -> Rows:
    member = "assessment__placement__member"
    drafted = Q(drafted_by__user__member=F(member))
    return AssessmentVersion.objects.filter(drafted | _own(member, *ON_TEXTS))


def request_on_own() -> Rows:
    return EvaluationRequest.objects.filter(_own("member", *ON_REQUESTS))


# Paper and letters


def without_number() -> Rows:
    numbered = [genre for genre, sign in Document.SIGNS.items() if sign]
    sent = [Document.State.ISSUED, Document.State.REPLACED]
    return Document.objects.filter(Q(number=None) | Q(number=""), genre__in=numbered, state__in=sent)


def without_file() -> Rows:
    ours = Document.objects.filter(state=Document.State.ISSUED, keyed_by=None).exclude(render_error=DESTROYED)
    stored = DocumentFile.objects.filter(document=OuterRef("pk"), kind=DocumentFile.Kind.ISSUED)
    return ours.filter(~Exists(stored), issued_at__lt=timezone.now() - SETTLED_AFTER)


def damaged_file() -> Rows:
    """Cut short, or without its digest; whether each byte is right is asked by every backup."""
    return DocumentFile.objects.annotate(stored=Length("content"), digits=Length("sha256")).exclude(
        stored=F("size"), digits=64
    )


def undelivered_paper() -> Rows:
    """Issued to somebody, and nothing was ever to be sent. Of introductions one notice may speak of many."""
    letters = Letter.objects.filter(document=OuterRef("pk"))
    genres = [Document.Genre.REQUEST_LETTER, Document.Genre.REPLY_LETTER]
    sent = Document.objects.filter(genre__in=genres, state=Document.State.ISSUED, keyed_by=None)
    return sent.filter(~Exists(letters))


def sent_without_proof() -> Rows:
    """A message that no address took; a paper that nobody handed over."""
    electronic = Q(channel__in=Letter.ELECTRONIC, sent_to=0)
    return Letter.objects.filter(electronic | Q(channel=Letter.Channel.PRINT, hand_overs=None), state=Letter.State.SENT)


def unexplained_numbers() -> Rows:
    """Below the next number each is a document or stands in a range with its reason."""
    digits = Case(When(number__regex=r"^[0-9]+$", then=Cast("number", IntegerField())), output_field=IntegerField())
    papers = Document.objects.filter(series=OuterRef("pk")).annotate(no=digits).filter(no__lt=OuterRef("next_no"))
    ranges = NumberRange.objects.filter(series=OuterRef("pk"), first__lt=OuterRef("next_no"))
    length = Least(F("last"), OuterRef("next_no") - 1) - F("first") + 1
    written = Coalesce(Subquery(papers.order_by().values("series").annotate(n=Count("pk")).values("n")), 0)
    recorded = Coalesce(Subquery(ranges.order_by().values("series").annotate(n=Sum(length)).values("n")), 0)
    return NumberSeries.objects.annotate(held=written + recorded).exclude(held=F("next_no") - 1)


# Reminders


def unreminded() -> Rows:
    """A day of the ladder has passed, the run of that day is over, and nobody at the office was told."""
    run = steps.last_run()
    if run is None:
        return Organization.objects.none()
    # Who was appointed after the last run is told by the next.
    since = set(Seat.objects.filter(granted_at__gt=run).values_list("pk", flat=True))
    due: dict[int, date] = {}
    for digest in reminders.digests(steps.last_day_to_run()):
        if digest.seat not in since and digest.due:
            due[digest.to.recipient] = max(due.get(digest.to.recipient, digest.due), digest.due)
    told = Letter.objects.filter(kind=Letter.Kind.REMINDER, recipient__in=due).order_by().values_list("recipient")
    last = dict(told.annotate(last=Max("reminds_on")))
    missed = [pk for pk, day in due.items() if (last.get(pk) or date.min) < day]
    return Organization.objects.filter(pk__in=missed).exclude(pk__in=_given_since(run))


GIVEN = [
    f"EvaluationRequest.{act}" for act in ("to_cell", "succeed", "redirect", "replace", "split", "pass_on", "extend")
]


def _given_since(run: datetime) -> set[int]:
    """Offices whose work or days changed after the last run: the next one tells them, which is no fault."""
    events = AuditEvent.objects.filter(at__gt=run)
    acts = events.filter(object_type=EvaluationRequest._meta.label, verb__in=GIVEN)
    ids = {pk for one, many in acts.values_list("object_id", "object_ids") for pk in (*many, *([one] if one else []))}
    places = ("residence_commune", "residence_cell", "asker_now")
    found = {pk for row in EvaluationRequest.objects.filter(pk__in=ids).values_list(*places) for pk in row if pk}
    found |= set(events.filter(object_type=Organization._meta.label).values_list("object_id", flat=True)) - {None}
    communes = InnerDeadline.objects.filter(set_at__gt=run).values("commune")
    found |= set(Organization.objects.filter(Q(pk__in=communes) | Q(parent__in=communes)).values_list("pk", flat=True))
    return found


# Who belongs where


def overlap(model: Any) -> Rows:
    """The day of a change may belong to both rows; more may not."""
    end = Coalesce("until_on", Value(date.max))
    others = model.objects.filter(member=OuterRef("member"), pk__lt=OuterRef("pk"), from_on__lt=OuterRef("end"))
    crossing = others.annotate(end=end).filter(end__gt=OuterRef("from_on"))
    found: Rows = model.objects.annotate(end=end).filter(Exists(crossing))
    return found


def never_kept(model: Any, *columns: str) -> Rows:
    """Words of class (c), which is not even to be known (Guidance 33, 1.2); the texts are few, the rows many."""
    found = Q(pk__in=[])
    for column in columns:
        texts = model.objects.order_by().values_list(column, flat=True).distinct()
        found |= Q(**{f"{column}__in": [text for text in texts.iterator() if is_never_kept([text])]})
    rows: Rows = model.objects.filter(found)
    return rows


def exempt_unlawfully() -> Rows:
    words = never_kept(Placement, "cell_as_written", "exemption_proof")
    codes = Placement.objects.exclude(exemption="").exclude(exemption__in=load().exemptions)
    return Placement.objects.filter(Q(pk__in=words.values("pk")) | Q(pk__in=codes.values("pk")))


def seat_outside_life() -> Rows:
    began = OrganizationPeriod.objects.filter(organization=OuterRef("organization")).order_by()
    first = Subquery(began.values("organization").annotate(first=Min("from_on")).values("first"))
    closed = Q(organization__closed_on__isnull=False) & (
        Q(until_on=None) | Q(until_on__gt=F("organization__closed_on"))
    )
    # Given for a time to come, and ended before it began.
    never = Q(until_on=F("from_on"), from_on__gt=F("organization__closed_on"))
    return Seat.objects.annotate(began=first).filter(Q(from_on__lt=F("began")) | closed & ~never)


def wrong_path() -> Rows:
    chain = Concat(Coalesce("parent__path", Value("/")), Cast("pk", CharField()), Value("/"))
    return Organization.objects.annotate(chain=chain).exclude(path=F("chain"))
