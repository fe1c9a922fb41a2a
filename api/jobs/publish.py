"""Everything that goes from the API to Redis: bells, canvases, wake-ups, revocations.

All of it is a speed-up. Redis may be away at any time; then a call fails within about a second, the circuit breaker
keeps the next ones from trying for a while, and the dispatcher and polling do the work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID, uuid5

import redis
from celery import Celery
from celery.canvas import Signature
from flask import current_app, has_app_context
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import event
from sqlalchemy.orm import Session

from api.extensions import get_settings
from api.jobs.breaker import CircuitBreaker
from tasks.app import make_celery
from tasks.failpoints import failpoint
from tasks.names import Priority, Queue, TaskName, progress_channel
from tasks.workflows.plan import StepSpec, build_bell, build_canvas, levels

logger = logging.getLogger(__name__)

TIMEOUT_S = 1.0
BREAKER_PAUSE_S = 5.0
WIDEST = 16
BROKER_ERRORS = (BrokerError, redis.RedisError, OSError)
GRACEFUL_SIGNAL = "SIGUSR1"
"""What Celery uses for soft time limits: the body is interrupted, cleans up, and hears 409 at its report."""

_WAKE, _REVOKE = "reelyard.wake", "reelyard.revoke"


class Publisher:
    """This process's connections to the broker, with timeouts that a request can afford."""

    def __init__(self, redis_url: str) -> None:
        self.breaker = CircuitBreaker(BREAKER_PAUSE_S)
        self.redis = redis.Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None, health_check_interval=5
        )
        self.celery = make_impatient(make_celery("api", redis_url=redis_url))

    def bell(self, step_id: UUID, attempt: int, *, job_id: UUID, task: str, priority: int) -> Signature:
        """Return the bell of a step's next attempt, bound to this application."""
        plain = build_bell(str(job_id), str(step_id), TaskName(task), Priority(priority))
        bell = Signature.from_dict(dict(plain), app=self.celery)
        return bell.set(task_id=bell_id(step_id, attempt), ignore_result=True)

    def send(self, canvas: Signature) -> None:
        """Send a bell or a canvas; raise one of BROKER_ERRORS when the broker is away."""
        with self.celery.producer_pool.acquire(block=True, timeout=TIMEOUT_S) as producer:
            failpoint("before_send")
            canvas.apply_async(producer=producer, retry=False)
            failpoint("after_send")

    def depth(self, queue: Queue) -> int:
        """Return the number of messages that wait in a queue; raise one of BROKER_ERRORS when the broker is away."""
        with self.celery.pool.acquire(block=True, timeout=TIMEOUT_S) as connection:
            # Not passive: kombu's look for an existing queue forgets the key prefix, and declaring one writes nothing
            return int(connection.default_channel.queue_declare(queue.value).message_count)

    def try_redis(self) -> None:
        """Raise one of BROKER_ERRORS within a second unless Redis answers."""
        self.redis.ping()

    def wake(self, job_ids: Iterable[UUID]) -> None:
        """Tell those who watch the jobs that there is something to read."""
        with self.redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.publish(progress_channel(str(job_id)), b"{}")
            pipe.execute()

    def revoke(self, bell_ids: list[str]) -> None:
        """Interrupt attempts that nobody wants any more."""
        self.celery.control.revoke(bell_ids, terminate=True, signal=GRACEFUL_SIGNAL)


def make_impatient(app: Celery) -> Celery:
    """Shorten every wait of a Celery application that sends from within requests."""
    app.conf.update(
        broker_connection_timeout=TIMEOUT_S,
        broker_connection_retry=False,
        broker_connection_max_retries=0,
        broker_pool_limit=4,
        broker_transport_options={
            **app.conf.broker_transport_options,
            "socket_timeout": TIMEOUT_S,
            "socket_connect_timeout": TIMEOUT_S,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
            "connect_retries_timeout": TIMEOUT_S,
        },
        result_backend=f"api.jobs.sending:SendingBackend+{app.conf.broker_url}",
        redis_socket_timeout=TIMEOUT_S,
        redis_socket_connect_timeout=TIMEOUT_S,
        redis_retry_on_timeout=False,
        result_backend_always_retry=False,
        result_backend_max_retries=0,
        result_backend_transport_options={
            **app.conf.result_backend_transport_options,
            "retry_policy": {"max_retries": 0, "timeout": TIMEOUT_S},
        },
    )
    app.set_default()
    return app


def get_publisher() -> Publisher:
    """Return the publisher of the current application."""
    extensions = current_app.extensions
    if "reelyard.publisher" not in extensions:
        extensions["reelyard.publisher"] = Publisher(get_settings().redis_url)
    return cast(Publisher, extensions["reelyard.publisher"])


def bell_id(step_id: UUID, attempt: int) -> str:
    """Name the Celery message that rings for the attempt after ``attempt``, the same from wherever it is sent."""
    return str(uuid5(step_id, f"attempt-{attempt + 1}"))


def send_canvas(job_id: UUID, priority: int, rows: Iterable[Any]) -> None:
    """Send the waves of a job as one canvas; raise one of BROKER_ERRORS when the broker is away.

    It ends before a wave that is too wide to be let past the line: the dispatcher rings that, and what follows.

    :param rows: steps that have not succeeded, with ``id name part task after attempt``.
    """
    publisher = get_publisher()
    publisher.try_redis()
    rows = list(rows)
    left = {row.name for row in rows}
    by_spec = {}
    for row in rows:
        after = tuple(name for name in row.after if name in left)
        by_spec[row.name, row.part] = (StepSpec(row.name, TaskName(row.task), part=row.part, after=after), row)
    waves = [
        [
            publisher.bell(row.id, row.attempt, job_id=job_id, task=row.task, priority=priority)
            for row in (by_spec[spec.name, spec.part][1] for spec in wave)
        ]
        for wave in levels([spec for spec, _ in by_spec.values()])
    ]
    wide = (number for number, wave in enumerate(waves) if number and len(wave) > WIDEST)
    publisher.send(build_canvas(str(job_id), waves[: next(wide, len(waves))]))


def wake_after_commit(session: Session, job_id: UUID) -> None:
    """Wake a job's watchers once the session's transaction has committed."""
    session.info.setdefault(_WAKE, set()).add(job_id)


def revoke_after_commit(session: Session, bell_ids: list[str]) -> None:
    """Interrupt attempts once the session's transaction has committed."""
    if bell_ids:
        session.info.setdefault(_REVOKE, []).extend(bell_ids)


@event.listens_for(Session, "after_commit")
def _run_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return
    jobs, bells = session.info.pop(_WAKE, set()), session.info.pop(_REVOKE, [])
    if not (jobs or bells) or not has_app_context():
        return
    publisher = get_publisher()
    if publisher.breaker.is_open:
        return
    try:
        publisher.wake(jobs)
        if bells:
            publisher.revoke(bells)
    except BROKER_ERRORS as error:
        publisher.breaker.failed()
        logger.info("watchers not woken", extra={"error": type(error).__name__})


@event.listens_for(Session, "after_rollback")
def _forget_waiting(session: Session) -> None:
    session.info.pop(_WAKE, None)
    session.info.pop(_REVOKE, None)
