"""The demonstration: every step of a season is there, loading again changes nothing, the sign-ins it prints work."""

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from evaluations.management.commands import load_demo
from evaluations.models import AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from members.models import Member, Organization, Placement, RosterImport


def load() -> list[str]:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def printed(db: None) -> list[str]:
    return load()


def rows() -> dict[str, list[object]]:
    """Everything in the tables of our apps."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values_list())
        for label in ("members", "evaluations")
        for model in apps.get_app_config(label).get_models()
    }


def test_loading_twice_changes_nothing(printed: list[str]) -> None:
    before = rows()

    assert load() == printed
    assert rows() == before


def test_it_is_a_slice_of_a_province(printed: list[str]) -> None:
    communes = Organization.objects.exclude(unit="")
    assert communes.count() >= 10
    assert communes.filter(kind="external").exists()
    assert Organization.objects.residence_cells().count() >= 30
    assert Organization.objects.filter(kind="grassroots").count() >= 2
    assert Member.objects.count() >= 190
    assert set(Placement.objects.values_list("standing", flat=True)) == {"active", "exempt_activity"}
    assert not RosterImport.objects.filter(committed_at=None).exists()


def test_every_state_that_the_verbs_reach_is_there(printed: list[str]) -> None:
    state = EvaluationRequest.State
    assert set(EvaluationRequest.objects.values_list("state", flat=True)) >= {
        state.PREPARED,
        state.ISSUED,
        state.AT_COMMUNE,
        state.AT_CELL,
        state.ANSWERED,
        state.RECEIVED,
        state.DECLINED,
        state.NO_REPLY,
    }
    assert set(AssessmentVersion.objects.values_list("state", flat=True)) >= {
        "draft",
        "submitted",
        "returned",
        "confirmed",
    }
    assert set(Document.objects.values_list("state", flat=True)) >= {"for_signature", "issued"}
    assert set(Campaign.objects.values_list("state", flat=True)) >= {"draft", "open", "closed"}
    assert set(Letter.objects.values_list("channel", flat=True)) == {"email", "print"}


def test_everybody_printed_can_sign_in(printed: list[str], settings: Any) -> None:
    settings.SECOND_FACTOR = False  # as script/server sets it
    password = printed[0].rpartition(" ")[2]
    names = [line.split()[0] for line in printed[1:]]

    assert names == list(load_demo.PEOPLE)
    for name in names:
        client = Client()
        answer = client.post(reverse("account_login"), {"login": name, "password": password})
        assert (name, answer.status_code, answer.headers.get("Location")) == (name, 302, "/")
        assert (name, client.get("/").status_code) == (name, 200)
