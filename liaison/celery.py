"""The Celery application and its timetable: the only place where a clock time stands."""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings")

app = Celery("liaison")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    # Finds what no wake-up reached. A missed run is not worth repeating: the next one sees the same rows.
    "sweep": {"task": "evaluations.tasks.sweep", "schedule": settings.SWEEP_EVERY, "options": {"expires": 55}},
    # Every hour of the office: the second run finds its letters written, and one that was missed costs an hour.
    "remind": {"task": "evaluations.tasks.remind", "schedule": crontab(minute="30", hour="7-16")},
    "read_bounces": {"task": "evaluations.tasks.read_bounces", "schedule": 600.0},
    # Planned changes of organisations on their day; a missed run costs an hour.
    "reorganize": {"task": "evaluations.tasks.reorganize", "schedule": crontab(minute=5)},
    "forget_bundles": {"task": "evaluations.tasks.forget_bundles", "schedule": 3600.0},
    "seal_history": {"task": "evaluations.tasks.seal", "schedule": 60.0, "options": {"expires": 55}},
    # What a long transaction wrote far behind younger rows.
    "seal_everything": {
        "task": "evaluations.tasks.seal",
        "schedule": crontab(hour=2, minute=10),
        "kwargs": {"everything": True},
    },
    # When nobody works; what it finds is red in the morning.
    "inspect": {"task": "evaluations.tasks.inspect", "schedule": crontab(hour=3, minute=20)},
    "forget_staged_rows": {"task": "evaluations.tasks.forget_staged_rows", "schedule": 3600.0},
}
