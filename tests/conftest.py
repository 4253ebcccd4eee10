"""The cast: one small tree, the same named people in every test, and nets that catch what nobody looks for."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import hypothesis
import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from evaluations import tasks
from liaison.sessions import SEEN, SINCE
from members.migrations import _guards
from members.models import Member, Organization, User
from members.roles import Role
from tests import factories, season


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--again", action="store_true", help="a second database: only what could differ from the first")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("again"):
        other = [item for item in items if not may_differ(item)]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if may_differ(item)]
    # The longest first: at the end no process works alone while the other has nothing left.
    items.sort(key=lambda item: not item.name.startswith("test_matrix["))


def may_differ(item: pytest.Item) -> bool:
    """Whether a test can tell one database from another: it touches it, and is neither a page nor marked `once`."""
    if item.get_closest_marker("browser") or item.get_closest_marker("once"):
        return False
    return bool(item.get_closest_marker("django_db")) or "db" in getattr(item, "fixturenames", ())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """TODAY of a file of tests is the day on which each begins, also when a run goes on past Vietnam's midnight.

    A day that stands fixed in a file has another name there.
    """
    module = getattr(item, "module", None)
    if hasattr(module, "TODAY"):
        module.TODAY = timezone.localdate()


# The same examples every time, however busy the machine; HYPOTHESIS_PROFILE=default looks for new ones.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@dataclass
class Cast:
    """Organisations and people. `officer` drafts, `signer` signs; the ward's people answer; neighbours see nothing."""

    province: Organization
    ministry: Organization  # the workplace committee that asks
    office_cell: Organization
    other_ministry: Organization
    ward: Organization  # the commune that answers
    cell: Organization
    other_cell: Organization
    other_ward: Organization
    far_ward: Organization  # EXTERNAL: on paper only
    officer: User
    signer: User
    neighbour: User  # officer of the other workplace
    ward_clerk: User
    ward_officer: User
    ward_signer: User
    other_ward_officer: User
    secretary: User
    other_secretary: User
    overseer: User
    administrator: User
    auditor: User
    data_officer: User
    nobody: User
    asked: Member  # works at the ministry, lives in the ward
    member_user: User  # signs in as `asked`

    def people(self) -> dict[str, User]:
        return {name: value for name, value in vars(self).items() if isinstance(value, User)}


@pytest.fixture
def cast(db: None) -> Cast:
    make = factories
    province = make.organization(None, "Thành ủy Đà Nẵng", "province", place_name="Đà Nẵng", sign_suffix="TU")
    ministry = make.organization(
        province, "Đảng ủy Sở Thử Nghiệm", "grassroots", place_name="Hải Châu", email="so.thunghiem@example.org"
    )
    office_cell = make.workplace_cell(ministry, "Văn phòng")
    other_ministry = make.organization(province, "Đảng ủy Sở Láng Giềng", "grassroots", place_name="Hải Châu")
    ward = make.commune(province, "An Hải", email="anhai@example.org", signer_name="Lê Văn Mẫu", phone="0236000001")
    cell, other_cell = make.residence_cell(ward, "Tổ dân phố 7"), make.residence_cell(ward, "Tổ dân phố 8")
    other_ward = make.commune(province, "Sơn Trà", email="sontra@example.org")
    far_ward = make.commune(province, "Hòa Vang", unit="xã", kind="external")
    asked = make.member("Trần Thị Thử", workplace=office_cell, commune=ward, birth_date=date(1980, 6, 28), sex="F")
    return Cast(
        province=province,
        ministry=ministry,
        office_cell=office_cell,
        other_ministry=other_ministry,
        ward=ward,
        cell=cell,
        other_cell=other_cell,
        other_ward=other_ward,
        far_ward=far_ward,
        officer=make.official("officer", "Nguyễn Văn Soạn", ministry, Role.OFFICER),
        signer=make.official("signer", "Phạm Thị Ký", ministry, Role.SIGNER),
        neighbour=make.official("neighbour", "Hoàng Văn Bên", other_ministry, Role.OFFICER),
        ward_clerk=make.official("ward_clerk", "Võ Thị Sổ", ward, Role.CLERK),
        ward_officer=make.official("ward_officer", "Đặng Văn Phường", ward, Role.OFFICER),
        ward_signer=make.official("ward_signer", "Lê Văn Mẫu", ward, Role.SIGNER),
        other_ward_officer=make.official("other_ward_officer", "Bùi Thị Khác", other_ward, Role.OFFICER, Role.SIGNER),
        secretary=make.official("secretary", "Ngô Văn Bí Thư", cell, Role.SECRETARY, email="bithu7@example.org"),
        other_secretary=make.official("other_secretary", "Đỗ Thị Hàng Xóm", other_cell, Role.SECRETARY),
        overseer=make.official("overseer", "Hồ Văn Tỉnh", province, Role.OVERSEER),
        administrator=make.official("administrator", "Dương Thị Máy", province, Role.ADMINISTRATOR),
        auditor=make.official("auditor", "Lý Văn Kiểm", province, Role.AUDITOR),
        data_officer=make.official("data_officer", "Kim Thị Dữ Liệu", ministry, Role.DATA_OFFICER),
        nobody=make.user("nobody", "Phan Chưa Việc"),
        asked=asked,
        member_user=make.user("member_user", "Trần Thị Thử", member=asked),
    )


@pytest.fixture(autouse=True)
def whole_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """`force_login` stands for a whole sign-in a moment ago, both factors shown, as the pages leave it in the session.

    The rule itself stays as it is: tests of it sign in through the pages (tests/test_second_factor.py).
    """
    bare = Client.force_login

    def force_login(client: Client, user: User, backend: str | None = None) -> None:
        bare(client, user, backend)
        session, now = client.session, time.time()
        session[SINCE] = session[SEEN] = now
        session["account_authentication_methods"] = [{"method": "mfa", "type": "webauthn", "at": now}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()

    monkeypatch.setattr(Client, "force_login", force_login)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def client_of(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return client_of


@pytest.fixture
def play(cast: Cast) -> season.Season:
    """Plays the season step by step through the verbs; see tests/season.py."""
    return season.Season(cast)


@pytest.fixture(autouse=True)
def empty_cache(request: pytest.FixtureRequest) -> None:
    """Counters of one test (sign-in attempts, wrong codes) must not reach the next."""
    for name in ("transactional_db", "db"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
            cache.clear()
            return


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine one slice of work on a print copy must still be enough for a test."""
    monkeypatch.setattr(tasks, "SLICE", 600.0)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> None:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("createcachetable", verbosity=0)


@pytest.fixture(autouse=True)
def history_may_be_flushed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests that commit are cleaned up by emptying all tables, which the history refuses: its guards step aside."""
    if "transactional_db" not in request.fixturenames and "live_server" not in request.fixturenames:
        yield
        return
    request.getfixturevalue("transactional_db")
    with connection.schema_editor() as editor:
        _guards.install(apps, editor)
    yield
    with connection.schema_editor() as editor:
        _guards.remove(apps, editor)
