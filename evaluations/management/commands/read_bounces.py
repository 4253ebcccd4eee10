"""Read the mailbox of returned letters now; the clock does it every ten minutes."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from evaluations import bounces


class Command(BaseCommand):
    help = "Đọc hộp thư trả lại (BOUNCES): ngừng gửi tới địa chỉ không còn nhận thư."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.BOUNCES:
            raise CommandError("Chưa đặt BOUNCES, ví dụ maildir:///var/mail/tra-lai")
        try:
            outcome = bounces.read(settings.BOUNCES)
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(f"{outcome.stopped} thư báo trả lại, {outcome.other} thư khác để người đọc.")
