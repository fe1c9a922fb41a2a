"""A recipe as data: the steps of a job and what each waits for, and the Celery canvas that carries one attempt of it.

The rows made from a plan are the memory of the job; the canvas is only a transport, may be lost, and is rung again by
the dispatcher (``docs/adr/0001``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from celery import chain, chord, group, signature
from celery.canvas import Signature

from tasks.contracts import StepBell
from tasks.names import POLICY, Priority, TaskName


@dataclass(frozen=True)
class StepSpec:
    """One step to be: unique by (name, part) within its job.

    :param after: names of steps all of whose parts must have succeeded before this one can be claimed.
    :param input: the step's parameters, plain JSON.
    :param limits: named limits of which it needs a slot each while it runs, like ``provider:replicate``.
    :param not_before: when it may be claimed at the earliest, for a first step; None is at once.
    """

    name: str
    task: TaskName
    input: dict[str, Any] = field(default_factory=dict)
    part: int = 0
    after: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    not_before: datetime | None = None


def levels(specs: list[StepSpec]) -> list[list[StepSpec]]:
    """Sort steps into waves: each wave waits only for steps of earlier ones. Raise ValueError on a cycle or a gap."""
    waves: list[list[StepSpec]] = []
    done: set[str] = set()
    rest = list(specs)
    while rest:
        names_left = {spec.name for spec in rest}
        wave = [spec for spec in rest if set(spec.after) <= done and not set(spec.after) & names_left]
        if not wave:
            raise ValueError(f"steps wait for each other or for nobody: {sorted(names_left)}")
        waves.append(wave)
        rest = [spec for spec in rest if spec not in wave]
        done |= {spec.name for spec in wave}
    return waves


def build_bell(job_id: str, step_id: str, task: TaskName, priority: Priority) -> Signature:
    """Return the immutable signature that rings one step."""
    return signature(
        task.value,
        args=(job_id, StepBell(step_id).to_json()),
        immutable=True,
        # Without ignore_result the sender would subscribe to a Redis channel per message, for ever.
        options={"queue": POLICY[task].queue.value, "priority": int(priority), "ignore_result": True},
    )


def build_canvas(job_id: str, waves: list[list[Signature]]) -> Signature:
    """Join waves of bells into one canvas: a chain, with a chord wherever a wave of several feeds the next."""
    if not waves:
        raise ValueError(f"job {job_id} has no steps")
    parts: list[Signature] = []
    for wave in waves:
        parts.append(wave[0] if len(wave) == 1 else group(wave))
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2 and isinstance(parts[0], group):
        return chord(parts[0], parts[1])
    return chain(*parts)
