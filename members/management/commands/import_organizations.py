"""A list of organisations from the command line, by the same reading and planning as the page.

Exit status: 0 everything was understood, 1 some rows were left out, 2 nothing was done (unreadable file, wrong place).
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from members.models import Organization
from members.models.tree_imports import Plan, Planned, counts, plan, write
from members.roster import MAX_BYTES
from members.roster_table import RosterError
from members.states import Refused
from members.tree_files import TreeRow, read_tree

LEFT_OUT, NOTHING_DONE = 1, 2
SHOWN = 50  # sentences about rows


class Command(BaseCommand):
    help = "Đưa danh sách tổ chức đảng (.xlsx, .xls, .ods, .csv) vào dưới một tổ chức; --dry-run chỉ đếm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="TỆP")
        parser.add_argument("--under", type=int, required=True, metavar="ID", help="số của tổ chức cấp trên")
        parser.add_argument("--dry-run", action="store_true", help="đọc và đối chiếu, không ghi gì")

    def handle(self, *args: Any, **options: Any) -> None:
        under = Organization.objects.filter(pk=options["under"], closed_on=None).first()
        if under is None or not under.may_have_below:
            raise CommandError(f"Không có tổ chức cấp trên số {options['under']}.", returncode=NOTHING_DONE)
        rows = self.read(options["file"])
        self.progress(f"Đối chiếu {len(rows)} dòng với các tổ chức dưới {under.name}")
        found = self.write(under, rows, dry=options["dry_run"])
        faulty = [item for item in found if item.plan == Plan.FAULTY]
        for item in faulty[:SHOWN]:
            self.progress(f"dòng {item.row.no}: {item.row.name}: {item.problem}")
        if len(faulty) > SHOWN:
            self.progress(f"… và {len(faulty) - SHOWN} dòng nữa")
        self.progress("Chưa ghi gì (--dry-run)" if options["dry_run"] else "Xong")
        self.stdout.write(" ".join(f"{name}={number}" for name, number in counts(found).items()))
        if faulty:
            sys.exit(LEFT_OUT)

    def read(self, path: Path) -> list[TreeRow]:
        self.progress(f"Đọc {path.name}")
        try:
            with path.open("rb") as file:
                return read_tree(file.read(MAX_BYTES + 1), path.name)
        except OSError as problem:
            raise CommandError(f"Không mở được tệp: {problem.strerror}.", returncode=NOTHING_DONE) from problem
        except RosterError as problem:
            raise CommandError(str(problem), returncode=NOTHING_DONE) from problem

    def write(self, under: Organization, rows: list[TreeRow], *, dry: bool) -> list[Planned]:
        if dry:
            return plan(under, rows)
        try:
            with transaction.atomic():
                return write(under, rows, by=None)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=NOTHING_DONE) from refusal

    def progress(self, words: str) -> None:
        self.stderr.write(f"[{time.strftime('%H:%M:%S')}] {words}", style_func=str)
