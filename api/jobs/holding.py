"""Locking one step of a job for a worker's call: everything that the call needs to know, read by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, null, select
from sqlalchemy.orm import Session, aliased, undefer

from api.jobs import effects
from api.jobs.change import Change
from api.jobs.engine import StepView, view_others
from api.jobs.models import STEP_TOKEN, Job, Step
from api.prepared import PREPARED


@dataclass
class Held:
    """A step that is locked together with its job.

    :param token: a fresh fencing token, for an attempt that may start.
    :param alone: whether the job has no other step.
    """

    change: Change
    step: Step
    token: int
    alone: bool
    _others: list[StepView] | None = field(default=None)

    @property
    def others(self) -> Sequence[StepView]:
        """The other steps of the job, read when they are first asked for."""
        if self._others is None:
            self._others = [] if self.alone else view_others(self.change.session, self.change.job, self.step)
        return self._others


def what_is_held(*, to_start: bool) -> Select[*tuple[Any, ...]]:
    """Select a job, its step, the moment, a fencing token, whether the step is alone and whether anybody listens."""
    other = aliased(Step)
    alone = ~select(other.id).where(other.job_id == Job.id, other.id != Step.id).correlate(Job, Step).exists()
    token = STEP_TOKEN.next_value() if to_start else null()
    chosen = select(Job, Step, func.clock_timestamp(), token, alone, effects.is_heard())
    chosen = chosen.select_from(Job).join(Step, Step.job_id == Job.id)
    if to_start:
        chosen = chosen.options(undefer(Step.input))
    return chosen.execution_options(populate_existing=True, **PREPARED)


@lru_cache(maxsize=2)
def select_held(*, to_start: bool) -> Select[*tuple[Any, ...]]:
    """Select and lock one step with its job.

    The clock is read by the same statement as the rows and still not before they are locked: whoever waits for a lock
    and finds the row changed has the whole row computed anew; and where nobody changed it, it does not matter.
    """
    chosen = what_is_held(to_start=to_start).where(Job.id == bindparam("job_id"), Step.id == bindparam("step_id"))
    return chosen.with_for_update(key_share=True, of=[Job, Step])


def hold_step(session: Session, job_id: str, step_id: str, *, to_start: bool = False) -> Held | None:
    """Lock a job and one of its steps by the ids in a message, or return None.

    :param to_start: read what an attempt needs, too.
    """
    try:
        ids = {"job_id": UUID(job_id), "step_id": UUID(step_id)}
    except ValueError:
        return None
    row = session.execute(select_held(to_start=to_start), ids).one_or_none()
    if row is None:
        return None
    job, step, now, token, alone, heard = row
    return Held(Change(session, job, now, heard=heard), step, token or 0, alone)
