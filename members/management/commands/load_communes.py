"""All communes of the country into the address book: columns "Tỉnh, thành phố", "Xã, phường, đặc khu" and contacts.

Exit status: 0 everything was understood, 1 some rows were left out, 2 nothing was done (unreadable file).
"""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from members.models.communes import load
from members.roster import MAX_BYTES
from members.roster_table import RosterError
from members.tree_files import TreeRow, read_tree

LEFT_OUT, NOTHING_DONE = 1, 2
SHOWN = 50


class Command(BaseCommand):
    help = "Nạp danh mục xã, phường, đặc khu vào danh bạ (.xlsx, .xls, .ods, .csv); --dry-run chỉ đếm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="TỆP")
        parser.add_argument("--dry-run", action="store_true", help="đọc và đối chiếu, không ghi gì")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = self.read(options["file"])
        self.progress(f"Đối chiếu {len(rows)} đơn vị với danh bạ")
        with transaction.atomic():
            loaded = load(rows)
            transaction.set_rollback(options["dry_run"])
        for number, problem in loaded.faulty[:SHOWN]:
            self.progress(f"dòng {number}: {problem}")
        if loaded.filled:
            self.progress(f"Bổ sung địa chỉ, điện thoại cho {loaded.filled} đơn vị đã có")
        self.progress("Chưa ghi gì (--dry-run)" if options["dry_run"] else "Xong")
        understood, faulty = loaded.matched + loaded.new, len(loaded.faulty)
        self.stdout.write(f"understood={understood} faulty={faulty} matched={loaded.matched} new={loaded.new}")
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

    def progress(self, words: str) -> None:
        self.stderr.write(f"[{time.strftime('%H:%M:%S')}] {words}", style_func=str)
