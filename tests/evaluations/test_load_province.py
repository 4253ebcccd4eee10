"""The synthetic province: counts, the same people for the same seed, rows such as the product makes them."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from evaluations.models import Campaign, Document, EvaluationRequest, Letter
from evaluations.models.campaigns import NumberChoice
from members.models import Member, Membership, Organization, OrganizationPeriod, Placement, Seat, User
from members.names import name_key, search_key, sort_key
from members.roles import Action

pytestmark = pytest.mark.django_db
SIZE = {"members": 300, "cells": 12, "communes": 4, "workplaces": 2}


def load(seed: int = 7, **sizes: int) -> list[str]:
    out = StringIO()
    call_command("load_province", seed=seed, stdout=out, **(SIZE | sizes))
    return out.getvalue().splitlines()


def people() -> list[tuple[object, ...]]:
    return list(
        Member.objects.order_by("pk", "placements").values_list(
            "full_name", "birth_date", "memberships__cell__name", "placements__commune__name", "placements__cell__name"
        )
    )


def test_the_size_is_as_asked() -> None:
    printed = load()

    kinds = Organization.objects.order_by("kind", "side").values_list("kind", "side")
    assert {pair: list(kinds).count(pair) for pair in kinds} == {
        ("province", ""): 1,
        ("commune", ""): 4,
        ("external", ""): 1,
        ("grassroots", ""): 2,
        ("cell", "residence"): 12,
        ("cell", "workplace"): 12,
    }
    assert (Member.objects.count(), Membership.objects.count()) == (300, 300)
    assert OrganizationPeriod.objects.filter(until_on=None).count() == 32
    assert (User.objects.count(), Seat.objects.count()) == (1 + 4 + 8, 2 + 4 + 16)
    assert [line.partition(":")[0] for line in printed[:3]] == [
        "Tổ chức đảng",
        "Tài khoản, nhiệm vụ",
        "Đảng viên, nơi công tác, nơi giữ mối liên hệ",
    ]
    assert printed[-3:-1] == ["  đảng viên: 300", "  sinh hoạt tại chi bộ nơi công tác: 300"]


@pytest.mark.parametrize(("seed", "is_same"), [(7, True), (8, False)])
def test_the_same_seed_makes_the_same_people(seed: int, is_same: bool) -> None:
    load(seed=7)
    first = people()
    for model in (Placement, Membership, Member, Seat, User, OrganizationPeriod):
        model._default_manager.all().delete()
    for organization in Organization.objects.order_by("-path"):
        organization.delete()
    load(seed=seed)

    assert (people() == first) is is_same


def test_rows_are_such_as_the_product_makes_them() -> None:
    load()

    for organization in Organization.objects.select_related("parent"):
        above = organization.parent.path if organization.parent else "/"
        assert organization.path == f"{above}{organization.pk}/"
        assert organization.search_key == search_key(organization.name)
        assert organization.locality_key == (name_key(organization.locality) if organization.locality else "")
        assert organization.has_seal == (organization.kind != "cell")
    for member in Member.objects.all():
        keys = (search_key(member.full_name), sort_key(member.full_name), member.birth_date and member.birth_date.year)
        assert (member.search_key, member.sort_key, member.birth_year) == keys
        assert "Mẫu" in member.full_name
    for placement in Placement.objects.select_related("commune", "cell"):
        assert placement.cell_written_key == search_key(placement.cell_as_written)
        assert placement.cell is None or placement.cell.parent_id == placement.commune_id
        assert (placement.cell is None) == (placement.assigned_by is None)


def test_every_kind_of_case_occurs() -> None:
    load(members=1500)

    now = Placement.objects.current()
    found = {
        "assigned": now.active().exclude(cell=None).count(),
        "waiting for a cell": now.active().filter(cell=None, commune__kind="commune").count(),
        "exempt": now.filter(standing="exempt_activity").exclude(exemption="").count(),
        "on paper": now.filter(commune__kind="external").count(),
        "nowhere": Member.objects.filter(placements=None).count(),
        "earlier": Placement.objects.exclude(until_on=None).count(),
        "recent": Member.objects.filter(joined_on__gt=timezone.localdate() - timedelta(days=90)).count(),
    }
    assert [case for case, times in found.items() if times == 0] == []
    assert found["assigned"] > 1000


def test_a_campaign_can_be_launched_on_it() -> None:
    load()
    office = Organization.objects.filter(kind="grassroots")[0]
    start = timezone.localdate() + timedelta(days=40)
    officer = User.objects.get(username="canbo.1").acting(Action.PREPARE, office)
    campaign = Campaign.objects.create(
        committee=office,
        year=start.year,
        self_criticism_on=start,
        due_on=start - timedelta(days=15),
        prepared_by=officer,
    )
    preview = campaign.preview()
    campaign.present(by=officer)
    sent = campaign.issue(NumberChoice(), by=User.objects.get(username="ky.1").acting(Action.SIGN, office))

    assert sent == len(preview.communes) == Document.objects.count() == Letter.objects.count() == 5
    assert preview.asked == EvaluationRequest.objects.filter(state="issued").count()
    assert preview.asked + len(preview.left_out) == Member.objects.in_committee(office).count()


def test_a_register_that_holds_people_is_refused() -> None:
    load()
    before = Member.objects.count(), Organization.objects.count()
    with pytest.raises(CommandError, match="^Cơ sở dữ liệu đã có đảng viên. Lệnh này chỉ chạy trên") as refused:
        load()

    assert refused.value.returncode == 1
    assert (Member.objects.count(), Organization.objects.count()) == before


@pytest.mark.parametrize("size", ["0", "-3", "nhiều"])
def test_nonsense_sizes_are_refused(size: str) -> None:
    with pytest.raises(CommandError, match="--members"):
        call_command("load_province", f"--members={size}", "--cells=2", "--seed=1")

    assert not Organization.objects.exists()
