"""The environment of the programs that tests start: named one by one, so that no other test has a hand in it.

A browser test sets DJANGO_ALLOW_ASYNC_UNSAFE for its whole process, the settings of the tests set keys and a broker: a
copy of `os.environ` would hand all that to a program that is meant to start as an installation does.
"""

import os

from django.conf import settings

# What any program of this machine needs to find its libraries, its words and its scratch space.
MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
# What the settings of the tests were started with, or have decided.
TESTS = ("DJANGO_SETTINGS_MODULE", "PYTEST_XDIST_WORKER", "SECRET_KEY", "FIELD_KEYS", "BLIND_INDEX_KEY", "DATABASE_URL")


def _kept(names: tuple[str, ...]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def bare(**given: str) -> dict[str, str]:
    """For a program that knows of no tests."""
    return {**_kept(MACHINE), **given}


def with_test_settings(**given: str) -> dict[str, str]:
    """For a program that shares keys, directory and broker with this test."""
    shared = {"LIAISON_VAR": str(settings.VAR)}
    if settings.BROKER_IS_REDIS:
        shared["CELERY_BROKER_URL"] = settings.CELERY_BROKER_URL
    return {**_kept(MACHINE + TESTS), **shared, **given}
