"""The control worker: ``celery -A api.control.worker worker -Q control -B``. It has the database, and no media."""

from __future__ import annotations

from api.control.schedule import BEAT_SCHEDULE
from tasks.app import make_celery
from tasks.node import Profile, install

app = make_celery("control")
install(app, Profile("control", gpus=tuple))
app.add_defaults({"beat_schedule": BEAT_SCHEDULE})

from api.control import tasks as tasks  # noqa: E402  registers on the application above
