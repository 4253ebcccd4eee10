"""What belongs into the archive of a campaign or of a ward's year, and in which order: letters, replies, forms."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery

from evaluations.models.bundles import Bundle
from evaluations.models.campaigns import Campaign
from evaluations.models.documents import Document
from evaluations.models.packs import OUT
from evaluations.models.print_plans import Order, Sheet, steps
from evaluations.models.requests import EvaluationRequest
from members.models import Membership, Organization, User

Genre = Document.Genre
# What has left a house stays a record of it, also when something else holds today.
LEFT = [Document.State.ISSUED, Document.State.REPLACED, Document.State.WITHDRAWN]
RANK = {Genre.REQUEST_LETTER: 0, Genre.REPLY_LETTER: 1, Genre.ASSESSMENT_FORM: 2, Genre.REPORT: 3}
PERSON = "version__assessment__placement__member"
PLACES = {
    "writer": F("issuer__search_key"),
    "receiver": F("recipient__search_key"),
    "above": F("issuer__parent__search_key"),
    "cell": F("issuer__path"),
    "who": F(f"{PERSON}__sort_key"),
}


class Sequence(models.TextChoices):
    COMMUNE = "xa-phuong", "Theo đảng ủy xã, phường"
    WORKPLACE = "noi-cong-tac", "Theo nơi công tác"
    CELL = "chi-bo", "Theo chi bộ nơi cư trú"
    HOME = "chi-bo-cong-tac", "Theo chi bộ nơi công tác"
    DAY = "ngay", "Theo ngày ban hành"


CAMPAIGN_SEQUENCES = (Sequence.COMMUNE, Sequence.HOME, Sequence.DAY)
COMMUNE_SEQUENCES = (Sequence.CELL, Sequence.WORKPLACE, Sequence.DAY)


def campaign_archive(campaign: Campaign, sequence: str, reader: User, commune: Organization | None = None) -> Order:
    """A workplace's records: what it sent, what came back; of one commune, or of all."""
    matters = campaign.requests.filter(**({"residence_commune": commune} if commune else {}))
    out = matters.filter(state__in=OUT)
    wanted = (
        Q(requests__in=matters)
        | Q(answered_requests__in=matters)
        | Q(version__assessment__requests__in=out)
        | (Q(campaign=campaign, genre=Genre.REPORT) if commune is None else Q(pk__in=[]))
    )
    place = f"{commune.name}, " if commune else ""
    title = f"Hồ sơ lưu trữ, {place}đợt năm {campaign.year}"
    plan = _plan(wanted, sequence, reader)
    return Order(Bundle.Kind.ARCHIVE, campaign.committee, title, plan, campaign.year, campaign.pk, commune)


def commune_archive(
    commune: Organization, year: int, sequence: str, reader: User, scope: Organization | None = None
) -> Order:
    """A ward's records of a year; of one of its cells or of one workplace, or all."""
    forms = Q(genre=Genre.ASSESSMENT_FORM, issuer__parent=commune, version__assessment__year=year)
    letters = Q(genre=Genre.REQUEST_LETTER, recipient=commune, requests__year=year)
    replies = Q(genre=Genre.REPLY_LETTER, issuer=commune, facts__year=year)
    if scope is None:
        wanted = letters | replies | forms
    elif scope.kind == Organization.Kind.CELL:
        wanted = forms & Q(issuer=scope)
    else:
        asked = Q(version__assessment__requests__asker_now=scope)
        wanted = letters & Q(issuer=scope) | replies & Q(recipient=scope) | forms & asked
    place = f", {scope.name}" if scope else ""
    title = f"Hồ sơ lưu trữ năm {year} của {commune.name}{place}"
    return Order(Bundle.Kind.ARCHIVE, commune, title, _plan(wanted, sequence, reader), year, other=scope)


def _plan(wanted: Q, sequence: str, reader: User) -> list[list[Any]]:
    """In the chosen order: letters before the forms that go with them, forms by name."""
    readable = Document.objects.readable_by(reader).filter(state__in=LEFT).order_by()
    asked = EvaluationRequest.objects.filter(assessment__versions=OuterRef("version")).order_by("pk")
    home = Membership.objects.filter(member=OuterRef(PERSON), until_on=None)
    found = Document.objects.filter(wanted, pk__in=readable.values("pk")).annotate(
        asker=Subquery(asked.values("asker_now__search_key")[:1]), home=Subquery(home.values("cell__path")[:1])
    )
    rows = found.distinct().values("pk", "genre", "issued_on", "asker", "home", **PLACES)
    return steps(Sheet.ORIGINALS, [row["pk"] for row in sorted(rows, key=lambda row: _key(sequence, row))])


def _key(sequence: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    genre, day = row["genre"], row["issued_on"].isoformat()
    is_form, is_question = genre == Genre.ASSESSMENT_FORM, genre == Genre.REQUEST_LETTER
    group = {
        Sequence.COMMUNE: row["above"] if is_form else row["receiver"] if is_question else row["writer"],
        Sequence.WORKPLACE: row["asker"] if is_form else row["writer"] if is_question else row["receiver"],
        Sequence.CELL: row["cell"] if is_form else "",
        Sequence.HOME: row["home"] if is_form else "",
        Sequence.DAY: day,
    }[Sequence(sequence)]
    return group or "", RANK[genre], (row["cell"] if is_form else day), row["who"] or "", row["pk"]
