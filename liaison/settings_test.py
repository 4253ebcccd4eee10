"""The settings of the tests: fixed keys, cheap passwords, a directory of their own. Databases and broker stay real."""

import atexit
import os
import shutil
import tempfile
from datetime import timedelta
from urllib.parse import urlsplit

os.environ.setdefault("SECRET_KEY", "tests-only-" + "k" * 50)
os.environ.setdefault("FIELD_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
os.environ.setdefault("BLIND_INDEX_KEY", "tests-only-" + "b" * 50)
os.environ.setdefault("HISTORY_KEY", "tests-only-" + "h" * 50)
if "LIAISON_VAR" not in os.environ:
    # Runs started side by side by hand must not share a database file.
    os.environ["LIAISON_VAR"] = tempfile.mkdtemp(prefix="liaison-test-")
    atexit.register(shutil.rmtree, os.environ["LIAISON_VAR"], ignore_errors=True)

from liaison.settings import *

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
VAR.mkdir(parents=True, exist_ok=True)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

if BROKER_IS_REDIS:
    # Tests run side by side: a database of Redis each for the broker and for the cache, so that clearing stays at home.
    server = urlsplit(CELERY_BROKER_URL)
    CELERY_BROKER_URL = server._replace(path=f"/{2 * WORKER}").geturl()
    os.environ["CELERY_BROKER_URL"] = CELERY_BROKER_URL  # to Celery the environment counts for more than the setting
    CACHES["default"]["LOCATION"] = server._replace(path=f"/{2 * WORKER + 1}").geturl()
else:
    BROKER_DIR = VAR / f"broker{WORKER}"
    BROKER_DIR.mkdir(exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS |= {
        "data_folder_in": str(BROKER_DIR),
        "data_folder_out": str(BROKER_DIR),
        "control_folder": str(BROKER_DIR / "control"),
    }
# Tests that kill workers do not wait for minutes until somebody else may go on.
LEASE = timedelta(seconds=float(os.environ.get("TEST_LEASE", LEASE.total_seconds())))
# Nor for the next try, nor for a server that does not answer; and the clock sweeps as often as they like.
if "TEST_HASTE" in os.environ:
    haste = float(os.environ["TEST_HASTE"])
    BACK_OFF, MAIL_PAUSE, EMAIL_TIMEOUT = (haste,) * 20, timedelta(seconds=haste), haste
    SWEEP_EVERY = haste
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # A file, not memory: threads and processes that write at once must meet the locks they would meet in earnest.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}
