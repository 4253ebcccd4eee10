"""Introductions played through the verbs, one call a step, so that a test can begin where it wants."""

from datetime import date
from typing import TYPE_CHECKING

from evaluations.models import Introduction
from evaluations.models.campaigns import NumberChoice
from evaluations.models.introduction_issue import issue, present_drafts
from evaluations.models.receptions import accept, assign, enter, issue_counterparts
from members.models import Member, Organization
from members.roles import Action
from tests.season import by

if TYPE_CHECKING:
    from tests.conftest import Cast


class Introducing:
    def __init__(self, cast: "Cast") -> None:
        self.cast = cast

    def drafted(
        self, member: Member | None = None, *, commune: Organization | None = None, words: str = ""
    ) -> Introduction:
        seat = by(self.cast.officer, Action.PREPARE, self.cast.ministry)
        return Introduction.draft(member or self.cast.asked, commune or self.cast.ward, by=seat, words=words)

    def present(self) -> int:
        return present_drafts(self.cast.ministry, by=by(self.cast.officer, Action.PREPARE, self.cast.ministry))

    def issue(self) -> int:
        seat = by(self.cast.signer, Action.SIGN, self.cast.ministry)
        return issue(self.cast.ministry, NumberChoice(), by=seat, on=date(2026, 10, 5))

    def issued(self, member: Member | None = None, *, commune: Organization | None = None) -> Introduction:
        row = self.drafted(member, commune=commune)
        self.present()
        self.issue()
        return Introduction.objects.get(pk=row.pk)

    def registered(self) -> Introduction:
        row = self.issued()
        seat = by(self.cast.ward_clerk, Action.REGISTER, self.cast.ward)
        enter(Introduction.objects.filter(pk=row.pk), {row.pk: "21"}, by=seat)
        return Introduction.objects.get(pk=row.pk)

    def assigned(self) -> Introduction:
        row = self.registered()
        assign({row: self.cast.cell}, by=by(self.cast.ward_officer, Action.ASSIGN, self.cast.ward))
        return Introduction.objects.get(pk=row.pk)

    def accepted(self) -> Introduction:
        row = self.assigned()
        seat = by(self.cast.secretary, Action.RECORD, self.cast.cell)
        accept(Introduction.objects.filter(pk=row.pk), date(2026, 10, 12), by=seat)
        return Introduction.objects.get(pk=row.pk)

    def counterparts(self) -> int:
        return issue_counterparts(self.cast.ward, by=by(self.cast.ward_signer, Action.REPLY, self.cast.ward))

    def returned(self) -> Introduction:
        """The whole way: the counterpart is with the workplace."""
        row = self.accepted()
        self.counterparts()
        return Introduction.objects.get(pk=row.pk)
