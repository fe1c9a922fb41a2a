"""The bells of a process: one thread and one Redis connection wake all streams that follow jobs.

Hundreds of streams that each looked for themselves would keep the database and each other busy. Here one statement
looks at all of their jobs; a stream reads only when its job has something new.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import cast
from uuid import UUID

import redis
from flask import current_app
from sqlalchemy import Engine, Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.events.ears import Ears
from api.extensions import db, get_redis
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from tasks.names import progress_channel

logger = logging.getLogger(__name__)

LONGEST_WAIT_S = 10.0
SURE_AFTER = 3
"""Waits in vain after which a stream looks for itself, whatever the thread is doing."""

PREFIX = progress_channel("")
POSITIONS = select(Job.id, Job.event_seq, Job.state).where(Job.id == any_(bindparam("jobs", type_=ARRAY(Uuid))))


class Bell:
    """What one stream waits for."""

    def __init__(self, bells: Bells, job_id: UUID, after: int) -> None:
        self.job_id, self.after = job_id, after
        self._bells, self._rung, self._in_vain = bells, threading.Event(), 0

    def wait(self, after: int) -> bool:
        """Return whether to look for what follows an event's number, or after some seconds that there is no need to."""
        self.after = after
        rung = self._rung.wait(LONGEST_WAIT_S)
        self._rung.clear()
        self._in_vain = 0 if rung or self._in_vain >= SURE_AFTER else self._in_vain + 1
        return rung or self._in_vain == 0

    def ring(self) -> None:
        """Wake the stream."""
        self._rung.set()

    def close(self) -> None:
        """Take the bell down."""
        self._bells.take_down(self)


class Bells:
    """Every bell that hangs in this process. The thread lives while there are any."""

    def __init__(self, engine: Engine, client: redis.Redis) -> None:
        self._engine, self._client = engine, client
        self._lock = threading.Lock()
        self._hanging: dict[str, list[Bell]] = {}
        self._thread: threading.Thread | None = None

    def hang(self, job_id: UUID, after: int = 0) -> Bell:
        """Return a new bell for what follows an event of a job."""
        bell = Bell(self, job_id, after)
        with self._lock:
            self._hanging.setdefault(str(job_id), []).append(bell)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="job-bells", daemon=True)
                self._thread.start()
        return bell

    def take_down(self, bell: Bell) -> None:
        """Forget a bell; a second time changes nothing."""
        with self._lock:
            left = [one for one in self._hanging.pop(str(bell.job_id), []) if one is not bell]
            if left:
                self._hanging[str(bell.job_id)] = left

    def _run(self) -> None:
        look_at, ears = time.monotonic(), Ears(self._client, f"{PREFIX}*")
        try:
            while hanging := self._all():
                heard = ears.wait(max(0.0, look_at - time.monotonic()))
                for channel in {message["channel"].decode() for message in heard}:
                    for bell in hanging.get(channel.removeprefix(PREFIX), ()):
                        bell.ring()
                if time.monotonic() >= look_at:
                    self._look([bell for bells in hanging.values() for bell in bells])
                    look_at = time.monotonic() + ears.poll_s
        finally:
            ears.close()

    def _all(self) -> dict[str, list[Bell]]:
        with self._lock:
            if not self._hanging:
                self._thread = None
            return dict(self._hanging)

    def _look(self, bells: list[Bell]) -> None:
        """Ring for every job that has more events than its stream knows, has ended, or is gone."""
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(POSITIONS, {"jobs": list({bell.job_id for bell in bells})}).all()
        except (DBAPIError, PoolTimeoutError) as error:
            logger.warning("jobs not readable", extra={"error": type(getattr(error, "orig", error)).__name__})
            return
        at = {row.id: row.event_seq for row in rows if row.state not in TERMINAL}
        for bell in bells:
            if bell.job_id not in at or at[bell.job_id] > bell.after:
                bell.ring()


def get_bells() -> Bells:
    """Return the bells of the current application in this process."""
    extensions = current_app.extensions
    if "reelyard.bells" not in extensions:
        extensions.setdefault("reelyard.bells", Bells(db.engine, get_redis()))
    return cast(Bells, extensions["reelyard.bells"])
