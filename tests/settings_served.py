"""The settings of web servers that a test starts: those of the tests, the real hasher counted, limits as told."""

import os

from liaison.settings_test import *  # noqa: F403

PASSWORD_HASHERS = ["tests.counted_hasher.CountedHasher"]
if limit := os.environ.get("TEST_LOGIN_FAILED"):
    ACCOUNT_RATE_LIMITS["login_failed"] = limit  # noqa: F405
