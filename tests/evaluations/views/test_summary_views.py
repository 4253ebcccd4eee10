"""Tổng hợp của chi bộ: everybody of the cell, whichever workplace asked; what each reader may see of it."""

from collections.abc import Callable
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evaluations.models import Assessment
from evaluations.models.sharing import Follower, share
from members.models import AuditEvent, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
LOW = GOOD | {"civic_duty": {"option": 2, "no_basis": False, "facts": ""}}


def url(cast: Cast) -> str:
    return f"/chi-bo/{cast.cell.pk}/tong-hop/{Season.YEAR}/"


def shown(client: Client, cast: Cast) -> str:
    response = client.get(url(cast))
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def played(cast: Cast, play: Season) -> None:
    """One answered, one half written and asked by nobody, one not begun, one exempt."""
    half, blank = (
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
        for name in ("Lê Văn Dở", "Lê Văn Trắng")
    )
    factories.member(
        "Lê Văn Miễn", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell, standing="exempt_activity"
    )
    # Asked about are those of the letter; these two came to the cell by themselves.
    for person in (half, blank):
        person.memberships.all().delete()
    play.answered()
    assessment = Assessment.objects.create(placement=half.placements.get(), year=Season.YEAR)
    assessment.write(LOW, "", by=by(cast.secretary, Action.WRITE, cast.cell))
    seat = by(cast.secretary, Action.SHARE, cast.cell)
    share(cast.cell, Season.YEAR, {blank.placements.get().pk: Follower("Đinh Văn Giấy")}, by=seat)


def test_the_cell_sees_where_everybody_is(cast: Cast, play: Season, sign_in: SignIn) -> None:
    played(cast, play)
    page = shown(sign_in(cast.secretary), cast)
    for words in (
        "<strong>3</strong> đồng chí",
        "<strong>1</strong> chưa nhận xét",
        "<strong>1</strong> đang soạn",
        "<strong>1</strong> đã xác nhận",
        "<strong>1 / 1</strong> đã trả lời nơi công tác",
        "Đảng ủy Sở Thử Nghiệm",
        "chưa nơi nào đề nghị",
        "Đinh Văn Giấy",
        "ghi rõ sự việc ở phần Nhận xét khác",
        "không nhận xét hằng năm",
        "Mức đánh giá của 2 đồng chí đã có nhận xét",
    ):
        assert words in page
    assert AuditEvent.objects.filter(verb="read", count=3, seat__user=cast.secretary).exists()


def test_drafts_stay_with_the_cell_and_texts_with_those_who_confirm(cast: Cast, play: Season, sign_in: SignIn) -> None:
    played(cast, play)
    officer = shown(sign_in(cast.ward_officer), cast)
    assert "Mức đánh giá của 1 đồng chí đã gửi" in officer
    assert "Chưa gương mẫu" not in officer
    assert "ghi rõ sự việc" not in officer
    clerk = shown(sign_in(cast.ward_clerk), cast)
    assert "Lê Văn Dở" in clerk
    assert "Mức đánh giá" not in clerk


def test_an_empty_cell(cast: Cast, sign_in: SignIn) -> None:
    assert "Chi bộ chưa có đồng chí nào" in shown(sign_in(cast.secretary), cast)


def test_queries_do_not_grow_with_rows(cast: Cast, play: Season, sign_in: SignIn) -> None:
    client = sign_in(cast.secretary)
    play.submitted()
    client.get(url(cast))
    with CaptureQueriesContext(connection) as one:
        client.get(url(cast))
    for _ in range(2):
        person = factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
        row = Assessment.objects.create(placement=person.placements.get(), year=Season.YEAR)
        row.write(GOOD, "", by=by(cast.secretary, Action.WRITE, cast.cell))
    with CaptureQueriesContext(connection) as three:
        client.get(url(cast))
    assert len(three) == len(one)
