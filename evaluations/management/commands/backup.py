"""Back the database up into a new folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluations.backups import BackupError, back_up


class Command(BaseCommand):
    help = "Sao lưu toàn bộ cơ sở dữ liệu vào một thư mục mới. Khóa của hệ thống phải cất riêng, ở nơi khác."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="thư mục chưa có, ví dụ /srv/sao-luu/2026-11-24")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            facts = back_up(options["folder"])
        except (BackupError, FileExistsError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"Đã sao lưu {sum(facts['rows'].values())} dòng; SHA-256 {facts['sha256']}")
