"""How much of a render was done when it was cancelled, in frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from api.jobs.models import Job, Step
from api.jobs.states import StepState
from tasks.names import TaskName

DRAWING = (TaskName.RENDER_VIDEO.value, TaskName.RENDER_CHUNK.value)
FRAMES = "frames"
AFTER_FRAMES = frozenset({"upload"})
"""Stages of a drawing step in which all of its frames are done."""


@dataclass(frozen=True)
class DoneShare:
    """Parts of a whole render, 0..1.

    :param done: frames that were drawn and encoded, :param kept: those of them that a retry need not make again.
    """

    done: float
    kept: float


def measure_share(session: Session, job: Job, duration_s: float) -> DoneShare:
    """Add up what the drawing steps of a render have done, as their workers last told.

    :param duration_s: of the source, for the length of the last piece.
    """
    chosen = select(Step).where(Step.job_id == job.id, Step.task.in_(DRAWING)).options(undefer(Step.input))
    return share_of(list(session.scalars(chosen)), duration_s)


def share_of(steps: Sequence[Step], duration_s: float) -> DoneShare:
    """Weigh each step by the length of its span."""
    lengths = [length_of(step, duration_s) for step in steps]
    whole = sum(lengths)
    if not whole:
        return DoneShare(0.0, 0.0)
    done = sum(length * done_of(step) for length, step in zip(lengths, steps, strict=True))
    kept = sum(length for length, step in zip(lengths, steps, strict=True) if step.state == StepState.SUCCEEDED)
    return DoneShare(done / whole, kept / whole)


def length_of(step: Step, duration_s: float) -> float:
    """Return the seconds that a step draws."""
    start_ms: int = step.input.get("start_ms", 0)
    end_ms: int | None = step.input.get("end_ms")
    return max(0.0, (duration_s if end_ms is None else end_ms / 1000) - start_ms / 1000)


def done_of(step: Step) -> float:
    """Return the part of a step's frames that is done."""
    if step.state == StepState.SUCCEEDED or step.stage in AFTER_FRAMES:
        return 1.0
    if step.stage != FRAMES or step.total <= 0:
        return 0.0
    return min(1.0, step.done / step.total)
