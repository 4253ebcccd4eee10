"""A list of members from the command line, by the same staging as the page: read, compared, written or only counted.

Exit status: 0 everything was understood, 1 some rows were left out (faulty, or a question for a person), 2 nothing was
done (wrong usage, unreadable file, nobody to act for the committee).
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from members.models import Organization, RosterHeading, RosterImport, Seat
from members.roles import Action
from members.roster import MAX_BYTES, Roster, RosterError, read_roster
from members.states import Refused

LEFT_OUT, NOTHING_DONE = 1, 2
SHOWN = 20  # sentences about rows


class Command(BaseCommand):
    help = "Đưa danh sách đảng viên (.xlsx, .xls, .ods, .csv) vào sổ theo dõi của một đảng ủy; --dry-run chỉ đếm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="TỆP")
        parser.add_argument("--committee", type=int, required=True, metavar="ID", help="số của đảng ủy, chi bộ cơ sở")
        parser.add_argument(
            "--as", dest="username", metavar="TÊN", help="tài khoản chịu trách nhiệm, khi có nhiều người"
        )
        parser.add_argument("--dry-run", action="store_true", help="đọc và đối chiếu, không ghi gì")

    def handle(self, *args: Any, **options: Any) -> None:
        committee = self.committee(options["committee"])
        seat = self.seat(committee, options["username"])
        roster = self.read(options["file"], committee)
        with transaction.atomic():
            self.progress("Đối chiếu với sổ theo dõi")
            staged = RosterImport.objects.stage(committee, roster, options["file"].name, by=seat)
            sheets = [staged, *staged.other_sheets.order_by("pk")]
            self.tell(sheets)
            if not options["dry_run"]:
                self.write(sheets, seat)
            counts = self.counts(sheets)
            transaction.set_rollback(options["dry_run"])
        self.progress("Xong" if not options["dry_run"] else "Chưa ghi gì (--dry-run)")
        self.stdout.write(" ".join(f"{name}={number}" for name, number in counts.items()))
        if counts["faulty"]:
            sys.exit(LEFT_OUT)

    def committee(self, pk: int) -> Organization:
        found = Organization.objects.filter(pk=pk, closed_on=None, side="").exclude(kind="external").first()
        if found is None:
            raise CommandError(f"Không có đảng ủy số {pk} đang hoạt động.", returncode=NOTHING_DONE)
        return found

    def seat(self, committee: Organization, username: str | None) -> Seat:
        """Who answers for the list: whoever keeps the committee's roster; named when several do."""
        keeping = Seat.objects.that_may(Action.KEEP_ROSTER, committee).filter(user__is_active=True)
        seats = {seat.user.username: seat for seat in keeping.select_related("user", "organization").order_by("pk")}
        if username:
            seats = {name: seat for name, seat in seats.items() if name == username}
        if len(seats) != 1:
            known = ", ".join(seats) or "chưa ai"
            raise CommandError(
                f"Người giữ danh sách của {committee.name}: {known}. Chỉ rõ một người bằng --as TÊN.",
                returncode=NOTHING_DONE,
            )
        return next(iter(seats.values()))

    def read(self, path: Path, committee: Organization) -> Roster:
        self.progress(f"Đọc {path.name}")
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)  # one byte more tells that there is more
            meanings = RosterHeading.objects.meanings(committee)
            roster = read_roster(content, path.name, today=timezone.localdate(), corrections=meanings)
        except OSError as problem:
            raise CommandError(f"Không mở được tệp: {problem.strerror}.", returncode=NOTHING_DONE) from problem
        except RosterError as problem:
            raise CommandError(str(problem), returncode=NOTHING_DONE) from problem
        if not roster.rows and not roster.others:
            words = " ".join(roster.problems) or "Tệp không có dòng nào đọc được."
            raise CommandError(words, returncode=NOTHING_DONE)
        return roster

    def write(self, sheets: list[RosterImport], seat: Seat) -> None:
        for staged in sheets:
            self.progress(f"Đưa vào sổ: {staged.sheet or staged.filename}")
            try:
                staged.commit(by=seat)
            except Refused as refusal:
                raise CommandError(str(refusal), returncode=NOTHING_DONE) from refusal

    def counts(self, sheets: list[RosterImport]) -> dict[str, int]:
        """What is planned, or once it is written what was done; understood = matched + new, a question is a fault."""
        found = {"understood": 0, "faulty": 0, "matched": 0, "new": 0}
        for staged in sheets:
            plans = {"faulty": 0, "question": 0, **(staged.outcome or staged.counts())}
            found["faulty"] += plans["faulty"] + plans["question"] + plans.get("left", 0)
            found["matched"] += plans["changed"] + plans["same"]
            found["new"] += plans["new"]
        found["understood"] = found["matched"] + found["new"]
        return found

    def tell(self, sheets: list[RosterImport]) -> None:
        """Which rows need a person, by their numbers: the words of the list itself stay out of logs."""
        for staged in sheets:
            left = staged.rows.filter(plan__in=["faulty", "question"]).order_by("row_no")
            numbers = [str(number) for number in left.values_list("row_no", flat=True)]
            name = staged.sheet or staged.filename
            if numbers:
                more = f" … và {len(numbers) - SHOWN} dòng nữa" if len(numbers) > SHOWN else ""
                self.progress(f"{name}: bỏ lại dòng {', '.join(numbers[:SHOWN])}{more}; sửa trong tệp rồi nhập lại")
            if staged.dropped:
                self.progress(f"{name}: {len(staged.dropped)} dòng thuộc diện miễn giới thiệu, không lưu")

    def progress(self, words: str) -> None:
        self.stderr.write(f"[{time.strftime('%H:%M:%S')}] {words}", style_func=str)
