"""How far a job is and how long it may still take, from the work its steps have done. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api.jobs.states import StepState
from tasks.names import TaskName

WEIGHTS: dict[TaskName, float] = {
    TaskName.INGEST_PROBE: 2.0,
    TaskName.INGEST_POSTER: 3.0,
    TaskName.INGEST_FONT: 2.0,
    TaskName.INGEST_IMAGE: 2.0,
    TaskName.SPEECH_TRANSCRIBE: 95.0,
    TaskName.SPEECH_HEAR: 95.0,
    TaskName.SPEECH_TRANSLATE: 20.0,
    TaskName.MUSIC_ANALYZE: 60.0,
    TaskName.CLIPS_LISTEN: 3.0,
    TaskName.CLIPS_MAKE: 10.0,
    TaskName.CLIPS_SHEET: 2.0,
    TaskName.CLIPS_COMPOSE: 20.0,
    TaskName.SOUNDS_LEVEL: 10.0,
    TaskName.SOUNDS_SPEAK: 10.0,
    TaskName.SOUNDS_TAKE: 10.0,
    TaskName.LINKS_RESOLVE: 4.0,
    TaskName.LINKS_CREATOR: 4.0,
    TaskName.LINKS_DOWNLOAD: 10.0,
    TaskName.LINKS_LEVEL: 10.0,
    TaskName.SAMPLES_EXTRACT: 6.0,
    TaskName.SAMPLES_WAVEFORM: 3.0,
    TaskName.SAMPLES_ANALYZE: 30.0,
    TaskName.SAMPLES_LOOP: 4.0,
    TaskName.SAMPLES_SAVE: 1.0,
    TaskName.SHORTS_ANALYZE: 60.0,
    TaskName.SHORTS_CUT: 20.0,
    TaskName.DELIVERY_SEND: 20.0,
    TaskName.RENDER_VIDEO: 100.0,
    TaskName.RENDER_CHUNK: 20.0,
    TaskName.RENDER_JOIN: 4.0,
    TaskName.RENDER_STILL: 5.0,
    TaskName.RENDER_CHECK: 10.0,
}
"""Share of the work by task, in any unit: what counts is their ratio within a job."""

HIGHEST_UNFINISHED = 99.0
_LEAST_FRACTION = 0.01


@dataclass(frozen=True)
class StepProgress:
    """What one step contributes; times by the database's clock."""

    task: str
    state: StepState
    fraction: float = 0.0
    started_at: datetime | None = None
    seen_at: datetime | None = None

    @property
    def weight(self) -> float:
        """Share of this step in its job's work."""
        return weight_of(self.task)

    @property
    def done(self) -> float:
        """Fraction of the step that is done, 0..1."""
        return 1.0 if self.state == StepState.SUCCEEDED else self.fraction

    @property
    def elapsed_s(self) -> float:
        """Seconds that this attempt worked for what it has done."""
        if self.started_at is None or self.seen_at is None:
            return 0.0
        return max(0.0, (self.seen_at - self.started_at).total_seconds())


def weight_of(task: str) -> float:
    """Return the weight of a task; one that the table does not know counts 1."""
    return WEIGHTS.get(TaskName(task), 1.0) if task in TaskName._value2member_map_ else 1.0


def percent_of(steps: Sequence[StepProgress]) -> float:
    """Return how much of the work is done, 0..99: a job is 100 % only when its last report was accepted."""
    total = sum(step.weight for step in steps)
    done = sum(step.weight * step.done for step in steps)
    percent = math.floor(1000.0 * done / total) / 10.0 if total else 0.0
    return min(HIGHEST_UNFINISHED, percent)


def eta_of(steps: Sequence[StepProgress]) -> float | None:
    """Return the seconds that the rest may take at the speed observed so far, or None before anything was observed.

    Running steps work side by side, so the slowest counts; what is still queued is added at the job's average speed.
    """
    running = [step for step in steps if step.state == StepState.RUNNING and step.done >= _LEAST_FRACTION]
    observed = running + [step for step in steps if step.state == StepState.SUCCEEDED]
    work = sum(step.weight * step.done for step in observed)
    elapsed_s = sum(step.elapsed_s for step in observed)
    if not work or not elapsed_s:
        return None
    slowest_s = max((step.elapsed_s * (1.0 - step.done) / step.done for step in running), default=0.0)
    unseen = sum(step.weight for step in steps if step not in observed and step.state not in _ENDED)
    return round(slowest_s + unseen * elapsed_s / work, 1)


_ENDED = (StepState.FAILED, StepState.CANCELLED)
