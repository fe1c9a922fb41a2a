"""When the control worker's chores run. Each is harmless to run twice, late, or on two hosts at once."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab

from tasks.names import Priority, Queue, TaskName


def entry(task: TaskName, schedule: crontab, *, expires_s: int) -> dict[str, Any]:
    """Return one entry of Celery's beat; a message nobody took before ``expires_s`` is worth nothing any more."""
    options = {"queue": Queue.CONTROL.value, "priority": int(Priority.NORMAL), "expires": expires_s}
    return {"task": task.value, "schedule": schedule, "options": options}


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "expire-uploads": entry(TaskName.CONTROL_EXPIRE_UPLOADS, crontab(minute="*/5"), expires_s=240),
    "sweep-objects": entry(TaskName.CONTROL_SWEEP_OBJECTS, crontab(minute="17"), expires_s=3000),
    "sweep-chunks": entry(TaskName.CONTROL_SWEEP_CHUNKS, crontab(minute="47"), expires_s=3000),
    # Due once a day at 00:00 UTC; the other rounds find nothing, or what a scheduler that was down left
    "recharge-credits": entry(TaskName.CONTROL_RECHARGE_CREDITS, crontab(minute="0,10"), expires_s=500),
    "sweep-rows": entry(TaskName.CONTROL_SWEEP_ROWS, crontab(minute="37"), expires_s=3000),
    "roll-up-usage": entry(TaskName.CONTROL_ROLL_UP_USAGE, crontab(minute="7"), expires_s=3000),
}
