"""The small form of the storm; `script/bench chaos` is the large one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests import processes

STORM = Path(__file__).with_name("storm.py")


@pytest.mark.chaos
@pytest.mark.django_db
def test_everything_is_killed_and_every_letter_arrives_once() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("brings its own PostgreSQL and Redis: once is enough")
    command = [sys.executable, str(STORM), "120", "1"]
    ran = subprocess.run(command, env=processes.bare(), capture_output=True, text=True, timeout=540)
    assert ran.returncode == 0, ran.stderr[-3000:]
    (verdict,) = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {name: verdict[name] for name in ("letters", "lost", "doubled", "kills", "left")} == {
        "letters": 120,
        "lost": 0,
        "doubled": 0,
        "kills": 8,
        "left": [],
    }, ran.stderr[-3000:]
    assert verdict["in_the_window"] <= 4  # two worker kills, two processes each
