"""Committees and cells in one tree. The row is the identity; name, parent and path are its present-day projection."""

import re
from datetime import date
from typing import Any

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, Now
from django.utils import timezone

from members.names import name_key, search_key

_COMMITTEE = re.compile(r"(đảng|tỉnh|thành) (?:ủy|uỷ) ", re.IGNORECASE)
_ORGANIZATION = {"đảng": "Đảng bộ ", "tỉnh": "Đảng bộ tỉnh ", "thành": "Đảng bộ thành phố "}


def _party_organization(committee: str) -> str:
    """The organisation a committee leads: "Thành ủy Đà Nẵng" → "Đảng bộ thành phố Đà Nẵng"."""
    return _COMMITTEE.sub(lambda found: _ORGANIZATION[found[1].lower()], committee, count=1)


def next_path(path: str) -> str:
    """The first string after everything below `path`: "/1/17/" → "/1/170", because "0" follows "/"."""
    return path[:-1] + chr(ord("/") + 1)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def below(self, organization: "Organization") -> "OrganizationQuerySet":
        """The organisation itself and all under it."""
        return self.filter(path__gte=organization.path, path__lt=next_path(organization.path))

    def communes(self) -> "OrganizationQuerySet":
        """Committees of communes, wards and special zones, on the system or only in the address book."""
        return self.filter(closed_on=None).exclude(unit="")

    def residence_cells(self) -> "OrganizationQuerySet":
        return self.filter(kind=Organization.Kind.CELL, side=Organization.Side.RESIDENCE, closed_on=None)

    def workplace_cells(self) -> "OrganizationQuerySet":
        return self.filter(kind=Organization.Kind.CELL, side=Organization.Side.WORKPLACE, closed_on=None)

    @transaction.atomic
    def add_many(self, rows: "list[Organization]", since: date) -> int:
        """Create many, each with its parent stored already, in few statements. A path needs the id: it is filled in."""
        for row in rows:
            row.set_keys()
            row.path = f"new-{id(row)}"
        self.bulk_create(rows, batch_size=500)
        OrganizationPeriod.objects.bulk_create(
            [
                OrganizationPeriod(
                    organization=row,
                    name=row.name,
                    search_key=row.search_key,
                    parent_id=row.parent_id,
                    from_on=since,
                )
                for row in rows
            ],
            batch_size=500,
        )
        above = Organization.objects.filter(pk=OuterRef("parent")).values("path")
        path = Concat(Coalesce(Subquery(above), Value("/")), Cast("pk", models.CharField()), Value("/"))
        return self.filter(path__startswith="new-").update(path=path)

    @transaction.atomic
    def add(self, parent: "Organization | None", *, since: date | None = None, **fields: Any) -> "Organization":
        """Create an organisation under `parent` with its first period."""
        organization = Organization(parent=parent, **fields)
        organization.set_keys()
        organization.path = f"new-{id(organization)}"
        organization.save()
        organization.path = f"{parent.path if parent else '/'}{organization.pk}/"
        organization.save(update_fields=["path"])
        OrganizationPeriod.objects.create(
            organization=organization,
            name=organization.name,
            search_key=organization.search_key,
            parent=parent,
            from_on=since or timezone.localdate(),
        )
        return organization


