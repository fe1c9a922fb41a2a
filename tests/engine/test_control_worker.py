"""The control worker: its chores run for real, by their names, on their schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.assets.models import Asset
from api.auth.models import AuthSession
from api.control import tasks as chores
from api.control.schedule import BEAT_SCHEDULE
from api.control.worker import app as control
from api.extensions import db
from api.idempotency.models import IdempotencyKey
from api.ids import new_id
from api.uploads.models import Upload
from tasks.names import POLICY, Queue, TaskName


@pytest.fixture
def in_app(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The chores, on the tests' application."""
    monkeypatch.setattr(chores, "flask_app", lambda: app)
    return app


def test_every_scheduled_chore_is_a_registered_task_of_the_control_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # named, and not used: the settings are read here at last
    control_tasks = {name.value for name, policy in POLICY.items() if policy.queue == Queue.CONTROL}

    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} == control_tasks
    assert control_tasks <= set(control.tasks)
    for entry in BEAT_SCHEDULE.values():
        assert entry["options"]["queue"] == "control"
        task = control.tasks[entry["task"]]
        policy = POLICY[TaskName(entry["task"])]
        assert (task.soft_time_limit, task.time_limit) == (policy.soft_limit_s, policy.hard_limit_s)


def test_uploads_nobody_completed_are_given_up(in_app: Any, owner_id: UUID) -> None:
    upload_id, asset_id = new_id(), new_id()
    key = f"uploads/{owner_id}/{upload_id}/source"
    common = {"owner_id": owner_id, "content_type": "video/mp4", "object_key": key, "size_bytes": 10}
    db.session.add(Asset(id=asset_id, kind="video", filename="a.mp4", **common))
    db.session.flush()
    late = datetime.now(UTC) - timedelta(minutes=1)
    db.session.add(Upload(id=upload_id, asset_id=asset_id, sha256="", upload_ref="", expires_at=late, **common))
    db.session.commit()

    first = chores.expire_uploads.run()
    second = chores.expire_uploads.run()

    assert (first, second) == ({"expired": 1}, {"expired": 0})
    assert db.session.get_one(Upload, upload_id, populate_existing=True).state == "expired"


def test_the_sweep_and_the_roll_up_run(in_app: Any) -> None:
    assert chores.sweep_objects.run() == {"removed": 0}
    assert chores.roll_up_usage.run() == {"rows": 0}
    assert chores.recharge_credits.run() == {"recharged": 0, "out_of_balance": 0}


def test_rows_whose_time_is_over_go_every_hour(in_app: Any, owner_id: UUID) -> None:
    """Keys after a week, sessions after their last token: nothing grows for ever, and nobody has to remember it."""
    long_ago = datetime.now(UTC) - timedelta(days=400)
    key = {"user_id": owner_id, "endpoint": "renders", "key": "old", "body_sha256": "x", "created_at": long_ago}
    db.session.add(IdempotencyKey(**key))
    session = {"user_id": owner_id, "refresh_jti": "old", "created_at": long_ago, "expires_at": long_ago}
    db.session.add(AuthSession(id=new_id(), **session))
    db.session.commit()

    found = chores.sweep_rows.run()

    assert (found["keys"], found["sessions"], found["jobs"]) == (1, 1, 0)
    assert BEAT_SCHEDULE["sweep-rows"]["task"] == TaskName.CONTROL_SWEEP_ROWS.value
