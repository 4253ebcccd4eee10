"""What a ward's lists call a place, and which of its cells leads it: counted from what it has decided, and corrected.

90,000 groups are being renumbered (tổ 12 cũ → tổ 5): one cell may lead several groups, and only the ward knows which.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.placements import Placement
from members.names import search_key, tidy

if TYPE_CHECKING:
    from members.models.accounts import Seat

# As offices write them; the letters and the number of "TDP7" belong to two words.
_SHORT = (
    (re.compile(r"([a-z])(\d)"), r"\1 \2"),
    (re.compile(r"^chi bo "), ""),
    (re.compile(r"\b(to dan pho|tdp)\b"), "to"),
    (re.compile(r"\bkp\b"), "khu pho"),
    (re.compile(r"\bso (?=\d)"), ""),
    (re.compile(r"\b0+(?=\d)"), ""),
)


def place_key(words: str) -> str:
    """The same for "Tổ dân phố số 07", "TDP7" and "tổ 7"."""
    key = search_key(words)
    for pattern, instead in _SHORT:
        key = pattern.sub(instead, key)
    return key


@dataclass(frozen=True)
class Learned:
    """What is known of one wording."""

    words: str
    cell_id: int | None  # None: said to be asked each time
    times: int  # how often this cell was chosen
    of: int  # how often any
    own: "CellName | None" = None

    @property
    def is_sure(self) -> bool:
        return self.own is not None or self.times == self.of


class CellNameQuerySet(models.QuerySet["CellName"]):
    @transaction.atomic
    def say(self, commune: Organization, words: str, cell: Organization | None, *, by: "Seat") -> "CellName":
        """The ward's own line; the same words again correct it."""
        key = place_key(words)
        before = self.filter(commune=commune, key=key, source=CellName.Source.OWN).first()
        line = before or CellName(commune=commune, key=key, source=CellName.Source.OWN)
        was = line.cell_id
        line.words, line.cell, line.said_by, line.said_at = tidy(words), cell, by, timezone.now()
        line.save()
        changes = {"words": [None, line.words], "cell": [was, line.cell_id]}
        AuditEvent.objects.record("CellName.say", by=by, on=line, changes=changes)
        return line

    def listed(self, commune: Organization, words: str, cell: Organization, times: int) -> None:
        """A later list calls the place of so many people otherwise, and their cell is known."""
        known = {"commune": commune, "key": place_key(words), "cell": cell, "source": CellName.Source.LIST}
        line, is_new = self.get_or_create(**known, defaults={"words": tidy(words), "times": times})
        if not is_new:
            self.filter(pk=line.pk).update(times=models.F("times") + times)


class CellName(models.Model):
    class Source(models.TextChoices):
        OWN = "own", "Đảng ủy ghi"
        LIST = "list", "Theo danh sách"

    commune = models.ForeignKey(Organization, models.PROTECT, related_name="cell_names")
    words = models.CharField("tên gọi trong danh sách", max_length=120)
    key = models.CharField(max_length=120)
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    source = models.CharField("nguồn", max_length=4, choices=Source.choices)
    times = models.PositiveIntegerField("số lần", default=1)
    said_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    said_at = models.DateTimeField(null=True)

    objects = CellNameQuerySet.as_manager()

    class Meta:
        verbose_name = "tên gọi của tổ dân phố, thôn"
        constraints = [
            models.CheckConstraint(name="cell_name_source_known", condition=Q(source__in=["own", "list"])),
            models.CheckConstraint(name="cell_name_says_something", condition=~Q(key="")),
            models.UniqueConstraint(name="cell_name_one_own", fields=["commune", "key"], condition=Q(source="own")),
            models.UniqueConstraint(
                name="cell_name_one_counted", fields=["commune", "key", "cell"], condition=Q(source="list")
            ),
            models.CheckConstraint(
                name="cell_name_whose_word",
                condition=Q(source="list", cell__isnull=False)
                | Q(source="own", said_by__isnull=False, said_at__isnull=False),
            ),
        ]

    def take_back(self, *, by: "Seat") -> None:
        """The ward's line goes; what was counted holds again. The history keeps what it said."""
        changes = {"words": [self.words, None], "cell": [self.cell_id, None]}
        AuditEvent.objects.record("CellName.take_back", by=by, on=self, changes=changes)
        self.delete()


def learned_cells(commune: Organization) -> dict[str, Learned]:
    """{key of the words: what is known}: what the commune decided before, what its lists add, what it says itself."""
    chosen: dict[str, Counter[int]] = {}
    spelt: dict[str, str] = {}
    past = Placement.objects.filter(commune=commune, cell__isnull=False, cell__closed_on=None)
    rows = past.exclude(cell_written_key="").order_by().values_list("cell_written_key", "cell_id")
    for written, cell_id, count, words in rows.annotate(n=models.Count("pk"), words=models.Min("cell_as_written")):
        _count(chosen, spelt, place_key(written), cell_id, count, words)
    own = {}
    for line in CellName.objects.filter(commune=commune).filter(Q(cell=None) | Q(cell__closed_on=None)):
        if line.source == CellName.Source.OWN:
            own[line.key] = line
        elif line.cell_id:
            _count(chosen, spelt, line.key, line.cell_id, line.times, line.words)
    found = {key: _best(spelt[key], counts) for key, counts in chosen.items()}
    for key, line in own.items():
        counted = chosen.get(key, Counter())
        times = counted[line.cell_id] if line.cell_id else 0
        found[key] = Learned(line.words, line.cell_id, times, counted.total(), line)
    return found


def _count(
    chosen: dict[str, Counter[int]], spelt: dict[str, str], key: str, cell_id: int, count: int, words: str
) -> None:
    chosen.setdefault(key, Counter())[cell_id] += count
    spelt.setdefault(key, words)


def _best(words: str, counts: Counter[int]) -> Learned:
    cell_id, times = counts.most_common(1)[0]
    return Learned(words, cell_id, times, counts.total())


@transaction.atomic
def renumber(commune: Organization, pairs: list[tuple[str, str]], *, by: "Seat") -> list[str]:
    """Groups get other names, all at once (12 → 5 and 5 → 12): the new words lead where the old ones led.

    The old names of those about which nothing is known.
    """
    known = learned_cells(commune)
    cells = Organization.objects.in_bulk({row.cell_id for row in known.values() if row.cell_id})
    unknown = []
    for old, new in pairs:
        row = known.get(place_key(old))
        if row is None or row.cell_id is None:
            unknown.append(old)
        else:
            CellName.objects.say(commune, new, cells[row.cell_id], by=by)
    return unknown
