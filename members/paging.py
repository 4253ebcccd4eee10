"""Lists that go on after a row instead of counting rows: page 1,000 costs what page 1 costs.

First the keys of one page, read from an index; whatever a row shows is joined to these few afterwards. The address
names a row by its id only: the order itself (sort_key) is the name of a person.
"""

from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

ON_PAGE = 50
AFTER, BEFORE = "sau", "truoc"
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Keys:
    """The ids of one page in order, and the addresses of its neighbours (None where there is none)."""

    ids: list[int]
    prev_url: str | None
    next_url: str | None


def page_of(
    rows: QuerySet[Row],
    order: tuple[str, str],
    asked: QueryDict,
    kept: dict[str, str],
    *,
    is_descending: bool = False,
    size: int = ON_PAGE,
) -> Keys:
    """The page that `asked` (a query string) names; `kept` are the words that go along to its neighbours."""
    is_back = asked.get(BEFORE, "").isdecimal()
    mark = _values(rows, order, asked.get(BEFORE if is_back else AFTER, ""))
    found = rows.filter(_beyond(order, mark, is_descending != is_back)) if mark else rows
    signs = ("-" if is_descending != (is_back and bool(mark)) else "") + "{}"
    ids = list(found.order_by(*(signs.format(name) for name in order)).values_list("pk", flat=True)[: size + 1])
    is_more, ids = len(ids) > size, ids[:size]
    if is_back and mark:
        ids.reverse()
    has_before, has_after = (is_more, bool(ids)) if is_back and mark else (bool(mark and ids), is_more)
    return Keys(
        ids,
        f"?{urlencode(kept | {BEFORE: ids[0]})}" if has_before else None,
        f"?{urlencode(kept | {AFTER: ids[-1]})}" if has_after else None,
    )


def _values(rows: QuerySet[Row], order: tuple[str, str], mark: str) -> tuple[Any, Any] | None:
    """Where in the order the row stands; None for one that is not in the list (any more): then the list begins."""
    if not mark.isdecimal() or len(mark) > 18:
        return None
    return rows.filter(pk=int(mark)).values_list(*order).first()


def _beyond(order: tuple[str, str], mark: tuple[Any, Any], is_down: bool) -> Q:
    """The lower bound is said alone first: of an OR no database makes a range of its index."""
    first, second = order
    sign = "lt" if is_down else "gt"
    ties = Q(**{first: mark[0], f"{second}__{sign}": mark[1]})
    return Q(**{f"{first}__{sign}e": mark[0]}) & (Q(**{f"{first}__{sign}": mark[0]}) | ties)


def in_order(rows: QuerySet[Row], ids: list[int]) -> list[Row]:
    """The rows with these ids, in their order."""
    found = {row.pk: row for row in rows.filter(pk__in=ids)}
    return [found[pk] for pk in ids if pk in found]
