"""What a production installation promises before anybody signs in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

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


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_SETTINGS")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**clean, "LIAISON_ENV": "production", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


PRODUCTION = {
    "SECRET_KEY": "production-check-" + "x7Qk" * 15,
    "FIELD_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "BLIND_INDEX_KEY": "y" * 60,
    "ALLOWED_HOSTS": "lienhe.example.org",
    "PUBLIC_URL": "https://lienhe.example.org",
}


def test_deployment_check_is_clean() -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    said = (done.returncode, done.stdout.strip(), done.stderr.strip())
    assert said == (0, "System check identified no issues (0 silenced).", "")


@pytest.mark.parametrize("name", PRODUCTION)
def test_production_does_not_start_without(name: str) -> None:
    done = manage("check", **{**PRODUCTION, name: ""})

    assert done.returncode != 0
    assert f"{name} is not set" in done.stderr


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
