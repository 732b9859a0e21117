"""Settings of the board. What differs between environments comes from environment variables, and only here.

Mizan Deploy sets MIZAN_URL and MIZAN_HOSTS; `mizan.yaml` declares the rest. Without them, and without DEBUG,
the board answers no host at all and refuses to serve: nothing insecure is the default.
"""

import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG") == "1"

# Empty is enough for `mizan_schema`, which runs at build time, without secrets; config/asgi.py insists on a real one.
SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-development-on-your-own-machine" if DEBUG else "")

# ── Where the board is reached ───────────────────────────────────────────────────────────────────────────────────────
PUBLIC_URL = os.environ.get("MIZAN_URL", "")
IS_HTTPS = PUBLIC_URL.startswith("https://")

ALLOWED_HOSTS = [host for host in os.environ.get("MIZAN_HOSTS", "").split(",") if host]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = IS_HTTPS

# The Edge replaces these headers, so they can be believed where there is one; ALLOWED_HOSTS still checks the host.
USE_X_FORWARDED_HOST = bool(PUBLIC_URL)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL else None

# ── The application ──────────────────────────────────────────────────────────────────────────────────────────────────
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mizan_django",
    "board",
]

MIDDLEWARE = [
    "config.health.HealthMiddleware",  # first: probes need neither a known Host nor a session
    "mizan_django.middleware.NoStoreByDefault",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEST_RUNNER = "config.test_runner.Runner"

MIZAN = {"APP": "board", "HEALTH_PATH": "/healthz"}

# ── Data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR / 'data' / 'board.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The old and the new release, the worker and beat share one file during a deploy. WAL lets readers pass a writer;
    # IMMEDIATE takes the write lock at BEGIN, where it can be waited for; in mid-transaction it cannot.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# ── Everything else ──────────────────────────────────────────────────────────────────────────────────────────────────
USE_TZ = True
TIME_ZONE = "UTC"

# Django's default sends errors to nobody outside of DEBUG; a container's log is its standard error.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname:<8} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},  # what a visitor did wrong is not our news
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},  # nor is a made-up Host
    },
}
