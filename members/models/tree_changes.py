"""How the tree changes: names, superiors, one organisation continued in others. Set by set, never row by row.

A dated row that goes on in another place (a name, a membership, a place of contact) keeps its identity, because open
work hangs on it: the time before is kept as a closed copy beside it (`keep_past`). So nobody ever has two open rows,
and who was where before is still there to be read.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import CharField, DateField, F, Q, Value
from django.db.models.functions import Cast, Concat, Greatest, Substr
from django.utils import timezone

from members.models.accounts import Seat
from members.models.organizations import Organization, OrganizationPeriod, Succession
from members.models.people import Membership
from members.models.placements import Placement
from members.states import Refused

Kind, Side = Organization.Kind, Organization.Side
# Kind → kinds that may stand directly above it; "" is the top of a tree.
ABOVE: dict[str, tuple[str, ...]] = {
    Kind.PROVINCE: ("",),
    Kind.COMMUNE: (Kind.PROVINCE,),
    # The committees of a province's offices lead grassroots committees of their own.
    Kind.GRASSROOTS: (Kind.PROVINCE, Kind.COMMUNE, Kind.GRASSROOTS),
    Kind.SECTIONAL: (Kind.GRASSROOTS,),
    Kind.CELL: (Kind.COMMUNE, Kind.GRASSROOTS, Kind.SECTIONAL),
    Kind.EXTERNAL: (Kind.PROVINCE, ""),
}


def hold_tree(*organizations: Organization) -> None:
    """The tops of these organisations' trees until the end of the transaction: two changes at once could each be right
    and together make a circle."""
    tops = {int(organization.path.split("/")[1]) for organization in organizations}
    list(Organization.objects.select_for_update(no_key=True).filter(pk__in=tops).order_by("pk"))


def place_problem(kind: str, side: str, parent: Organization | None) -> str:
    """Why an organisation of this kind cannot stand there; "" when it can."""
    if parent and parent.closed_on:
        return f"{parent.name} đã kết thúc hoạt động. Chọn tổ chức cấp trên khác."
    if parent and parent.kind == Kind.CELL:
        return f"{parent.name} là chi bộ, không có tổ chức trực thuộc. Chọn đảng ủy cấp trên của chi bộ này."
    if (parent.kind if parent else "") not in ABOVE[kind]:
        where = parent.get_kind_display().lower() if parent else "cấp cao nhất"
        return f"{Kind(kind).label} không trực thuộc {where}. Chọn tổ chức cấp trên khác."
    if kind == Kind.CELL and side == Side.RESIDENCE and parent and parent.kind != Kind.COMMUNE:
        return "Chi bộ nơi cư trú trực thuộc đảng ủy xã, phường, đặc khu. Chọn đảng ủy nơi cư trú."
    return ""


def day_problem(organizations: Iterable[Organization], on: date) -> str:
    """Why nothing can change on that day: it was not there yet, or it has changed since."""
    open_periods = OrganizationPeriod.objects.filter(organization__in=list(organizations), until_on=None)
    latest = open_periods.filter(from_on__gte=on).select_related("organization").order_by("-from_on").first()
    if latest is None:
        return ""
    return (
        f"Sổ ghi {latest.organization.name} như hiện nay từ ngày {latest.from_on:%d/%m/%Y}. "
        f"Chọn ngày sau {latest.from_on:%d/%m/%Y}."
    )


def keep_past(rows: "models.QuerySet[Any]", on: date) -> int:
    """Of dated rows that go on otherwise from `on`: a closed copy for the time before; the row itself begins anew."""
    model, lasting = rows.model, rows.filter(until_on=None, from_on__lt=on)
    columns = [column.attname for column in model._meta.concrete_fields if not column.primary_key]
    last = Value(on - timedelta(days=1), output_field=DateField())
    said = {f"c_{name}": last if name == "until_on" else F(name) for name in columns}
    try:
        sql, params = lasting.order_by().annotate(**said).values_list(*said).query.sql_with_params()
    except EmptyResultSet:  # of nothing: Django makes no statement of that
        return 0
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        # Names come from the model, values travel as parameters.
        into = f"{quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"
        cursor.execute(f"INSERT INTO {into} {sql}", params)  # noqa: S608
        kept = int(cursor.rowcount)
    lasting.update(from_on=on)
    return kept


def rename(organization: Organization, on: date, **names: str) -> None:
    """A new name (and, for a commune, its unit and locality); what it was called is kept in its past."""
    periods = OrganizationPeriod.objects.filter(organization=organization, until_on=None)
    keep_past(periods, on)
    for field, words in names.items():
        setattr(organization, field, words)
    organization.set_keys()
    # A letterhead typed by hand holds the old name.
    organization.issuer_line = ""
    organization.save(update_fields=[*names, "search_key", "locality_key", "issuer_line"])
    periods.update(name=organization.name, search_key=organization.search_key)


def put_under(heads: list[Organization], parent: Organization, on: date) -> None:
    """Another superior for organisations that live on: a statement for each branch, one for all cells together."""
    if any(parent.path.startswith(head.path) for head in heads):
        raise Refused(f"{parent.name} nằm trong chính tổ chức được chuyển. Chọn tổ chức cấp trên khác.")
    ids = [head.pk for head in heads]
    periods = OrganizationPeriod.objects.filter(organization__in=ids, until_on=None)
    keep_past(periods, on)
    periods.update(parent=parent)
    _hang(heads, parent)


def _hang(heads: list[Organization], parent: Organization) -> None:
    cells = [head.pk for head in heads if head.kind == Kind.CELL]
    own_id = Cast("pk", CharField())
    Organization.objects.filter(pk__in=cells).update(parent=parent, path=Concat(Value(parent.path), own_id, Value("/")))
    for head in heads:
        if head.kind != Kind.CELL:
            moved = Concat(Value(f"{parent.path}{head.pk}/"), Substr("path", len(head.path) + 1))
            Organization.objects.below(head).update(path=moved)
    Organization.objects.filter(pk__in=[head.pk for head in heads]).update(parent=parent)


def hand_on(olds: list[Organization], new: Organization, on: date) -> dict[str, int]:
    """Everything that is there now goes on in `new`: what stands below, who belongs there; how many of each."""
    children = list(Organization.objects.filter(parent__in=olds, closed_on=None).order_by("pk"))
    put_under([child for child in children if child.pk != new.pk], new, on)
    counts = {"organizations": len(children)}
    here = [old.pk for old in olds]
    for name, rows, place in (
        ("communes", Placement.objects.filter(commune__in=here, until_on=None), "commune"),
        ("placements", Placement.objects.filter(cell__in=here, until_on=None), "cell"),
        ("memberships", Membership.objects.filter(cell__in=here, until_on=None), "cell"),
    ):
        counts[name] = go_on(rows, on, **{place: new})
    counts["placements"] += counts.pop("communes")
    return counts


def go_on(rows: "models.QuerySet[Any]", on: date, **elsewhere: Organization) -> int:
    """Dated rows that go on in another place since a day; how many."""
    keep_past(rows, on)
    return rows.update(**elsewhere)


def close(olds: list[Organization], on: date, *, kept_by: Organization | None = None) -> None:
    """No longer there from `on`. Whoever continues their work keeps their papers: they stand below it from now on."""
    last = on - timedelta(days=1)
    ids = [old.pk for old in olds]
    periods = OrganizationPeriod.objects.filter(organization__in=ids, until_on=None)
    periods.update(until_on=Greatest("from_on", Value(last, output_field=DateField())))
    Organization.objects.filter(pk__in=ids).update(closed_on=last)
    if kept_by and kept_by.may_have_below:
        _hang(list(Organization.objects.filter(pk__in=ids)), kept_by)


def end_seats(olds: list[Organization], on: date) -> list[Seat]:
    """Nobody acts for what is no longer there; the seats that were held on that day or were to begin later."""
    held = Seat.objects.filter(Q(until_on=None) | Q(until_on__gte=on), organization__in=olds)
    ended = list(held.select_related("user"))
    last = Value(on - timedelta(days=1), output_field=DateField())
    held.update(until_on=Greatest("from_on", last))
    return ended


def carry_seats(seats: list[Seat], new: Organization, on: date, *, by: Seat) -> int:
    """Who held a seat in what was there before holds the same in `new`; one held there already is not doubled."""
    known = set(Seat.objects.filter(organization=new, until_on=None).values_list("user", "role"))
    fresh = {
        (seat.user_id, seat.role): Seat(
            user_id=seat.user_id,
            organization=new,
            role=seat.role,
            from_on=max(on, seat.from_on),
            until_on=seat.until_on,
            as_deputy=seat.as_deputy,
            acting=seat.acting,
            acting_paper=seat.acting_paper,
            granted_by=by,
        )
        for seat in seats
        if (seat.user_id, seat.role) not in known
    }
    return len(Seat.objects.bulk_create(fresh.values()))


def note_succession(olds: list[Organization], new: Organization, kind: str, on: date, *, by: Seat) -> None:
    Succession.objects.bulk_create(
        Succession(old=old, new=new, on=on, kind=kind, planned_by=by, executed_at=timezone.now()) for old in olds
    )


def successor(organization: Organization) -> Organization:
    """Who continues the work of a merged organisation today; itself when it is open or nobody does."""
    found = organization
    while found.closed_on and (
        step := Succession.objects.filter(old=found, kind=Succession.Kind.MERGE, executed_at__isnull=False)
        .select_related("new")
        .order_by("-on", "-pk")
        .first()
    ):
        found = step.new
    return found