class Organization(models.Model):
    class Kind(models.TextChoices):
        PROVINCE = "province", "Tỉnh ủy, thành ủy"
        COMMUNE = "commune", "Đảng ủy xã, phường, đặc khu"
        GRASSROOTS = "grassroots", "Tổ chức cơ sở đảng"
        SECTIONAL = "sectional", "Đảng ủy bộ phận"
        CELL = "cell", "Chi bộ"
        # On paper only: an entry of the address book, checked on a date.
        EXTERNAL = "external", "Đảng ủy ngoài hệ thống"

    # Units that ask nobody by themselves: the committee above them does.
    CELLS = (Kind.CELL, Kind.SECTIONAL)

    class Side(models.TextChoices):
        WORKPLACE = "workplace", "Nơi công tác"
        RESIDENCE = "residence", "Nơi cư trú"

    class Unit(models.TextChoices):
        WARD = "phường", "phường"
        COMMUNE = "xã", "xã"
        ZONE = "đặc khu", "đặc khu"

    kind = models.CharField("loại", max_length=12, choices=Kind.choices)
    side = models.CharField("thuộc", max_length=10, choices=Side.choices, blank=True)
    name = models.CharField("tên", max_length=200)
    unit = models.CharField("đơn vị hành chính", max_length=8, choices=Unit.choices, blank=True)
    locality = models.CharField("địa danh", max_length=80, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # Bytewise comparable ("/1/17/305/"); collation C on PostgreSQL (migration), so that one range finds a branch.
    path = models.CharField(max_length=120, unique=True)
    search_key = models.CharField(max_length=200, db_index=True)
    locality_key = models.CharField(max_length=80, blank=True, db_index=True)
    closed_on = models.DateField("kết thúc hoạt động", null=True, blank=True)
    # Paper: letterhead, signing formula and signer are data of the organisation (domain §6.5).
    superior_line = models.CharField("dòng cấp trên", max_length=200, blank=True)
    issuer_line = models.CharField("dòng cơ quan ban hành", max_length=200, blank=True)
    sign_suffix = models.CharField("ký hiệu", max_length=10, blank=True)
    place_name = models.CharField("địa danh ghi trên văn bản", max_length=80, blank=True)
    authority = models.CharField("thể thức đề ký", max_length=120, blank=True)
    signer_position = models.CharField("chức vụ người ký", max_length=80, blank=True)
    signer_name = models.CharField("người ký", max_length=120, blank=True)
    has_seal = models.BooleanField("có con dấu", default=True)
    reply_copies = models.PositiveSmallIntegerField("số bản công văn trả lời", default=2)
    # Address book
    address = models.CharField("địa chỉ", max_length=250, blank=True)
    phone = models.CharField("điện thoại", max_length=40, blank=True)
    email = models.EmailField("hộp thư công vụ", blank=True)
    contact = models.CharField("cán bộ đầu mối", max_length=120, blank=True)
    checked_on = models.DateField("ngày kiểm tra danh bạ", null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = "tổ chức đảng"
        ordering = ["path"]
        constraints = [
            models.CheckConstraint(
                name="organization_kind_known",
                condition=Q(kind__in=["province", "commune", "grassroots", "sectional", "cell", "external"]),
            ),
            models.CheckConstraint(
                name="organization_cell_has_side",
                condition=Q(kind="cell", side__in=["workplace", "residence"]) | (~Q(kind="cell") & Q(side="")),
            ),
            models.CheckConstraint(
                name="organization_commune_has_unit", condition=~Q(kind="commune") | (~Q(unit="") & ~Q(locality=""))
            ),
            # Party cells and sectional committees have no seal (Regulation 294, 20.3.3).
            models.CheckConstraint(
                name="organization_cell_no_seal", condition=~Q(kind__in=["cell", "sectional"]) | Q(has_seal=False)
            ),
            models.CheckConstraint(
                name="organization_some_copies", condition=Q(reply_copies__gte=1, reply_copies__lte=20)
            ),
            # Never K/T (domain §6.5); empty: the usual T/M.
            models.CheckConstraint(
                name="organization_signs_for_the_committee",
                condition=Q(authority="") | Q(authority__startswith="T/M ") | Q(authority__startswith="T/L "),
            ),
            models.CheckConstraint(name="organization_not_its_own_parent", condition=~Q(parent=F("pk"))),
        ]

    def __str__(self) -> str:
        return self.name

    def set_keys(self) -> None:
        self.search_key = search_key(self.name)
        self.locality_key = name_key(self.locality) if self.locality else ""
        if self.kind in (self.Kind.CELL, self.Kind.SECTIONAL):
            self.has_seal = False

    @property
    def is_cell(self) -> bool:
        return self.kind == self.Kind.CELL

    @property
    def may_have_below(self) -> bool:
        return self.kind not in (self.Kind.CELL, self.Kind.EXTERNAL)

    @property
    def has_committees_below(self) -> bool:
        """Whether other committees than itself work below it: then it may set a season for them."""
        below = Organization.objects.below(self).filter(closed_on=None).exclude(pk=self.pk)
        return below.exclude(kind__in=[*self.CELLS, self.Kind.EXTERNAL]).exists()

    @property
    def speaks_as_cell(self) -> bool:
        """A cell, or a grassroots cell that asks for itself: its papers are those of a chi bộ."""
        return self.kind == self.Kind.CELL or (
            self.kind == self.Kind.GRASSROOTS and self.search_key.startswith("chi bo ")
        )

    @property
    def is_on_system(self) -> bool:
        return self.kind != self.Kind.EXTERNAL

    @property
    def asking_committee(self) -> "Organization":
        """Who asks about the members of a workplace cell: the committee above cells and sectional committees."""
        above = self
        while above.kind in self.CELLS and above.parent:
            above = above.parent
        return above

    @property
    def place(self) -> str:
        """Địa danh of its papers: a cell uses the commune's."""
        return self.place_name or self.locality or (self.parent.place if self.parent else "")

    @property
    def area(self) -> str:
        """ "phường An Hải" for a committee of a commune, else ""."""
        return f"{self.unit} {self.locality}" if self.unit else ""

    def letterhead(self, genre_sign: str = "") -> dict[str, str]:
        """The head facts of a document this organisation issues (domain §6.3, components 2 to 4)."""
        return {
            "superior": self.superior_line or self._superior_line(),
            "issuer": (self.issuer_line or self.name).upper(),
            "sign": f"{genre_sign}/{self.sign_suffix or self._sign_suffix()}" if genre_sign else "",
            "place": self.place,
        }

    def _superior_line(self) -> str:
        above = self.parent
        if above is None:
            return "ĐẢNG CỘNG SẢN VIỆT NAM"
        return (f"Đảng bộ {above.area}" if above.area else _party_organization(above.name)).upper()

    def _sign_suffix(self) -> str:
        if self.speaks_as_cell:
            return "CB"
        return "TU" if self.kind == self.Kind.PROVINCE else "ĐU"

    def signature(self) -> dict[str, str]:
        """The signature facts (domain §6.5): T/M, position, name; never a seal."""
        default = "T/M CHI BỘ" if self.speaks_as_cell else "T/M ĐẢNG ỦY"
        return {
            "authority": self.authority or default,
            "position": self.signer_position or "BÍ THƯ",
            "name": self.signer_name,
        }


class OrganizationPeriod(models.Model):
    """What an organisation was called and whom it belonged to, from … to; the open period is the present."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="periods")
    name = models.CharField("tên", max_length=200)
    search_key = models.CharField(max_length=200, blank=True, db_index=True)
    parent = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    from_on = models.DateField()
    until_on = models.DateField(null=True)

    class Meta:
        verbose_name = "giai đoạn của tổ chức"
        constraints = [
            models.CheckConstraint(
                name="period_ends_after_start", condition=Q(until_on=None) | Q(until_on__gte=F("from_on"))
            ),
            models.UniqueConstraint(name="period_one_open", fields=["organization"], condition=Q(until_on=None)),
        ]


class Succession(models.Model):
    """`old` continues in `new` since a date; planned until executed."""

    class Kind(models.TextChoices):
        MERGE = "merge", "Hợp nhất, sáp nhập"
        SPLIT = "split", "Chia tách"

    old = models.ForeignKey(Organization, models.PROTECT, related_name="successions")
    new = models.ForeignKey(Organization, models.PROTECT, related_name="predecessions")
    on = models.DateField("kể từ ngày")
    kind = models.CharField("hình thức", max_length=6, choices=Kind.choices)
    planned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    planned_at = models.DateTimeField(db_default=Now())
    executed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "kế thừa tổ chức"
        constraints = [
            models.CheckConstraint(name="succession_kind_known", condition=Q(kind__in=["merge", "split"])),
            models.CheckConstraint(name="succession_between_two", condition=~Q(old=F("new"))),
            models.UniqueConstraint(name="succession_once", fields=["old", "new", "on"]),
        ]
