"""Which events there are for webhooks, and how the engine's own names lead to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

TEST = "webhook.test"
CREDITS = "credits.changed"
PROGRESS = "job.progress"
EVENTS = {
    "job.queued": "A job was ordered, or is tried anew",
    "job.running": "A worker has begun with it",
    "job.succeeded": "It is done",
    "job.failed": "It is given up; error says why",
    "job.cancelled": "Its owner did not want it any more",
    PROGRESS: "It went on; at most twice a second",
    "step.running": "One of its steps began",
    "step.retrying": "A step failed and is tried again",
    "step.succeeded": "A step is done",
    "step.failed": "A step is given up",
    "step.first_look": "A render has something to look at already",
    "render.succeeded": "A render is done: job.succeeded with the render's id",
    "render.failed": "A render is given up",
    "render.cancelled": "A render was cancelled",
    CREDITS: "A line was written into the credits' ledger",
}
"""Every event that an endpoint can ask for."""
DEFAULT = ("job.succeeded", "job.failed", "job.cancelled")
"""What an endpoint gets that asks for nothing."""
GROUPS = {f"{name.partition('.')[0]}.*" for name in EVENTS}
RENDER_ENDS = {f"job.{end}": f"render.{end}" for end in ("succeeded", "failed", "cancelled")}


def spell_out(wanted: Iterable[str]) -> list[str]:
    """Return the single names that are meant, groups (``job.*``) spelled out; progress is in no group."""
    names: set[str] = set()
    for name in wanted:
        group = name.removesuffix("*")
        names |= {one for one in EVENTS if one.startswith(group) and one != PROGRESS} if group != name else {name}
    return sorted(names)


def names_of(kind: str, job_kind: str) -> list[str]:
    """Return the events that one of a job's stored events is, by its ``kind``; none for what nobody can ask for."""
    name = PROGRESS if kind == "progress" else kind
    found = [name] if name in EVENTS else []
    if job_kind == "render" and kind in RENDER_ENDS:
        found.append(RENDER_ENDS[kind])
    return found
