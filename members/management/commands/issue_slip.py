"""Print a slip for one account: the first administrator's, or the last one's whose telephone is lost."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from members.models import User
from members.models.slips import issue_slip


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", default="cấp từ dòng lệnh")

    def handle(self, *args: Any, username: str, reason: str, **options: Any) -> None:
        holder = User.objects.filter(username=username, is_active=True).first()
        if holder is None:
            raise CommandError(f"No active account is named {username!r}.")
        slip = issue_slip(holder, by=None, reason=reason)
        self.stdout.write(f"{settings.PUBLIC_URL}{reverse('members:slip_enter')}#{slip.code}")
        self.stdout.write(f"Dùng một lần, trước {slip.expires_at:%d/%m/%Y}. Mã dự phòng: {', '.join(slip.backups)}")
