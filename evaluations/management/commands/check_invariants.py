"""Ask every rule of the whole database now; the clock does it every night. Exit status 1 when one is broken."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluations.invariants import RULES, Rule, inspect

SHOWN = 20


class Command(BaseCommand):
    help = "Kiểm tra số liệu toàn hệ thống: nêu từng dòng trái quy tắc, bằng số của dòng, không nêu tên người."

    def handle(self, *args: Any, **options: Any) -> None:
        self.asked, self.since = 0, time.monotonic()
        kept = inspect(self._tell)
        self.stdout.write(
            f"Đã kiểm tra {len(RULES)} quy tắc; {len(kept.broken)} quy tắc có dòng sai, {kept.total} dòng."
        )
        if kept.broken:
            raise CommandError(f"{kept.total} dòng trái quy tắc. Xem trang Kiểm tra số liệu để biết cần làm gì.")

    def _tell(self, rule: Rule, ids: list[int]) -> None:
        now = time.monotonic()
        self.asked += 1
        self.stderr.write(f"{self.asked}/{len(RULES)} {rule.code} {now - self.since:.1f} s")
        self.since = now
        if ids:
            shown = ", ".join(map(str, ids[:SHOWN])) + (" …" if len(ids) > SHOWN else "")
            self.stdout.write(
                f"{rule.wrong}: {len(ids)} {rule.about} ({rule.model._meta.label}), số {shown}. {rule.remedy}"
            )
