"""One request as the workplace sees it."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from evaluations.models import AssessmentVersion, EvaluationRequest
from members.models import AuditEvent, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season

SignIn = Callable[[User], Client]


def page_of(matter: EvaluationRequest) -> str:
    return reverse("evaluations:request_page", args=[matter.pk])


def cancel_of(matter: EvaluationRequest) -> str:
    return reverse("evaluations:request_cancel", args=[matter.pk])


def test_opening_the_answer_receives_it_once(cast: Cast, sign_in: SignIn, play: Season) -> None:
    matter = play.answered()
    play.rendered()
    client = sign_in(cast.officer)
    page = client.get(page_of(matter)).content.decode()
    matter.refresh_from_db()
    assert (matter.state, matter.received_by.user) == ("received", cast.officer)
    version = AssessmentVersion.objects.get()
    for words in (
        "Trần Thị Thử",
        "Nêu gương tốt",
        "Không đề nghị",
        "Ngày 20/10/2026",
        "Ngô Văn Bí Thư, Bí thư chi bộ",
        "Đinh Thị Mặt Trận, Trưởng ban công tác Mặt trận",
        reverse("evaluations:document_file", args=[version.form.pk]),
        reverse("evaluations:document_file", args=[matter.reply_id]),
        "Đảng ủy phường An Hải",
        "nơi công tác đã nhận",
    ):
        assert words in page
    client.get(page_of(matter))
    assert AuditEvent.objects.filter(verb="EvaluationRequest.received").count() == 1
    reads = AuditEvent.objects.filter(verb="read", object_type="evaluations.AssessmentVersion", user=cast.officer)
    assert list(reads.values_list("object_id", flat=True)) == [version.pk] * 2


def test_text_is_not_shown_before_the_reply(cast: Cast, sign_in: SignIn, play: Season) -> None:
    answers = GOOD | {"exemplary_conduct": {"option": 0, "no_basis": False, "facts": "Giúp hàng xóm dựng nhà."}}
    play.written(answers, "Lời nhận xét còn trong nhà.")
    matter = EvaluationRequest.objects.get()
    page = sign_in(cast.officer).get(page_of(matter)).content.decode()
    assert "Giúp hàng xóm" not in page
    assert "Lời nhận xét" not in page
    assert "Chi bộ Tổ dân phố 7 đang soạn nhận xét" in page
    matter.refresh_from_db()
    assert matter.state == "at_cell"


def test_confirmed_text_waits_for_the_reply(cast: Cast, sign_in: SignIn, play: Season) -> None:
    version = play.confirmed()
    matter = EvaluationRequest.objects.get()
    answer = sign_in(cast.officer).get(page_of(matter))
    assert answer.context["answer"] is None
    assert "Nêu gương tốt" not in answer.content.decode()
    assert reverse("evaluations:document_file", args=[version.form.pk]) not in answer.content.decode()


def test_cancel_needs_a_reason_and_keeps_it(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.registered()
    matter, client = EvaluationRequest.objects.get(), sign_in(cast.officer)
    empty = client.post(cancel_of(matter), {"reason": " "})
    assert empty.context["form"].errors == {"reason": ["Ghi lý do hủy đề nghị."]}
    long = client.post(cancel_of(matter), {"reason": "x" * 301})
    assert ("reason" in long.context["form"].errors, "x" * 301 in long.content.decode()) == (True, True)
    done = client.post(cancel_of(matter), {"reason": "Đã chuyển công tác"}, follow=True)
    matter.refresh_from_db()
    assert (matter.state, matter.end_code, matter.end_note) == ("cancelled", "asker", "Đã chuyển công tác")
    assert matter.ended_by.user == cast.officer
    assert "Đã chuyển công tác" in done.content.decode()


def test_cancelling_an_answer_is_refused_politely(cast: Cast, sign_in: SignIn, play: Season) -> None:
    matter = play.answered()
    answer = sign_in(cast.officer).post(
        cancel_of(matter), {"reason": "Thử"}, follow=True, headers={"referer": f"http://testserver{page_of(matter)}"}
    )
    assert "đang ở bước “nơi cư trú đã trả lời”" in answer.content.decode()
    assert "Hủy đề nghị này" not in answer.content.decode()


def test_who_may(cast: Cast, sign_in: SignIn, play: Season) -> None:
    clerk = factories.official("clerk", "Tạ Thị Văn Thư", cast.ministry, Role.CLERK)
    matter = play.answered()
    for person, status in (
        (cast.neighbour, 404),
        (cast.ward_officer, 404),
        (cast.secretary, 404),
        (cast.overseer, 404),
        (cast.member_user, 404),
        (clerk, 403),
    ):
        assert sign_in(person).get(page_of(matter)).status_code == status
        assert sign_in(person).post(cancel_of(matter), {"reason": "Thử"}).status_code == status
    matter.refresh_from_db()
    assert matter.state == "answered"
    assert sign_in(cast.signer).post(cancel_of(matter), {"reason": "Thử"}).status_code == 403
    assert sign_in(cast.officer).get(cancel_of(matter)).status_code == 405
    assert sign_in(cast.signer).get(page_of(matter)).status_code == 200
    matter.refresh_from_db()
    assert matter.state == "received"
