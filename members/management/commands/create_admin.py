"""The first administrator of an empty installation, with a password that is shown once.

Exit status: 0 done, 1 refused (there is an administrator, the name is taken, the password is weak), 2 wrong usage.
"""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from members.models import AuditEvent, Organization, Seat, User
from members.roles import Role

LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look like another
GROUPS, IN_GROUP = 4, 5


class Command(BaseCommand):
    help = "Lập người quản trị đầu tiên của một hệ thống còn trống; mật khẩu dùng một lần được in ra đúng một lần."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="TÊN")
        parser.add_argument("--full-name", default="", metavar="HỌ TÊN", help="mặc định: như tên đăng nhập")
        parser.add_argument("--province", metavar="TÊN", help="tỉnh ủy, thành ủy; cần khi chưa có tổ chức nào")
        parser.add_argument("--ask", action="store_true", help="hỏi mật khẩu (hoặc đọc một dòng) thay vì tự sinh")

    def handle(self, *args: Any, **options: Any) -> None:
        username = User.normalize_username(options["username"]).strip()
        if not username or len(username) > 60 or " " in username:
            raise CommandError("Tên đăng nhập viết liền, nhiều nhất 60 ký tự.", returncode=2)
        user = User(username=username, full_name=options["full_name"].strip()[:120] or username)
        password = self.asked() if options["ask"] else self.generated()
        try:
            validate_password(password, user)
        except ValidationError as weak:
            raise CommandError(f"Mật khẩu chưa đủ mạnh. {' '.join(weak.messages)}") from weak
        seat = self.create(user, password, options["province"])
        self.stderr.write(f"Đã lập quản trị hệ thống {username} tại {seat.organization.name}.", style_func=str)
        self.stderr.write("Đăng nhập rồi đổi mật khẩu ngay ở “Đổi mật khẩu”, cuối trang.", style_func=str)
        if not options["ask"]:
            self.stdout.write(password)

    @transaction.atomic
    def create(self, user: User, password: str, province: str | None) -> Seat:
        holders = Seat.objects.current().filter(role=Role.ADMINISTRATOR, user__is_active=True)
        if holders.exists():
            raise CommandError("Hệ thống đã có người quản trị. Người quản trị phân công người khác trên trang web.")
        if User.objects.filter(username=user.username).exists():
            raise CommandError(f"Đã có tài khoản {user.username}. Xin chọn tên khác.")
        place = self.place(province)
        user.set_password(password)
        user.save()
        seat = Seat.objects.create(user=user, organization=place, role=Role.ADMINISTRATOR, from_on=timezone.localdate())
        AuditEvent.objects.record("User.create_admin", by=None, on=user, fields=["username", "password"])
        AuditEvent.objects.record("Seat.grant", by=None, on=seat, fields=["role", "organization"])
        return seat

    def place(self, province: str | None) -> Organization:
        """The root of the tree; made when there is no tree yet."""
        roots = list(Organization.objects.filter(parent=None, kind=Organization.Kind.PROVINCE, closed_on=None)[:2])
        if province and (named := [root for root in roots if root.name == province.strip()]):
            return named[0]
        if len(roots) == 1 and not province:
            return roots[0]
        if not province:
            raise CommandError(
                "Ghi tỉnh ủy, thành ủy bằng --province, ví dụ --province 'Thành ủy Đà Nẵng'.", returncode=2
            )
        place = Organization.objects.add(None, kind=Organization.Kind.PROVINCE, name=province.strip()[:200])
        AuditEvent.objects.record("Organization.add", by=None, on=place, fields=["name"])
        return place

    def asked(self) -> str:
        """Typed twice unseen; one line where there is no terminal."""
        if not sys.stdin.isatty():
            return sys.stdin.readline().rstrip("\r\n")
        password = getpass.getpass("Mật khẩu: ")
        if getpass.getpass("Nhập lại mật khẩu: ") != password:
            raise CommandError("Hai lần nhập không giống nhau.")
        return password

    def generated(self) -> str:
        """About 116 bits, in groups that can be read out."""
        return "-".join("".join(secrets.choice(LETTERS) for _ in range(IN_GROUP)) for _ in range(GROUPS))
