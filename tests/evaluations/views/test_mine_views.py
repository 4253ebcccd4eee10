"""The member's own page: where the comment is, who holds it, what it says once answered, who has read it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evaluations.models import EvaluationRequest
from members.models import AuditEvent, Placement, User
from members.models.participation import record_attendance
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
URL = "/cua-toi/"


def matter(sign_in: SignIn, cast: Cast) -> Any:
    [found] = sign_in(cast.member_user).get(URL).context["matters"]
    return found


@pytest.mark.parametrize(
    ("step", "words", "holder"),
    [
        ("issued", "đã phát hành", "ward"),
        ("registered", "đã vào sổ (đảng ủy xã, phường)", "ward"),
        ("assigned", "đã phân về chi bộ", "cell"),
        ("submitted", "đã phân về chi bộ", "ward"),
        ("confirmed", "đã phân về chi bộ", "ward"),
        ("answered", "nơi cư trú đã trả lời", "ministry"),
    ],
)
def test_state_and_holder_follow_the_request(
    cast: Cast, play: Season, sign_in: SignIn, step: str, words: str, holder: str
) -> None:
    getattr(play, step)()
    found = matter(sign_in, cast)
    assert (found.request.get_state_display(), found.holder) == (words, getattr(cast, holder))
    assert (found.version is not None) == (step == "answered")


def test_text_is_shown_only_once_it_was_answered(cast: Cast, play: Season, sign_in: SignIn) -> None:
    answers = GOOD | {"civic_duty": {"option": 1, "no_basis": False, "facts": "Vận động 3 hộ hiến đất"}}
    version = play.submitted(answers, "Giữ nếp sống văn minh")
    client = sign_in(cast.member_user)
    assert "Vận động 3 hộ" not in client.get(URL).content.decode()
    version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    assert "Vận động 3 hộ" not in client.get(URL).content.decode()
    assert not AuditEvent.objects.filter(verb="read").exists()


def test_answered_text_is_whole_and_reading_it_is_recorded(cast: Cast, play: Season, sign_in: SignIn) -> None:
    asked = play.answered()
    found = matter(sign_in, cast)
    words = [step for _, step, _ in found.lines]
    assert words == [
        "Nêu gương tốt",
        "Gương mẫu đi đầu",
        "Tham gia đầy đủ",
        "Thường xuyên, tích cực",
        "Rất tích cực",
        "Không đề nghị",
    ]
    event = AuditEvent.objects.get(verb="read")
    assert (event.object_type, event.object_id, event.user_id, event.seat_id) == (
        "evaluations.AssessmentVersion",
        asked.answering_version().pk,
        cast.member_user.pk,
        None,
    )


def test_readers_are_units_and_roles_without_names(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.answered().answering_version()
    seat = by(cast.officer, Action.RECEIVE, cast.ministry)
    AuditEvent.objects.record("read", by=seat, on=version)
    AuditEvent.objects.record("read", by=seat, on=version.form)
    AuditEvent.objects.record("read", by=cast.member_user, on=version)
    AuditEvent.objects.record("read", by=seat, on=cast.asked)
    text = sign_in(cast.member_user).get(URL).content.decode()
    assert "Cán bộ phụ trách – Đảng ủy Sở Thử Nghiệm: 2 lần" in text
    assert "Nguyễn Văn Soạn" not in text
    assert len(matter(sign_in, cast).readers) == 1


def test_placement_and_attendance_of_the_year(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    placement = Placement.objects.get(member=cast.asked)
    meeting = play.meeting(timezone.localdate())  # the page shows this year's
    record_attendance(meeting, {placement.pk: "excused"}, by=by(cast.secretary, Action.RECORD, cast.cell))
    text = sign_in(cast.member_user).get(URL).content.decode()
    for words in ("Đảng ủy phường An Hải", "Chi bộ Tổ dân phố 7", "Tham gia sinh hoạt nơi cư trú", "vắng có lý do"):
        assert words in text


def test_drafts_cancelled_and_other_people_are_not_shown(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    client = sign_in(cast.member_user)
    assert client.get(URL).context["matters"] == []
    other = factories.user("other", "Lê Thử An", member=factories.member("Lê Thử An", workplace=cast.office_cell))
    assert sign_in(other).get(URL).context["matters"] == []


def test_no_record_no_drama(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.nobody).get(URL)
    assert answer.status_code == 200
    assert "chưa gắn với hồ sơ đảng viên" in answer.content.decode()
    assert sign_in(cast.member_user).post(URL).status_code == 405
    assert Client().get(URL).status_code == 302


def test_queries_do_not_grow_with_years(
    cast: Cast, play: Season, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    asked = play.answered()
    client = sign_in(cast.member_user)
    client.get(URL)
    with django_assert_num_queries(12):
        client.get(URL)
    for year in (2024, 2025):
        EvaluationRequest.objects.create(
            member=asked.member,
            placement=asked.placement,
            residence_commune=asked.residence_commune,
            residence_cell=asked.residence_cell,
            campaign=asked.campaign,
            year=year,
            part=str(year),
            asked_by=asked.asked_by,
            asker_now=asked.asker_now,
            assessment=asked.assessment,
            reply=asked.reply,
            state="received",
            due_on=asked.due_on,
        )
    with django_assert_num_queries(12):
        client.get(URL)
