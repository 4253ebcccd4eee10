"""A made-up province of any size, written in bulk: what benchmarks and load trials run on.

The rows are those that the verbs would leave (paths, periods, search keys, stamps); only the way in differs. The same
figures and the same seed give the same people, whatever the day.
"""

import random
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from evaluations.rulebooks import load
from members.models import Member, Membership, Organization, OrganizationPeriod, Placement, Seat, User
from members.roles import Role

LONG_AGO = date(2025, 7, 1)
AT_ONCE = 2000  # rows held in memory
MEMBERS_A_WORKPLACE, MEMBERS_A_CELL, CELLS_A_COMMUNE = 1500, 25, 20
SURNAMES = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Huỳnh",
    "Phan",
    "Vũ",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Lý",
]
MIDDLE = {"M": ["Văn", "Đức", "Hữu", "Quang", "Công", "Đình"], "F": ["Thị", "Thị Ngọc", "Thị Thu", "Thị Kim", "Thúy"]}
GIVEN = [
    "An",
    "Ánh",
    "Bình",
    "Châu",
    "Chi",
    "Dũng",
    "Đạt",
    "Điệp",
    "Giang",
    "Hà",
    "Hải",
    "Hiền",
    "Hùng",
    "Hương",
    "Khoa",
]
GIVEN += [
    "Lan",
    "Linh",
    "Long",
    "Mai",
    "Nam",
    "Nga",
    "Oanh",
    "Phước",
    "Quân",
    "Sơn",
    "Tâm",
    "Thủy",
    "Tuấn",
    "Uyên",
    "Yến",
]
POSITIONS = ["Chuyên viên", "Trưởng phòng", "Phó trưởng phòng", "Kế toán", "Văn thư", "Kỹ sư", "Giáo viên", "Bác sĩ"]


