"""The ladder walked by three processes at once on a simulated clock that skips days: one message for each seat."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone

from evaluations import letters
from evaluations.models import LadderRun, Letter
from tests import processes
from tests.chaos.test_worker import database_url
from tests.conftest import Cast
from tests.evaluations.test_reminders import cells_that_owe
from tests.season import Season

pytestmark = pytest.mark.chaos
CELLS = 12
WALK = """
import sys, time
from datetime import date
from pathlib import Path
import django
django.setup()
from evaluations import reminders
Path(sys.argv[2] + ".ready" + sys.argv[3]).touch()
while not Path(sys.argv[2]).exists():
    time.sleep(0.01)
print(reminders.write(date.fromisoformat(sys.argv[1])))
"""


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    now = [datetime(2026, 10, 5, 0, 30, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])

    def set_to(day: date) -> None:
        now[0] = datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)

    return set_to


def three_at_once(day: date, gate: Path) -> list[str]:
    """What three processes that begin in the same moment say."""
    environment = processes.with_test_settings(DATABASE_URL=database_url())
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WALK, day.isoformat(), str(gate), str(number)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    while sum(Path(f"{gate}.ready{number}").exists() for number in range(3)) < 3:
        assert all(process.poll() is None for process in running), [process.communicate() for process in running]
    gate.touch()
    said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    return [out.strip() for out, _ in said]


def test_three_processes_and_skipped_days(
    transactional_db: None, cast: Cast, play: Season, clock: Callable[[date], None], tmp_path: Path
) -> None:
    cells_that_owe(cast, play, CELLS)
    expected = {f"bithu{number}@example.org" for number in range(CELLS)}
    told: dict[str, Counter[str]] = {}
    # Monday; then five working days without a run, over the 13th, up to the day after the due date; the holiday of
    # 24 November; and the day after it, on which the seventh working day falls.
    for day in (date(2026, 11, 9), date(2026, 11, 16), date(2026, 11, 24), date(2026, 11, 25)):
        clock(day)
        said = three_at_once(day, tmp_path / day.isoformat())
        letters.deliver(list(Letter.objects.filter(kind="reminder").due().values_list("pk", flat=True)))
        told[day.isoformat()] = Counter(message.to[0] for message in mail.outbox)
        mail.outbox.clear()
        assert said == [said[0]] * 3

    once = dict.fromkeys(expected, 1)
    ward = {"anhai@example.org": 1}  # what its cells owe since five working days
    assert told == {"2026-11-09": once, "2026-11-16": once, "2026-11-24": {}, "2026-11-25": once | ward}
    assert Letter.objects.filter(kind="reminder").count() == 3 * CELLS + 1
    assert not Letter.objects.filter(reminds_on="2026-11-24").exists()
    assert LadderRun.objects.count() == 4
