"""What a production installation promises before anybody signs in."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from tests import processes
from tests.conftest import Cast

ROOT = Path(__file__).resolve().parent.parent
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def manage(var: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=processes.bare(LIAISON_ENV="production", LIAISON_VAR=str(var), **environment),
        capture_output=True,
        text=True,
        check=False,
    )


PRODUCTION = {
    "SECRET_KEY": "production-check-" + "x7Qk" * 15,
    "FIELD_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "BLIND_INDEX_KEY": "y" * 60,
    "HISTORY_KEY": "z" * 60,
    "ALLOWED_HOSTS": "lienhe.example.org",
    "PUBLIC_URL": "https://lienhe.example.org",
}


def test_deployment_check_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a browser test leaves it behind; the check rightly refuses it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    said = (done.returncode, done.stdout.strip(), done.stderr.strip())
    assert said == (0, "System check identified no issues (0 silenced).", "")


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_does_not_start_without(name: str, tmp_path: Path) -> None:
    done = manage(tmp_path, "check", **{**PRODUCTION, name: ""})

    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


def test_production_never_goes_without_the_second_factor(tmp_path: Path) -> None:
    said = "from django.conf import settings; print(settings.SECOND_FACTOR)"
    done = manage(tmp_path, "shell", "--no-imports", "-c", said, SECOND_FACTOR="off", **PRODUCTION)

    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


def test_headers_of_a_private_page(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.officer)

    response = client.get("/")

    policy = {part.strip() for part in response["Content-Security-Policy"].split(";") if part.strip()}
    assert policy == POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"]
    assert "geolocation=()" in response["Permissions-Policy"]