class Command(BaseCommand):
    help = "Nạp một tỉnh giả định cỡ bất kỳ để đo hiệu năng (mọi tên người, tên đơn vị đều bịa)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--members", type=_positive, required=True, help="số đảng viên")
        parser.add_argument("--cells", type=_positive, required=True, help="số chi bộ nơi cư trú")
        parser.add_argument("--seed", type=int, required=True, help="số mầm: cùng số mầm cho cùng một tỉnh")
        parser.add_argument("--communes", type=_positive, help="số đảng ủy xã, phường (mặc định: 20 chi bộ một phường)")
        parser.add_argument("--workplaces", type=_positive, help="số đảng ủy cơ quan (mặc định: 1.500 người một nơi)")

    def handle(self, *args: Any, **options: Any) -> None:
        if Member.objects.exists():
            raise CommandError("Cơ sở dữ liệu đã có đảng viên. Lệnh này chỉ chạy trên cơ sở dữ liệu còn trống.")
        province = Province(
            members=options["members"],
            cells=options["cells"],
            communes=options["communes"] or max(1, options["cells"] // CELLS_A_COMMUNE),
            workplaces=options["workplaces"] or max(1, options["members"] // MEMBERS_A_WORKPLACE),
            seed=options["seed"],
        )
        with transaction.atomic():
            for words, stage in province.stages():
                start = time.perf_counter()
                rows = stage()
                seconds = time.perf_counter() - start
                self.stdout.write(f"{words}: {rows} dòng, {seconds:.1f} giây, {rows / seconds:.0f} dòng/giây")
        for model in (Organization, User, Seat, Member, Membership, Placement):
            self.stdout.write(f"  {model._meta.verbose_name}: {model._default_manager.count()}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


class Province:
    def __init__(self, *, members: int, cells: int, communes: int, workplaces: int, seed: int) -> None:
        self.size = members
        self.cells, self.communes, self.workplaces = max(cells, communes), communes, workplaces
        self.chance = random.Random(seed)  # noqa: S311  # nothing secret: repeatable people
        self.today = timezone.localdate()
        self.exemptions = sorted(load().exemptions)
        self.cells_of: dict[int, list[int]] = {}  # commune → its residence cells
        self.officer_of: dict[int, int] = {}  # commune → the seat that assigns
        self.external: list[int] = []
        self.workplace_cells: list[int] = []

    def stages(self) -> Iterator[tuple[str, Callable[[], int]]]:
        yield "Tổ chức đảng", self.build_tree
        yield "Tài khoản, nhiệm vụ", self.seat_officials
        yield "Đảng viên, nơi công tác, nơi giữ mối liên hệ", self.add_people

    # Organisations: one level of the tree after another, so that each finds its parents' paths

    def build_tree(self) -> int:
        (province,) = self.add_level([_named("Tỉnh ủy Tỉnh Mẫu", "province", place_name="Tỉnh Mẫu", sign_suffix="TU")])
        communes = self.add_level(_commune(province, number, "commune") for number in range(1, self.communes + 1))
        self.cells_of = {commune: [] for commune in communes}
        elsewhere = range(self.communes + 1, self.communes + 2 + self.communes // 20)
        self.external = self.add_level(_commune(province, number, "external") for number in elsewhere)
        offices = self.add_level(_workplace(province, number) for number in range(1, self.workplaces + 1))
        residence = self.add_level(
            _cell(communes[number % len(communes)], "residence", f"Tổ dân phố {1 + number // len(communes)}")
            for number in range(self.cells)
        )
        for number, cell in enumerate(residence):
            self.cells_of[communes[number % len(communes)]].append(cell)
        self.workplace_cells = self.add_level(
            _cell(offices[number % len(offices)], "workplace", str(1 + number // len(offices)))
            for number in range(max(len(offices), self.size // MEMBERS_A_CELL))
        )
        return Organization.objects.count() + OrganizationPeriod.objects.count()

    def add_level(self, organizations: Iterable[Organization]) -> list[int]:
        """The ids of the new rows, in order."""
        rows = list(organizations)
        Organization.objects.add_many(rows, LONG_AGO)
        return [row.pk for row in rows]

    # Officials: enough to play a season; their passwords are unusable until somebody sets one

    def seat_officials(self) -> int:
        province = Organization.objects.filter(kind="province", name="Tỉnh ủy Tỉnh Mẫu").values_list("pk", flat=True)
        seats: list[tuple[str, int, tuple[Role, ...]]] = [("tinh", province[0], (Role.OVERSEER, Role.ADMINISTRATOR))]
        offices = Organization.objects.filter(kind="grassroots").order_by("pk").values_list("pk", flat=True)
        for number, office in enumerate(offices, 1):
            seats += [(f"canbo.{number}", office, (Role.OFFICER,)), (f"ky.{number}", office, (Role.SIGNER,))]
        for number, (commune, cells) in enumerate(self.cells_of.items(), 1):
            seats.append((f"phuong.{number}", commune, (Role.CLERK, Role.OFFICER, Role.SIGNER)))
            seats.append((f"bithu.{number}", cells[0], (Role.SECRETARY,)))
        users = [
            User(username=name, full_name=self.name(self.sex()), email=f"{name}@example.org", password=_no_password())
            for name, _, _ in seats
        ]
        User.objects.bulk_create(users)
        rows = [
            Seat(user=user, organization_id=place, role=role, from_on=LONG_AGO)
            for user, (_, place, roles) in zip(users, seats, strict=True)
            for role in roles
        ]
        Seat.objects.bulk_create(rows)
        self.officer_of = {seat.organization_id: seat.pk for seat in rows if seat.role == Role.OFFICER}
        return len(users) + len(rows)

    # People: the generator is drawn from in one fixed order, batch after batch

    def add_people(self) -> int:
        rows = 0
        for batch in _batches(self.person(number) for number in range(self.size)):
            Member.objects.bulk_create(batch)
            memberships = [self.membership(member) for member in batch]
            placements = [row for member in batch for row in self.placements(member)]
            Membership.objects.bulk_create(memberships)
            Placement.objects.bulk_create(placements)
            rows += len(batch) + len(memberships) + len(placements)
        return rows

    def sex(self) -> str:
        return self.chance.choice("MF")

    def name(self, sex: str) -> str:
        return " ".join(
            [self.chance.choice(SURNAMES), self.chance.choice(MIDDLE[sex]), "Mẫu", self.chance.choice(GIVEN)]
        )

    def person(self, number: int) -> Member:
        """One in fifty was admitted lately. Encryption costs more than all the rest: few have a phone and address."""
        sex = self.sex()
        born = date(1962, 1, 1) + timedelta(days=self.chance.randrange(38 * 365))
        joined = born + timedelta(days=self.chance.randrange(20 * 365, 24 * 365))
        if self.chance.random() < 0.02:
            joined = self.today - timedelta(days=self.chance.randrange(5, 90))
        is_reachable = number % 100 == 0
        member = Member(
            full_name=self.name(sex),
            sex=sex,
            birth_date=born,
            joined_on=joined,
            official_on=joined + timedelta(days=365) if joined < self.today - timedelta(days=366) else None,
            phone=f"09000{number % 100_000:05d}" if is_reachable else "",
            address=f"Số {number % 300 + 1} Đường Mẫu" if is_reachable else "",
        )
        member.set_keys()
        return member

    def membership(self, member: Member) -> Membership:
        cell, position = self.chance.choice(self.workplace_cells), self.chance.choice(POSITIONS)
        return Membership(member=member, cell_id=cell, position=position, from_on=LONG_AGO)

    def placements(self, member: Member) -> Iterator[Placement]:
        """Of a hundred: 1 has no commune yet, 3 live where only paper reaches, 5 are exempt, 8 wait for their cell."""
        share = self.chance.random()
        if share < 0.01:
            return
        if share < 0.04:
            yield _placement(member, self.chance.choice(self.external), "Thôn 1")
            return
        commune = self.chance.choice(list(self.cells_of))
        number = self.chance.randrange(len(self.cells_of[commune]))
        written = f"Tổ dân phố {number + 1}"
        if share > 0.9:  # lived elsewhere before
            earlier = {"from_on": LONG_AGO - timedelta(days=900), "until_on": LONG_AGO - timedelta(days=1)}
            yield _placement(member, self.chance.choice(list(self.cells_of)), "", **earlier)
        if share < 0.09:
            reason = self.chance.choice(self.exemptions)
            yield _placement(member, commune, written, standing="exempt_activity", exemption=reason)
        elif share < 0.17:
            yield _placement(member, commune, written)
        else:
            assigned = {"assigned_at": timezone.now(), "assigned_by_id": self.officer_of[commune]}
            yield _placement(member, commune, written, cell_id=self.cells_of[commune][number], **assigned)


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(rows)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


def _no_password() -> str:
    return make_password(None)


def _named(name: str, kind: str, parent: int | None = None, **fields: Any) -> Organization:
    return Organization(name=name, kind=kind, parent_id=parent, **fields)


def _commune(province: int, number: int, kind: str) -> Organization:
    fields = {"unit": "phường", "locality": f"Mẫu {number}", "signer_name": "Lê Mẫu Ký", "phone": "0200 000 0002"}
    email = f"phuongmau{number}@example.org" if kind == "commune" else ""
    return _named(f"Đảng ủy phường Mẫu {number}", kind, province, email=email, **fields)


def _workplace(province: int, number: int) -> Organization:
    fields = {"place_name": "Tỉnh Mẫu", "signer_name": "Phạm Mẫu Ký", "address": f"Số {number} Đường Mẫu"}
    return _named(
        f"Đảng ủy Cơ quan Mẫu {number}", "grassroots", province, email=f"coquanmau{number}@example.org", **fields
    )


def _cell(parent: int, side: str, words: str) -> Organization:
    return _named(f"Chi bộ {words}", "cell", parent, side=side)


def _placement(member: Member, commune: int, written: str, **fields: Any) -> Placement:
    fields = {"from_on": LONG_AGO, **fields}
    row = Placement(
        member=member, commune_id=commune, cell_as_written=written, origin=Placement.Origin.ROSTER, **fields
    )
    row.set_keys()
    return row
