"""import_roster and create_admin as an administrator runs them: real processes, exit codes, the last line."""

import contextlib
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from members.models import AuditEvent, Member, Organization, RosterImport, Seat, StagedRow, User
from members.roles import Role
from tests import factories, processes
from tests.conftest import Cast

ROOT = Path(__file__).resolve().parent.parent.parent
KEYS = {"SECRET_KEY": "s" * 60, "FIELD_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="}
KEYS |= {"BLIND_INDEX_KEY": "b" * 60, "HISTORY_KEY": "h" * 60}
HEADINGS = "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Chi bộ,Phường/xã\n"
LIST = HEADINGS + (
    "1,Đỗ Thử Một,01/02/1980,19/05/2010,Văn phòng,An Hải\n"
    "2,Hồ Thử Hai,03/04/1985,19/05/2012,Văn phòng,Sơn Trà\n"
    "3,Lý Thử Ba,31/02/1985,19/05/2012,Văn phòng,An Hải\n"
    "4,Mai Thử Tư,03/04/1986,19/05/2012,Văn phòng,Không Có\n"
)


def manage(var: Path, *arguments: str, said: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=processes.bare(LIAISON_VAR=str(var), **KEYS),
        input=said if said is not None else "",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    var = tmp_path_factory.mktemp("empty")
    done = manage(var, "migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    return var


@pytest.fixture
def empty(migrated: Path, tmp_path: Path) -> Path:
    """An installation on which nobody has done anything yet."""
    return Path(shutil.copytree(migrated, tmp_path / "var"))


def test_an_empty_installation_gets_its_administrator_and_a_list(empty: Path, tmp_path: Path) -> None:
    done = manage(empty, "create_admin", "quantri", "--province", "Thành ủy Đà Nẵng")

    assert done.returncode == 0, done.stderr
    (password,) = done.stdout.split()
    assert len(password) == 23
    assert password not in done.stderr
    said = ask(
        empty,
        "from django.contrib.auth import authenticate; from members.models import *; "
        f"u = authenticate(username='quantri', password='{password}'); s = u.seats.get(); "
        "print(s.role, s.organization.name, AuditEvent.objects.filter(verb='User.create_admin').count())",
    )
    assert said == "administrator Thành ủy Đà Nẵng 1"
    again = manage(empty, "create_admin", "khac")
    assert (again.returncode, again.stdout) == (1, "")
    assert "Hệ thống đã có người quản trị" in again.stderr

    path = tmp_path / "danh-sach.csv"
    path.write_text(LIST, encoding="utf-8")
    pk = ask(
        empty,
        "from members.models import *; p = Organization.objects.get(parent=None); from datetime import date; "
        "c = Organization.objects.add(p, kind='grassroots', name='Đảng ủy Sở Thử'); "
        "[Organization.objects.add(p, kind='commune', name=f'Đảng ủy phường {n}', unit='phường', locality=n) "
        "for n in ('An Hải', 'Sơn Trà')]; "
        "u = User.objects.create_user('canbo', 'mat-khau-thu-2026', full_name='Cán Bộ'); "
        "Seat.objects.create(user=u, organization=c, role='officer', from_on=date(2020, 1, 1)); print(c.pk)",
    )
    tried = manage(empty, "import_roster", str(path), "--committee", pk, "--dry-run")
    assert (tried.returncode, tried.stdout) == (1, "understood=2 faulty=2 matched=0 new=2\n")
    assert "bỏ lại dòng 4, 5" in tried.stderr
    assert "Thử" not in tried.stderr.replace("Đảng ủy Sở Thử", "")
    assert ask(empty, COUNT) == "0 0 0"

    written = manage(empty, "import_roster", str(path), "--committee", pk)
    assert (written.returncode, written.stdout) == (1, "understood=2 faulty=2 matched=0 new=2\n")
    assert ask(empty, COUNT) == "2 1 0"
    clean = tmp_path / "sach.csv"
    clean.write_text("\n".join(LIST.splitlines()[:3]) + "\n", encoding="utf-8")
    repeated = manage(empty, "import_roster", str(clean), "--committee", pk)
    assert (repeated.returncode, repeated.stdout) == (0, "understood=2 faulty=0 matched=2 new=0\n")


COUNT = (
    "from members.models import *; "
    "print(Member.objects.count(), RosterImport.objects.count(), StagedRow.objects.count())"
)


def ask(var: Path, code: str) -> str:
    done = manage(var, "shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["create_admin"], 2, "TÊN"),
        (["create_admin", "hai tên"], 2, "viết liền"),
        (["create_admin", "quantri"], 2, "--province"),
        (["import_roster", "x.csv"], 2, "--committee"),
        (["import_roster", "x.csv", "--committee", "7"], 2, "Không có đảng ủy số 7"),
    ],
)
def test_wrong_usage_ends_with_two(empty: Path, arguments: list[str], status: int, words: str) -> None:
    done = manage(empty, *arguments)

    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr


def test_a_password_from_a_line(empty: Path) -> None:
    weak = manage(empty, "create_admin", "quantri", "--province", "Tỉnh ủy Mẫu", "--ask", said="quantri123\n")
    assert (weak.returncode, "Mật khẩu chưa đủ mạnh" in weak.stderr) == (1, True)
    assert (
        ask(empty, "from members.models import *; print(User.objects.count(), Organization.objects.count())") == "0 0"
    )

    done = manage(empty, "create_admin", "quantri", "--province", "Tỉnh ủy Mẫu", "--ask", said="sông Hàn mùa 2026 lũ\n")
    assert (done.returncode, done.stdout) == (0, "")


# The same on whichever database the suite runs on


def listed(cast: Cast, tmp_path: Path, text: str = LIST, **options: Any) -> str:
    path, out = tmp_path / "danh-sach.csv", io.StringIO()
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(SystemExit):  # some rows were left out
        call_command(
            "import_roster", str(path), committee=cast.ministry.pk, stdout=out, stderr=io.StringIO(), **options
        )
    return out.getvalue().strip()


@pytest.mark.django_db
def test_a_trial_leaves_nothing(cast: Cast, tmp_path: Path) -> None:
    before = (Member.objects.count(), AuditEvent.objects.count())

    assert listed(cast, tmp_path, dry_run=True) == "understood=2 faulty=2 matched=0 new=2"
    assert (Member.objects.count(), AuditEvent.objects.count()) == before
    assert not RosterImport.objects.exists()


@pytest.mark.django_db
def test_the_list_enters_as_by_the_page(cast: Cast, tmp_path: Path) -> None:
    assert listed(cast, tmp_path) == "understood=2 faulty=2 matched=0 new=2"

    staged = RosterImport.objects.get()
    assert (staged.outcome, staged.made_by.user) == ({"new": 2, "changed": 0, "same": 0, "left": 2}, cast.officer)
    assert not StagedRow.objects.exists()
    member = Member.objects.get(full_name="Đỗ Thử Một")
    assert member.placements.get().commune == cast.ward
    assert AuditEvent.objects.filter(verb="RosterImport.commit").count() == 1


@pytest.mark.django_db
def test_who_answers_for_the_list_is_named_when_several_keep_it(cast: Cast, tmp_path: Path) -> None:
    factories.official("officer2", "Tạ Thị Hai", cast.ministry, Role.OFFICER)

    with pytest.raises(CommandError, match="officer, officer2") as refused:
        listed(cast, tmp_path)
    assert refused.value.returncode == 2
    assert listed(cast, tmp_path, username="officer2") == "understood=2 faulty=2 matched=0 new=2"
    assert RosterImport.objects.get().made_by.user.username == "officer2"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Tệp trống"), ("chỉ có chữ\n", "."), ("<html><table></table></html>", "trang web")],
)
def test_a_file_that_is_no_list(cast: Cast, tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        listed(cast, tmp_path, text)
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_a_file_that_is_not_there(cast: Cast) -> None:
    with pytest.raises(CommandError, match="Không mở được tệp") as refused:
        call_command("import_roster", "/khong/co.csv", committee=cast.ministry.pk, stderr=io.StringIO())
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_no_second_administrator_from_the_command_line(cast: Cast) -> None:
    with pytest.raises(CommandError, match="đã có người quản trị"):
        call_command("create_admin", "khac", stderr=io.StringIO())
    assert not User.objects.filter(username="khac").exists()
    assert Seat.objects.filter(role=Role.ADMINISTRATOR).count() == 1
    assert Organization.objects.filter(parent=None).count() == 1
