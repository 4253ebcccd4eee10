"""Nobody acts on himself or on his declared household: every verb × every relation, and who does it instead."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from evaluations.models import Assessment, AssessmentVersion, Contest, Document, EvaluationRequest, Verification
from evaluations.models.assessments import submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.checks import contest, verify
from evaluations.models.corrections import reopen
from evaluations.models.keying import key, key_again, record_portal_result, settle_keying
from evaluations.models.replies import issue_reply
from evaluations.models.sharing import Follower, share
from evaluations.models.stand_ins import routes, sent_by
from members.models import AuditEvent, Kinship, Member, Placement, Seat, User
from members.models.conflicts import SELF, conflict, conflicts_between, conflicts_of
from members.models.tenures import appoint
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, SCAN, Season, by

ON = date(2026, 11, 10)


# Relations between the acting user and the member: each makes the user unable to act.


def is_member(user: User, member: Member) -> None:
    User.objects.filter(member=member).update(member=None)
    user.member = member
    user.save(update_fields=["member"])


def retired_relative(kind: str) -> Callable[[User, Member], None]:
    return lambda user, member: _said(member, user, kind)


def relative_in_the_register(kind: str) -> Callable[[User, Member], None]:
    def relate(user: User, member: Member) -> None:
        user.member = factories.member("Ngô Văn Người Nhà")
        user.save(update_fields=["member"])
        _said(member, user, kind)

    return relate


def declared_before_the_account_was_bound(user: User, member: Member) -> None:
    """Said of a user without a member; the other side signs in, too, and acts on him."""
    _said(member, user, "spouse")
    user.member = factories.member("Ngô Văn Sau")
    user.save(update_fields=["member"])


def _said(member: Member, relative: User, kind: str) -> None:
    Kinship.objects.declare(member, relative, kind, by=relative)


RELATIONS: list[Callable[[User, Member], None]] = [
    is_member,
    retired_relative("spouse"),
    relative_in_the_register("parent"),
    relative_in_the_register("household"),
    declared_before_the_account_was_bound,
]


# Verbs: the stage, and what the actor then does in the name of `seat`.

Deed = Callable[[Seat], object]
Stage = tuple[User, Action, Any, Deed]


def writing(cast: Cast, play: Season) -> Stage:
    play.assigned()
    assessment = play.assessment()
    return cast.secretary, Action.WRITE, cast.cell, lambda seat: assessment.write(GOOD, "Lời", by=seat)


def submitting(cast: Cast, play: Season) -> Stage:
    version, review = play.written(), play.review()
    return cast.secretary, Action.SUBMIT, cast.cell, lambda seat: version.submit(review, by=seat, attendance={})


def submitting_in_bulk(cast: Cast, play: Season) -> Stage:
    play.written()
    review = play.review()

    def submit(seat: Seat) -> None:
        if submit_complete(cast.cell, play.YEAR, review, by=seat) == (0, 1):
            raise Refused("kept")

    return cast.secretary, Action.SUBMIT, cast.cell, submit


def confirming(cast: Cast, play: Season) -> Stage:
    version = play.submitted()
    return cast.ward_officer, Action.CONFIRM, cast.ward, lambda seat: version.confirm(by=seat)


def sending_back(cast: Cast, play: Season) -> Stage:
    version = play.submitted()
    return cast.ward_officer, Action.CONFIRM, cast.ward, lambda seat: version.send_back("vague", "Rõ hơn", by=seat)


def reopening(cast: Cast, play: Season) -> Stage:
    version = play.confirmed()
    return cast.ward_officer, Action.CONFIRM, cast.ward, lambda seat: reopen(version, "other", "Sai", by=seat)


def keying(cast: Cast, play: Season) -> Stage:
    play.assigned()
    assessment, paper = play.assessment(), play.paper(signer_name="Lê Văn Lạ")
    return cast.ward_officer, Action.KEY, cast.ward, lambda seat: key(assessment, paper, by=seat, expected=0)


def _keyed_twice(cast: Cast, play: Season) -> AssessmentVersion:
    campaign = play.campaign()
    campaign.keyed_twice = True
    campaign.save()
    return play.keyed()


def keying_again(cast: Cast, play: Season) -> Stage:
    version = _keyed_twice(cast, play)
    return cast.ward_officer, Action.KEY, cast.ward, lambda seat: key_again(version, {}, by=seat)


def settling(cast: Cast, play: Season) -> Stage:
    version = _keyed_twice(cast, play)
    key_again(version, {"recommendation": "0"}, by=by(cast.ward_officer, Action.KEY, cast.ward))
    chosen: dict[str, Any] = {code: GOOD[code] for code in GOOD}
    return cast.ward_officer, Action.KEY, cast.ward, lambda seat: settle_keying(version, chosen, by=seat)


def contesting(cast: Cast, play: Season) -> Stage:
    version = play.keyed()
    return cast.secretary, Action.SUBMIT, cast.cell, lambda seat: contest(version, "Mục 2 khác", by=seat)


def answering_a_contest(cast: Cast, play: Season) -> Stage:
    made = contest(play.keyed(), "Mục 2 khác", by=by(cast.secretary, Action.SUBMIT, cast.cell))
    return cast.ward_officer, Action.KEY, cast.ward, lambda seat: made.settle("Đúng bản giấy", by=seat)


def verifying(cast: Cast, play: Season) -> Stage:
    matter = play.answered_from_paper()
    done: Deed = lambda seat: verify(matter, "phone", "agrees", "Đúng", ON, by=seat)  # noqa: E731
    return cast.signer, Action.RECEIVE, cast.ministry, done


def considering(cast: Cast, play: Season) -> Stage:
    matter = play.answered()
    matter.receive(by=by(cast.officer, Action.RECEIVE, cast.ministry))
    return cast.officer, Action.RECEIVE, cast.ministry, lambda seat: matter.consider(ON, "used", by=seat)


def recording_the_portal(cast: Cast, play: Season) -> Stage:
    matter = play.assigned()[0]
    done: Deed = lambda seat: record_portal_result(matter, "H1", ON, SCAN, by=seat)  # noqa: E731
    return cast.officer, Action.KEY, cast.ministry, done


def following(cast: Cast, play: Season) -> Stage:
    play.assigned()
    placement = Placement.objects.get(member=cast.asked)
    giver = by(cast.secretary, Action.SHARE, cast.cell)
    helper = factories.official("helper", "Trần Thị Lan", cast.cell, Role.CELL_COMMITTEE)

    def follow(seat: Seat) -> None:
        share(cast.cell, play.YEAR, {placement.pk: Follower(seat.user.full_name, seat)}, by=giver)

    return helper, Action.WRITE, cast.cell, follow


def signing_the_reply(cast: Cast, play: Season) -> Stage:
    play.confirmed()
    letter = play.letter()
    return cast.ward_signer, Action.REPLY, cast.ward, lambda seat: issue_reply(letter, NumberChoice(), by=seat)


STAGES = [
    writing,
    submitting,
    submitting_in_bulk,
    confirming,
    sending_back,
    reopening,
    keying,
    keying_again,
    settling,
    contesting,
    answering_a_contest,
    verifying,
    considering,
    recording_the_portal,
    following,
    signing_the_reply,
]


def everything() -> list[Any]:
    tables = (AssessmentVersion, Assessment, EvaluationRequest, Document, Contest, Verification)
    return [list(model._base_manager.order_by("pk").values()) for model in tables]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_no_verb_for_no_relation(cast: Cast, play: Season, stage: Callable[[Cast, Season], Stage]) -> None:
    actor, action, place, deed = stage(cast, play)
    for relate in RELATIONS:
        mark = transaction.savepoint()
        relate(User.objects.get(pk=actor.pk), Member.objects.get(pk=cast.asked.pk))
        before = everything()
        with pytest.raises(Refused):
            deed(by(actor, action, place))
        assert everything() == before
        transaction.savepoint_rollback(mark)
    deed(by(actor, action, place))


@pytest.mark.parametrize("name", ["Trần Thị Thử", "trần thị  thử", "Ngô Văn Bí Thư"])
def test_a_paper_signed_by_the_household_is_not_keyed(cast: Cast, play: Season, name: str) -> None:
    play.assigned()
    Kinship.objects.declare(cast.asked, cast.secretary, "spouse", by=cast.secretary)
    seat = by(cast.ward_officer, Action.KEY, cast.ward)
    with pytest.raises(Refused, match="chính đảng viên hoặc người thân đã khai ký"):
        key(play.assessment(), play.paper(signer_name=name), by=seat, expected=0)
    assert not AssessmentVersion.objects.exists()
    key(play.assessment(), play.paper(signer_name=f"{name} (1950)"), by=seat, expected=0)


class TestRelations:
    def test_what_each_is_to_the_other(self, cast: Cast) -> None:
        wife, son = factories.member("Đỗ Thị Vợ"), factories.member("Ngô Văn Con")
        Kinship.objects.declare(wife, cast.secretary, "spouse", by=cast.secretary)
        Kinship.objects.declare(son, cast.secretary, "parent", by=cast.secretary)
        Kinship.objects.declare(son, cast.member_user, "parent", by=cast.member_user)
        assert conflicts_of(cast.secretary) == {wife.pk: "vợ, chồng", son.pk: "con"}
        assert conflicts_of(cast.member_user) == {cast.asked.pk: SELF, son.pk: "con"}
        is_member(cast.other_secretary, son)
        assert conflicts_of(cast.other_secretary) == {son.pk: SELF, cast.asked.pk: "cha, mẹ"}
        users = [cast.secretary, cast.member_user]
        assert conflicts_between(users, [wife.pk]) == {(cast.secretary.pk, wife.pk): "vợ, chồng"}
        assert conflict(cast.ward_officer, wife.pk) == ""

    def test_said_twice_or_the_other_way_round_is_one_link(self, cast: Cast) -> None:
        other = factories.member("Ngô Văn Con")
        user = factories.user("con", "Ngô Văn Con", member=other)
        first = Kinship.objects.declare(cast.asked, user, "child", by=user)
        assert Kinship.objects.declare(other, cast.member_user, "parent", by=user) == first
        with pytest.raises(Refused, match="chính đồng chí đó"):
            Kinship.objects.declare(other, user, "child", by=user)
        assert AuditEvent.objects.filter(verb="Kinship.declare").count() == 1

    def test_only_somebody_else_takes_a_link_back(self, cast: Cast) -> None:
        link = Kinship.objects.declare(cast.asked, cast.secretary, "spouse", by=cast.secretary)
        with pytest.raises(Refused, match="không tự gỡ"):
            link.end(by=by(cast.secretary, Action.WRITE, cast.cell))
        link.end(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        assert conflicts_of(cast.secretary) == {}

    def test_constant_queries(self, cast: Cast, django_assert_num_queries: Any) -> None:
        for number in range(3):
            Kinship.objects.declare(
                factories.member(), factories.user(f"u{number}", "Ai"), "sibling", by=cast.secretary
            )
        users = list(User.objects.all())
        for some in (users[:1], users):
            with django_assert_num_queries(1):
                conflicts_between(some)


class TestStandIns:
    @pytest.fixture(autouse=True)
    def household(self, cast: Cast) -> None:
        self.own = factories.member("Đỗ Thị Vợ", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
        Kinship.objects.declare(self.own, cast.secretary, "spouse", by=cast.secretary)

    def test_nobody_else_in_the_cell_means_the_commune(self, cast: Cast) -> None:
        route = routes(cast.cell)[self.own.pk]
        assert (route.who, route.words) == (None, "đảng ủy xã, phường nhận xét thay chi bộ")
        assert route.reason == "người thân của bí thư (vợ, chồng)"
        assert sent_by(cast.ward_officer, cast.cell) == {self.own.pk}
        assert sent_by(cast.ward_signer, cast.cell) == set()
        assert sent_by(cast.secretary, cast.cell) is None

    def test_the_deputy_before_the_others_and_never_one_of_the_household(self, cast: Cast) -> None:
        helper = factories.official("helper", "Trần Thị Lan", cast.cell, Role.CELL_COMMITTEE)
        deputy = factories.user("pho", "Phan Văn Phó")
        factories.seat(deputy, cast.cell, Role.SECRETARY, as_deputy=True)
        route = routes(cast.cell)[self.own.pk]
        assert (route.who and route.who.user, sent_by(deputy, cast.cell)) == (deputy, None)
        assert route.words == "đồng chí Phan Văn Phó (phó bí thư chi bộ) nhận xét thay"
        Kinship.objects.declare(self.own, deputy, "child", by=deputy)
        route = routes(cast.cell)[self.own.pk]
        assert (route.who and route.who.user, sent_by(helper, cast.cell)) == (helper, {self.own.pk})

    def test_without_a_secretary_nothing_is_routed(self, cast: Cast) -> None:
        cast.secretary.seats.update(until_on=date(2021, 1, 1))
        assert routes(cast.cell) == {}

    def test_who_really_acted_stands_on_paper_and_in_the_history(self, cast: Cast, play: Season) -> None:
        play.assigned()
        deputy = factories.user("pho", "Phan Văn Phó")
        factories.seat(deputy, cast.cell, Role.SECRETARY, as_deputy=True)
        play.assessment(self.own).write(GOOD, "Lời", by=by(deputy, Action.WRITE, cast.cell))
        line = AuditEvent.objects.get(verb="Placement.stand_in")
        assert (line.user, line.detail.changes) == (
            deputy,
            {
                "người nhận xét": ["Ngô Văn Bí Thư", "Phan Văn Phó"],
                "lý do": ["", "người thân của bí thư (vợ, chồng)"],
            },
        )
        submit_complete(cast.cell, play.YEAR, play.review(), by=by(deputy, Action.SUBMIT, cast.cell))
        version = AssessmentVersion.objects.get(assessment__placement__member=self.own)
        form = version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        assert form.facts["signature"] == {
            "authority": "T/M CHI BỘ",
            "position": "PHÓ BÍ THƯ",
            "name": "Phan Văn Phó",
        }

    def test_a_draft_of_the_confirmer_is_confirmed_by_somebody_else(self, cast: Cast, play: Season) -> None:
        play.assigned()
        factories.seat(cast.ward_officer, cast.cell, Role.CELL_COMMITTEE)
        version = play.assessment().write(GOOD, "Lời", by=by(cast.ward_officer, Action.WRITE, cast.cell))
        submit_complete(cast.cell, play.YEAR, play.review(), by=by(cast.secretary, Action.SUBMIT, cast.cell))
        version = AssessmentVersion.objects.get(pk=version.pk)
        with pytest.raises(Refused, match="không tự xác nhận"):
            version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))


def test_a_reply_leaves_out_the_signers_own_people_and_says_so(cast: Cast, play: Season) -> None:
    other = factories.member("Mai Thử Hai", workplace=cast.office_cell, commune=cast.ward)
    play.assigned()
    play.submit_everybody()
    officer = by(cast.ward_officer, Action.CONFIRM, cast.ward)
    for version in AssessmentVersion.objects.filter(state="submitted"):
        version.confirm(by=officer)
    Kinship.objects.declare(cast.asked, cast.ward_signer, "sibling", by=cast.ward_signer)
    issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
    states = dict(EvaluationRequest.objects.values_list("member", "state"))
    assert states == {cast.asked.pk: "at_cell", other.pk: "answered"}
    with pytest.raises(Refused, match="người ký khác của đảng ủy ký trả lời"):
        issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
    second = factories.user("ky2", "Lê Văn Ký Hai")
    factories.seat(second, cast.ward, Role.SIGNER, as_deputy=True)
    issue_reply(play.letter(), NumberChoice(), by=by(second, Action.REPLY, cast.ward))
    assert not EvaluationRequest.objects.exclude(state="answered").exists()


def test_when_everybody_of_the_ward_is_bound_the_committee_above_sends_somebody(
    cast: Cast, play: Season, sign_in: Callable[[User], Client]
) -> None:
    """Told at once and with the reason, without the member's name; whoever is sent may confirm."""
    version = play.submitted()
    fresh = factories.user("fresh", "Tô Thị Mới")
    above = by(cast.overseer, Action.APPOINT, cast.ward)
    home = sign_in(cast.overseer)
    with pytest.raises(Refused):
        appoint(fresh, cast.ward, Role.OFFICER, timezone.localdate(), by=above)
    Kinship.objects.declare(cast.asked, cast.ward_officer, "spouse", by=cast.nobody)
    assert "người thân của mọi cán bộ" not in home.get("/").content.decode()
    Kinship.objects.declare(cast.asked, cast.ward_signer, "sibling", by=cast.nobody)
    page = home.get("/").content.decode()
    assert "Đảng ủy phường An Hải: có nhận xét chờ xác nhận về người thân của mọi cán bộ ở đó" in page
    assert cast.asked.full_name not in page
    appoint(fresh, cast.ward, Role.OFFICER, timezone.localdate(), by=above)
    version.confirm(by=by(fresh, Action.CONFIRM, cast.ward))
    assert AssessmentVersion.objects.get(pk=version.pk).state == "confirmed"
    # Nor may the ward's signer sign what goes out about him: that is said next.
    assert "có nhận xét chờ ký trả lời" in home.get("/").content.decode()
