"""Progress of a campaign and of a commune: the picture, the units, and the people behind a piece of it."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Campaign, EvaluationRequest
from evaluations.progress import (
    STAGES,
    Progress,
    parts,
    progress_by,
    progress_over,
    together,
    with_stage,
    words,
)
from evaluations.views import progress as progress_views
from members.models import AuditEvent, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

State = EvaluationRequest.State
SignIn = Callable[[User], Client]


def shown(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return unescape(response.content.decode()).split("<main")[1]


def said(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def of_campaign(campaign: Campaign, query: str = "") -> str:
    return reverse("evaluations:campaign_steps", args=[campaign.pk]) + query


@pytest.fixture
def mixed(cast: Cast, play: Season) -> Campaign:
    """Four people: one with an answer, one unregistered in another ward, one on paper, one sent back."""
    sent_back = factories.member(workplace=cast.office_cell, commune=cast.ward)
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    factories.member("Vũ Thị Khác", workplace=cast.office_cell, commune=cast.other_ward)
    play.answered()
    EvaluationRequest.objects.filter(member=sent_back).update(state="declined", end_code="moved")
    return Campaign.objects.get()


@pytest.mark.parametrize(
    ("reached", "stage"),
    [
        ("presented", "prepared"),
        ("issued", "register"),
        ("registered", "assign"),
        ("assigned", "write"),
        ("written", "write"),
        ("submitted", "confirm"),
        ("confirmed", "reply"),
        ("answered", "answered"),
        ("returned", "mend"),
        ("received", "received"),
        ("considered", "used"),
        ("return_asked", "again"),
    ],
)
def test_each_step_of_the_road_is_a_stage(cast: Cast, play: Season, reached: str, stage: str) -> None:
    further = {"received": State.RECEIVED, "considered": State.CONSIDERED, "return_asked": State.RETURN_ASKED}
    if reached == "returned":
        play.submitted().send_back("vague", "Ghi rõ ngày.", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    elif reached in further:
        play.answered()
        used = {"considered_on": date(2026, 12, 2), "consider_code": "used"} if reached == "considered" else {}
        EvaluationRequest.objects.update(state=further[reached], **used)
    else:
        getattr(play, reached)()
    matters = EvaluationRequest.objects.all()
    assert counts(progress_by(matters, "residence_commune")) == {cast.ward.pk: {stage: 1}}
    # The same from above, where what lies at a cell is one stage; and in the list of people.
    together_there = "at_cell" if stage in ("write", "mend", "confirm", "reply") else stage
    assert counts(progress_over(matters, "residence_commune")) == {cast.ward.pk: {together_there: 1}}
    assert [row.stage for row in with_stage(matters)] == [stage]  # type: ignore[attr-defined]


def counts(found: dict[Any, Progress]) -> dict[Any, dict[str, int]]:
    return {key: dict(progress.counts) for key, progress in found.items()}


def test_the_same_figures_from_every_side(cast: Cast, mixed: Campaign) -> None:
    """Stages of every division add up to all requests that were not taken back, and to the counts by state."""
    EvaluationRequest.objects.update(due_on=date(2040, 1, 5))
    EvaluationRequest.objects.filter(residence_commune=cast.other_ward).update(due_on=date(2026, 1, 5))
    matters = mixed.requests.all()
    for unit in ("residence_commune", "residence_cell", "campaign", "asker_now"):
        near, far = together(progress_by(matters, unit).values()), together(progress_over(matters, unit).values())
        assert (near.total, near.owed, near.answered, near.overdue) == (4, 2, 1, 1)
        assert (far.total, far.owed, far.answered, far.overdue) == (4, 2, 1, 1)
        assert near.due == far.due == {"register": date(2026, 1, 5), "paper": date(2040, 1, 5)}
        by_state = Counter(dict(matters.order_by().values_list("state").annotate(n=Count("pk"))))
        assert by_state.total() == near.total


def test_the_other_ends_of_the_road(cast: Cast, mixed: Campaign) -> None:
    found = progress_by(mixed.requests.all(), "residence_commune")
    assert {key: dict(progress.counts) for key, progress in found.items()} == {
        cast.ward.pk: {"answered": 1, "declined": 1},
        cast.other_ward.pk: {"register": 1},
        cast.far_ward.pk: {"paper": 1},
    }
    whole = together(found.values())
    assert (whole.total, whole.owed, whole.due_on) == (4, 2, date(2026, 11, 15))
    assert whole.words == "1 chờ vào sổ, 1 chờ trả lời bằng giấy, 1 đã trả lời chưa mở đọc, 1 chuyển lại"
    EvaluationRequest.objects.filter(residence_commune=cast.far_ward).update(state="no_reply")
    EvaluationRequest.objects.filter(residence_commune=cast.other_ward).update(state="cancelled", end_code="asker")
    again = together(progress_by(mixed.requests.all(), "campaign").values())
    assert dict(again.counts) == {"answered": 1, "declined": 1, "silent": 1}
    assert (again.owed, again.due_on, again.days_late(date(2027, 1, 1))) == (0, None, 0)


def test_the_pieces_of_a_bar_fill_it() -> None:
    counts = {stage.code: number for number, stage in enumerate(STAGES)}
    pieces = parts(counts)
    assert [piece["code"] for piece in pieces] == [stage.code for stage in STAGES[1:]]  # nothing of none
    assert abs(sum(float(piece["width"]) for piece in pieces) - 100) < 0.1
    assert float(pieces[0]["x"]) == 0
    assert (parts({}), words({})) == ([], "chưa có đề nghị nào")


def test_a_workplace_sees_its_communes(cast: Cast, mixed: Campaign, sign_in: SignIn) -> None:
    EvaluationRequest.objects.update(due_on=timezone.localdate())
    EvaluationRequest.objects.filter(residence_commune=cast.far_ward).update(due_on=date(2026, 1, 5))
    page = shown(sign_in(cast.officer), of_campaign(mixed))
    text = said(page)
    assert "Còn 2 trên 4 đồng chí chưa có trả lời" in text
    days = (timezone.localdate() - date(2026, 1, 5)).days
    assert "1 đã có trả lời 1 quá hạn 0 đã sử dụng khi kiểm điểm" in text
    assert f"Chờ đảng ủy xã, phường 2 1 quá hạn, chậm nhất {days} ngày 1 chờ vào sổ 1 chờ trả lời bằng giấy" in text
    assert "Chờ nơi công tác 1 1 đã trả lời chưa mở đọc Đã xong 1 1 chuyển lại" in text
    assert f"Đảng ủy xã Hòa Vang 1 chờ trả lời bằng giấy 1 / 1 {days} ngày" in text
    assert text.index("Đảng ủy xã Hòa Vang") < text.index("Đảng ủy phường Sơn Trà")  # who is late comes first
    assert "Đảng ủy phường An Hải 1 đã trả lời chưa mở đọc, 1 chuyển lại xong" in text
    assert 'aria-label="1 chờ vào sổ, 1 chờ trả lời bằng giấy, 1 đã trả lời chưa mở đọc, 1 chuyển lại"' in page
    assert "Lê Văn Xa" not in text  # nobody is listed before somebody asks
    assert page.count("?buoc=") == 4  # one for each stage at which anybody is
    assert "style=" not in page  # the policy forbids it


def test_from_the_picture_to_the_people(cast: Cast, mixed: Campaign, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    events = AuditEvent.objects.filter(verb="read")
    before = events.count()
    text = said(shown(client, of_campaign(mixed, "?buoc=paper")))
    assert "1 đồng chí: chờ trả lời bằng giấy" in text
    assert "Lê Văn Xa" in text
    assert "Vũ Thị Khác" not in text
    event = events.order_by("-pk")[0]
    matter = EvaluationRequest.objects.get(residence_commune=cast.far_ward)
    assert (events.count(), event.object_id) == (before + 1, matter.pk)

    text = said(shown(client, of_campaign(mixed, f"?don-vi={cast.other_ward.pk}")))
    assert "1 đồng chí, Đảng ủy phường Sơn Trà" in text
    assert "Vũ Thị Khác" in text
    assert "Không có đồng chí nào ở bước này" in said(shown(client, of_campaign(mixed, "?buoc=write")))
    for query in ("?buoc=x", "?don-vi=x", "?don-vi=" + "9" * 40, "?trang=-1", "?don-vi=987654"):
        assert client.get(of_campaign(mixed, query)).status_code == 200


def test_a_ward_sees_its_cells(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    factories.member("Bùi Văn Chờ", workplace=cast.office_cell, commune=cast.ward)
    play.issued()
    url = reverse("evaluations:ward_steps", args=[cast.ward.pk])
    client = sign_in(cast.ward_clerk)
    text = said(shown(client, url))
    assert "Còn 2 trên 2 đồng chí chưa có trả lời" in text
    assert "Chi bộ Tổ dân phố 7 1 chi bộ đang nhận xét 1 / 1" in text
    assert "Chưa phân về chi bộ 1 chờ vào sổ 1 / 1" in text
    assert "Đảng ủy Sở Thử Nghiệm 1 chờ vào sổ, 1 chi bộ đang nhận xét 2 / 2" in text
    assert "Bùi Văn Chờ" in said(shown(client, f"{url}?nam=2026&don-vi=chua-phan"))
    people = said(shown(client, f"{url}?nam=2026&don-vi={cast.cell.pk}&buoc=write"))
    assert "Trần Thị Thử" in people
    assert "Bùi Văn Chờ" not in people
    home = sign_in(cast.ward_officer).get("/").content.decode()
    assert url in home


def test_a_cell_and_its_people(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Bùi Văn Chờ", workplace=cast.office_cell, commune=cast.ward)
    play.submitted()
    cell = reverse("evaluations:cell_steps", args=[cast.cell.pk])
    ward = shown(sign_in(cast.ward_officer), reverse("evaluations:ward_steps", args=[cast.ward.pk]))
    assert f'href="{cell}?nam=2026&"' in ward
    for person in (cast.secretary, cast.ward_clerk):
        client = sign_in(person)
        before = AuditEvent.objects.filter(verb="read").count()
        text = said(shown(client, cell))
        assert "Tiến độ nhận xét năm 2026 Chi bộ Tổ dân phố 7" in text
        assert "Chờ chi bộ nơi cư trú 1" in text
        assert "Chờ đảng ủy xã, phường 1" in text
        assert ("Trần Thị Thử" in text, "Bùi Văn Chờ" in text) == (True, True)
        assert AuditEvent.objects.filter(verb="read").count() == before + 1
        at_step = said(shown(client, cell + "?buoc=confirm"))
        assert ("Trần Thị Thử" in at_step, "Bùi Văn Chờ" in at_step) == (True, False)
    assert cell in shown(sign_in(cast.secretary), "/")
    empty = reverse("evaluations:cell_steps", args=[cast.other_cell.pk])
    assert "Chưa có đề nghị nhận xét nào" in said(shown(sign_in(cast.other_secretary), empty))
    assert sign_in(cast.secretary).get(empty).status_code == 404
    # A workplace cell has no such page, and nobody above sees who it is about.
    assert sign_in(cast.officer).get(reverse("evaluations:cell_steps", args=[cast.office_cell.pk])).status_code == 404
    assert sign_in(cast.overseer).get(cell).status_code == 404


def test_only_the_lines_go_on_to_another_page(
    cast: Cast, play: Season, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_views, "UNITS", 1)
    factories.member(workplace=cast.office_cell, commune=cast.other_ward)
    campaign = play.issued()
    client = sign_in(cast.officer)
    pages = [said(shown(client, of_campaign(campaign, query))) for query in ("", "?trang-don-vi=2")]
    for page in pages:
        assert "Còn 2 trên 2 đồng chí chưa có trả lời" in page
    assert [page.count("1 chờ vào sổ 1 / 1") for page in pages] == [1, 1]
    assert 'href="?trang-don-vi=2"' in shown(client, of_campaign(campaign))


def test_what_is_not_sent_yet_is_nobodys_business_at_the_ward(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    text = said(shown(sign_in(cast.ward_officer), reverse("evaluations:ward_steps", args=[cast.ward.pk])))
    assert "Chưa có đề nghị nhận xét nào" in text


def test_a_draft_has_no_progress(cast: Cast, play: Season, sign_in: SignIn) -> None:
    assert "Chưa có đề nghị nào" in said(shown(sign_in(cast.officer), of_campaign(play.campaign())))


def test_queries_do_not_grow_with_units_and_people(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    places = [
        (sign_in(cast.officer), of_campaign(Campaign.objects.get(), "?buoc=write")),
        (sign_in(cast.ward_officer), reverse("evaluations:ward_steps", args=[cast.ward.pk]) + "?buoc=write"),
        (sign_in(cast.secretary), reverse("evaluations:cell_steps", args=[cast.cell.pk])),
    ]

    def queries() -> list[int]:
        found = []
        for client, url in places:
            client.get(url)
            with CaptureQueriesContext(connection) as caught:
                client.get(url)
            found.append(len(caught))
        return found

    one = queries()
    matter = EvaluationRequest.objects.get()
    for number in (1, 2):
        matter.pk, matter.part = None, f"2020..202{number}"
        matter.residence_cell = factories.residence_cell(cast.ward, f"Tổ dân phố {20 + number}")
        matter.save()
    assert queries() == one
