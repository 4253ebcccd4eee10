"""Fill an empty database from a backup and compare it with the manifest."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from evaluations.backups import BackupError, restore


class Command(BaseCommand):
    help = "Khôi phục bản sao lưu vào một cơ sở dữ liệu trống rồi đối chiếu số dòng, văn bản và lịch sử."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="thư mục do lệnh backup tạo ra")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = restore(options["folder"])
        except (BackupError, FileNotFoundError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"Đã khôi phục và đối chiếu {sum(manifest['rows'].values())} dòng, sao lưu {manifest['made_at']}"
        )
