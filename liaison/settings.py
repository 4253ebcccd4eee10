"""Settings. Everything that differs between installations comes from the environment; the README lists the names."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / (os.environ.get("LIAISON_VAR") or "var")
PRODUCTION = os.environ.get("LIAISON_ENV") == "production"
DEBUG = os.environ.get("DEBUG") == "1" and not PRODUCTION


def flag(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0") == "1"


def required(name: str, local: str) -> str:
    value = os.environ.get(name, "") or ("" if PRODUCTION else local)
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. To try things out on one machine run script/setup, which writes keys into {VAR}. "
            "In production (LIAISON_ENV=production) the environment gives SECRET_KEY, FIELD_KEYS (Fernet "
            "keys, newest first, separated by commas), BLIND_INDEX_KEY, HISTORY_KEY, ALLOWED_HOSTS and "
            "PUBLIC_URL. Keep a copy of FIELD_KEYS, BLIND_INDEX_KEY and HISTORY_KEY apart from the database backups: "
            "without them encrypted fields are lost and the sealed history can no longer be verified."
        )
    return value


def key_file(name: str) -> str:
    path = VAR / name
    return path.read_text().strip() if path.exists() else ""


# Keys
SECRET_KEY = required("SECRET_KEY", key_file("secret_key"))
FIELD_KEYS = [key.strip() for key in required("FIELD_KEYS", key_file("field_keys")).split(",")]
BLIND_INDEX_KEY = required("BLIND_INDEX_KEY", key_file("blind_index_key"))
HISTORY_KEY = required("HISTORY_KEY", key_file("history_key"))
# Where the ends of the sealed history are noted, line by line: best on a disk that the database server cannot reach.
HISTORY_HEADS = Path(os.environ.get("HISTORY_HEADS") or VAR / "history_heads")

# Where we are
ALLOWED_HOSTS = [host.strip() for host in required("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")]
PUBLIC_URL = required("PUBLIC_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}").rstrip("/")

# Digital signatures: certificates that are trusted (a folder), a server of time stamps, the library of the tokens.
SIGNING_ROOTS = os.environ.get("SIGNING_ROOTS", "")
SIGNING_CRLS = os.environ.get("SIGNING_CRLS", "")  # a folder with the lists of certificates that were taken back
TIMESTAMP_URL = os.environ.get("TIMESTAMP_URL", "")
PKCS11_MODULE = os.environ.get("PKCS11_MODULE", "")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ROOT_URLCONF = "liaison.urls"
WSGI_APPLICATION = "liaison.wsgi.application"

# Parts
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "members",
    "evaluations",
]
MIDDLEWARE = [
    "liaison.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "liaison.headers.PrivatePages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "liaison.sessions.Clock",
    "liaison.resend.SignInFirst",
    "liaison.second_factor.SecondFactor",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "members.middleware.Acting",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "members.navigation.navigation",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = False

# Database
DATABASES = {"default": Env.db_url_config(os.environ.get("DATABASE_URL") or f"sqlite:///{VAR / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Taking the write lock when a transaction begins makes writers queue instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,  # a long import on this one-machine default makes others wait, not fail
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}

# Background work. Rows are the queue and the broker only wakes workers up, so losing it loses nothing.
# Each limit must outlast the one before: a task, the lease on its row, the redelivery of its message.
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
LEASE = timedelta(minutes=5)
VISIBILITY_TIMEOUT = 900
SWEEP_EVERY = 60.0  # seconds; what no wake-up reached waits so long
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or "filesystem://localhost"
BROKER_IS_REDIS = urlsplit(CELERY_BROKER_URL).scheme in ("redis", "rediss")
BROKER_DIR = VAR / "broker"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
if BROKER_IS_REDIS:
    CELERY_BROKER_TRANSPORT = "liaison.broker.Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": VISIBILITY_TIMEOUT, "socket_connect_timeout": 3}
else:
    BROKER_DIR.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR),
        "data_folder_out": str(BROKER_DIR),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.05,  # the default of a second means two letters a second
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB; rendering long documents grows a process
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat")
CELERY_TIMEZONE = "Asia/Ho_Chi_Minh"

# Cache: counts sign-in attempts, so all processes must see the same one.
if BROKER_IS_REDIS:
    broker = urlsplit(CELERY_BROKER_URL)
    beside_broker = f"/{int(broker.path.strip('/') or 0) + 1}"
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": broker._replace(path=beside_broker).geturl(),
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

# Messages
vars().update(Env.email_url_config(os.environ.get("EMAIL_URL") or f"filemail:///{VAR / 'outbox'}"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "khong-tra-loi@example.org")
MESSAGE_ID_DOMAIN = DEFAULT_FROM_EMAIL.rpartition("@")[2]
BACK_OFF = (60, 300, 1800, 7200, 21600)  # seconds before try 2, 3, …
MAIL_PAUSE = timedelta(minutes=2)  # when no server answers at all
MAILS_PER_HOUR = int(os.environ.get("MAILS_PER_HOUR") or 0)  # of the whole installation; 0: as many as there are
# The journal of what the server has taken: on a disk that survives the worker, one for each host.
JOURNAL_DIR = Path(os.environ.get("JOURNAL_DIR") or VAR / "journal")
# Where letters come back: "tra-lai@tinh.vn" makes return paths "tra-lai+…@tinh.vn", and their mailbox is read here.
BOUNCE_ADDRESS = os.environ.get("BOUNCE_ADDRESS", "")
BOUNCES = os.environ.get("BOUNCES", "")  # maildir:///path or mbox:///path
SMS_URL, SMS_TOKEN = os.environ.get("SMS_URL", ""), os.environ.get("SMS_TOKEN", "")

# Signing in
AUTH_USER_MODEL = "members.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "liaison.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# A whole office shares one address; an account does not.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/m/ip,5/5m/key",
    "letter_code": "10/10m/ip",
    "check_code": "20/10m/ip",
    "slip_code": "10/10m/ip",
}
# Exports and changes to the ways of signing in ask again who sits there, unless he has shown it just now.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
MFA_ADAPTER = "members.sign_in.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "members.sign_in.PasskeyForm",
    "login_webauthn": "members.sign_in.FingerprintForm",
    "activate_totp": "members.sign_in.CodeAppForm",
}
# No recovery codes of allauth's: the slip has its own, for the day the telephone is lost (members/models/slips.py).
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a finger or the screen's code: only so is a passkey two factors
MFA_TOTP_ISSUER = "Giữ mối liên hệ nơi cư trú"
MFA_TOTP_TOLERANCE = 1  # telephones whose clock is half a minute off
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
# The second factor of people who sign, send, confirm, reply or export. Only a demonstration goes without.
SECOND_FACTOR = PRODUCTION or os.environ.get("SECOND_FACTOR") != "off"
SESSION_IDLE = timedelta(hours=1)
SESSION_LONGEST = timedelta(hours=12)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = int(SESSION_LONGEST.total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "liaison.resend.csrf_failure"

# What browsers may do
SELF, NONE = "'self'", "'none'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: [] for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_SSL_REDIRECT = flag("SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
# Number of reverse proxies of our own in front; only then do their X-Forwarded headers count.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("TRUSTED_PROXIES", "0"))
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# What browsers may send: a grid of 200 people by 20 fields, with remarks
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024  # the largest file a form takes is 5 MB
FILE_UPLOAD_HANDLERS = ["liaison.uploads.NeverOnDisk"]

# Files that belong to the pages
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # uploads go into the database, never to disk
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Language and time
LANGUAGE_CODE = "vi"
# Only what third-party packages say in English; our own words are Vietnamese where they stand.
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGES = [("vi", "Tiếng Việt")]
LOCALE_PATHS = [BASE_DIR / "locale"]  # only for the words of third-party packages
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_TZ = True

# Logs
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "liaison.logs.JsonLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO" if PRODUCTION else "WARNING")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # These tell of every step they take.
        **{name: {"level": "WARNING"} for name in ("pikepdf", "weasyprint", "fontTools")},
    },
}
