"""Walk the sealed history and name every row that is not as it was written; exit status 1 when there is one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from members.models.sealing import Head, noted_heads, verify_history

SHOWN = 50


class Command(BaseCommand):
    help = "Đối chiếu chuỗi niêm phong của lịch sử; nêu từng dòng bị sửa, xóa, đổi thứ tự hoặc cắt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", metavar="SỐ:DẤU", help="dấu niêm cuối đã ghi lại ở nơi khác, ví dụ trong báo cáo")

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify_history([*noted_heads(), *_given(options["head"])])
        for fault in verdict.faults[:SHOWN]:
            self.stdout.write(fault)
        if len(verdict.faults) > SHOWN:
            self.stdout.write(f"… và {len(verdict.faults) - SHOWN} lỗi khác.")
        head = f"{verdict.head.position}:{verdict.head.mac}" if verdict.head else "chưa có"
        self.stdout.write(f"Đã kiểm tra {verdict.sealed} dòng; {verdict.erased} dòng đã xóa nội dung riêng tư.")
        self.stdout.write(f"Dấu niêm cuối: {head}")
        if verdict.faults:
            raise CommandError(f"Lịch sử không còn nguyên vẹn: {len(verdict.faults)} lỗi.")


def _given(text: str | None) -> list[Head]:
    if not text:
        return []
    position, _, mac = text.partition(":")
    if not position.isdecimal() or not mac:
        raise CommandError("--head cần dạng SỐ:DẤU như dòng “Dấu niêm cuối” đã in.")
    return [Head(int(position), mac)]
