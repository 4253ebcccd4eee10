"""Sharing the members of a cell: the grid that gives them to followers, and the part of it that one person sees."""

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.http import QueryDict

from evaluations.models import Assessment
from evaluations.models.assessments import draft_assessments
from evaluations.models.sharing import Follower, bonds, cell_followers, follower_of, known_followers, share
from members.models import Organization, Placement, Seat
from members.names import search_key, tidy

MINE, ALL, NOBODY = "toi", "ca", "chua"
# How the rows can be laid out, so that neighbours stand together and a range of numbers is a street or an office.
ORDERS = {"ten": "họ tên", "noi-o": "nơi ở", "noi-cong-tac": "nơi công tác"}
NAME_LIMIT = 120


@dataclass
class ShareRow:
    """One member in the grid, numbered in the order that is shown."""

    no: int
    assessment: Assessment
    follower: Follower | None
    problem: str = ""

    @property
    def placement(self) -> Placement:
        return self.assessment.placement

    @property
    def value(self) -> str:
        return self.follower.key if self.follower else ""


@dataclass(frozen=True)
class Outcome:
    given: int
    kept: int  # changed by somebody else since the page was opened
    own: int  # left out because nobody follows himself or his household


class ShareGrid:
    """Everybody of a cell for one year with who follows him. Whatever button is pressed, single choices are kept."""

    def __init__(self, cell: Organization, year: int, order: str) -> None:
        self.cell, self.year = cell, year
        self.order = order if order in ORDERS else "ten"
        assessments = draft_assessments(cell, year)
        self.followers = known_followers(cell, assessments)
        self.able = [*cell_followers(cell), *(f for f in self.followers.values() if not f.seat)]
        self.bound = bonds(self.followers.values())
        ordered = sorted(assessments, key=self._place)
        self.rows = [ShareRow(no, row, follower_of(row)) for no, row in enumerate(ordered, 1)]
        self.problems: list[str] = []

    def _place(self, assessment: Assessment) -> Any:
        """By names as they come; by number of the house, not by its digits, along a street."""
        placement = assessment.placement
        if self.order == "noi-cong-tac":
            return search_key(getattr(placement, "workplace", "") or "")
        if self.order == "noi-o":
            words = f"{placement.cell_written_key} {_street(placement.member.address)}"
            return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", words)]
        return 0  # stable: the order of names

    @property
    def unshared(self) -> list[ShareRow]:
        """Nobody follows these, or somebody who has left the task."""
        return [row for row in self.rows if row.follower is None or row.follower.has_left]

    def counts(self) -> list[tuple[Follower, int]]:
        return [
            (follower, sum(row.value == key for row in self.rows))
            for key, follower in self.followers.items()
            if follower in self.able or any(row.value == key for row in self.rows)
        ]

    def next_range(self) -> tuple[int, int]:
        """The first run of rows that nobody follows, at most an even share of it."""
        if not self.unshared:
            return 1, len(self.rows)
        first = self.unshared[0].no
        size = -(-len(self.rows) // max(len(self.able), 1))
        last = first
        while last < len(self.rows) and last - first + 1 < size and self.rows[last] in self.unshared:
            last += 1
        return first, last

    @transaction.atomic
    def save(self, data: QueryDict, *, by: Seat) -> Outcome:
        """Single choices that were changed, then what the pressed button says."""
        chosen, kept = self._single(data)
        bulk = self._range(data) if "range" in data else self._evenly() if "evenly" in data else {}
        own = [
            pk for pk, follower in bulk.items() if follower and follower.bound_to(self._row(pk).placement, self.bound)
        ]
        chosen |= {pk: follower for pk, follower in bulk.items() if pk not in own}
        return Outcome(share(self.cell, self.year, chosen, by=by) if chosen else 0, kept, len(own))

    def _row(self, placement_id: int) -> ShareRow:
        return next(row for row in self.rows if row.placement.pk == placement_id)

    def _single(self, data: QueryDict) -> tuple[dict[int, Follower | None], int]:
        """What was chosen row by row; a row that somebody else changed since the page was opened is left alone."""
        chosen: dict[int, Follower | None] = {}
        kept = 0
        for row in self.rows:
            pk = row.placement.pk
            value, before = data.get(f"f{pk}"), data.get(f"w{pk}", "")
            if value is None or value == before or value == row.value:
                continue
            if before != row.value:
                kept += 1
            elif value and value not in self.followers:
                self.problems.append("Có lựa chọn không hợp lệ nên chưa được lưu.")
            else:
                chosen[pk] = self.followers.get(value)
        return chosen, kept

    def _range(self, data: QueryDict) -> dict[int, Follower | None]:
        first, last = _number(data.get("first", "")), _number(data.get("last", ""))
        if not 1 <= first <= last <= len(self.rows):
            self.problems.append(f"Ghi “từ số” và “đến số” trong khoảng 1 đến {len(self.rows)}, số sau không nhỏ hơn.")
            return {}
        follower = self._chosen_follower(data)
        return {row.placement.pk: follower for row in self.rows[first - 1 : last]} if follower else {}

    def _chosen_follower(self, data: QueryDict) -> Follower | None:
        """Somebody of the list, or a comrade without an account whose name is typed."""
        name = tidy(data.get("name", ""))
        if len(name) > NAME_LIMIT:
            self.problems.append(f"Họ tên dài quá {NAME_LIMIT} ký tự.")
            return None
        follower = self.followers.get(data.get("follower", "")) if not name else Follower(name)
        if follower is None:
            self.problems.append("Chọn đồng chí theo dõi, hoặc ghi họ tên đồng chí chưa có tài khoản.")
        return follower

    def _evenly(self) -> dict[int, Follower | None]:
        """Who has least gets next, in runs, so that neighbours stay together."""
        if not self.able:
            self.problems.append(
                "Chi bộ chưa có đồng chí nào được giao soạn nhận xét. Ghi họ tên ở phần “Giao theo số”."
            )
            return {}
        having = {follower.key: sum(row.value == follower.key for row in self.rows) for follower in self.able}
        target = -(-len(self.rows) // len(self.able))
        chosen: dict[int, Follower | None] = {}
        for row in self.unshared:
            fitting = [f for f in self.able if having[f.key] < target and not f.bound_to(row.placement, self.bound)]
            follower = next(iter(fitting), None) or min(self.able, key=lambda f: having[f.key])
            having[follower.key] += 1
            chosen[row.placement.pk] = follower
        return chosen


def _street(address: str) -> str:
    """ "12/3 đường Hoa Lư" → "duong hoa lu 12 3": the street first, then the number."""
    words = search_key(address).split()
    numbers = list(takewhile(lambda word: word[0].isdigit(), words))
    return " ".join([*words[len(numbers) :], *numbers])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


@dataclass(frozen=True)
class Choice:
    key: str
    label: str
    count: int
    left: int


class Part:
    """Which rows of the grid of ratings are shown: mine, everybody's, or one follower's."""

    def __init__(self, rows: list[Any], seat: Seat, asked: str, *, is_head: bool) -> None:
        """`is_head`: the secretary begins with the whole cell, the others with their own share."""
        user = seat.user
        followers = {follower.key: follower for row in rows if (follower := row.follower)}
        mine = [row for row in rows if row.follower and row.follower.is_user(user)]
        parts = {MINE: ("Phần của tôi", mine), ALL: ("Cả chi bộ", rows)} if mine else {ALL: ("Cả chi bộ", rows)}
        for key, follower in followers.items():
            if not follower.is_user(user):
                parts[key] = (follower.name, [row for row in rows if row.follower and row.follower.key == key])
        if followers and (nobodys := [row for row in rows if row.follower is None]):
            parts[NOBODY] = ("Chưa phân công", nobodys)
        self._first = MINE if mine and not is_head else ALL
        self.key = asked if asked in parts else self._first
        self.rows = parts[self.key][1]
        self.choices = [
            Choice(key, label, len(its), sum(not row.is_sent and not row.is_complete for row in its))
            for key, (label, its) in parts.items()
        ]
        self.is_shared = bool(followers)

    @property
    def query(self) -> str:
        """What keeps the part in an address; what a person begins with anyway stays out of it."""
        return "" if self.key == self._first else f"?phan={self.key}"
