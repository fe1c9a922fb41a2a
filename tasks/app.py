"""The Celery application of every process: one set of settings, chosen for a broker that may be lost whole (ring 1).

Celery carries bells and nothing else. Rows in PostgreSQL remember, lease and retry (``docs/adr/0001``), so every
setting here favours a worker that comes back quickly over a broker that pretends to be reliable.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.signals import beat_embedded_init, setup_logging, worker_process_init, worker_process_shutdown
from kombu.entity import Exchange
from kombu.entity import Queue as KombuQueue

from tasks import tracing
from tasks.children import end_with_parent
from tasks.environment import read_environment
from tasks.errors import ConfigurationError
from tasks.logs import configure_from_environment
from tasks.names import POLICY, Queue, TaskName

KEY_PREFIX = "reelyard:"
"""Begins every key that Celery writes to Redis, so that one Redis can be shared."""

UNROUTED = "unrouted"
"""Name of the default queue, which does not exist: a message without a route fails where it is sent."""

LONGEST_TASK_S = max(policy.hard_limit_s for policy in POLICY.values())
VISIBILITY_S = LONGEST_TASK_S + 3600
BROKER_TIMEOUT_S = 3
"""How long a worker waits for the broker to answer."""
BROKER_CHECK_S = 2
"""How often a worker asks whether the broker is there.

It has three connections. Each that is dead takes two timeouts or two looks to be noticed, one after the other,
and work may wait for a worker for 20 s.
"""

_CHILD_LIMITS = {"cpu": (200, 6_000_000), "render": (50, 4_000_000), "control": (1000, 1_000_000)}
_DEFAULT_CHILD_LIMITS = (500, 4_000_000)


def make_celery(role: str, *, redis_url: str | None = None) -> Celery:
    """Build the application of one process; nothing is read from the environment before its first use.

    :param role: ``api``, ``control``, ``cpu`` or ``render``; names the application and sets when pool children retire.
    :param redis_url: broker and result backend; None takes REDIS_URL.
    """
    app = Celery(f"reelyard.{role}", set_as_current=True)
    app.add_defaults(lambda: build_settings(role, redis_url or _redis_url()))
    return app


def task_options(name: TaskName) -> dict[str, Any]:
    """Return the Celery options that POLICY gives a task, for ``@app.task(**task_options(...))``."""
    policy = POLICY[name]
    return {
        "soft_time_limit": policy.soft_limit_s,
        "time_limit": policy.hard_limit_s,
        "acks_late": True,
        "shared": False,  # registered with its own worker alone, not with every application of the process
        "max_retries": 0,  # the API's rows do the retrying: they survive the broker and count across workers
    }


def build_settings(role: str, redis_url: str) -> dict[str, Any]:
    """Return all Celery settings of a role; pure."""
    max_tasks, max_memory_kib = _CHILD_LIMITS.get(role, _DEFAULT_CHILD_LIMITS)
    return {
        **_transport_settings(redis_url),
        **_result_settings(redis_url),
        **_task_settings(),
        "worker_consumer": "tasks.consumer:StrictConsumer",
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": max_tasks,
        "worker_max_memory_per_child": max_memory_kib,
        "worker_send_task_events": True,  # Flower
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # a lost broker is no reason to lose work
        "timezone": "UTC",
        "enable_utc": True,
    }


def _transport_settings(redis_url: str) -> dict[str, Any]:
    return {
        "broker_url": redis_url,
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2.0,
        "broker_transport_options": {
            # Without a socket timeout a half-open connection stops a worker for good; with these it is back in 15 s.
            **_socket_options(),
            "visibility_timeout": VISIBILITY_S,  # redelivery is the reconciler's work, not the broker's
            "global_keyprefix": KEY_PREFIX,
            "priority_steps": list(range(10)),
            "queue_order_strategy": "priority",
        },
    }


def _socket_options() -> dict[str, Any]:
    return {
        "socket_timeout": BROKER_TIMEOUT_S,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": BROKER_CHECK_S,
    }


def _result_settings(redis_url: str) -> dict[str, Any]:
    return {
        "result_backend": redis_url,
        "result_backend_transport_options": {"global_keyprefix": KEY_PREFIX},
        # A header that ends while Redis is away would otherwise fail its chord.
        "result_backend_always_retry": True,
        "result_backend_max_retries": 100,
        "result_expires": VISIBILITY_S,  # a chord whose header outlives this never runs its body
        "result_chord_expires": VISIBILITY_S,
        "redis_socket_timeout": 5.0,
        "redis_socket_connect_timeout": 2.0,
        "redis_socket_keepalive": True,
        "redis_retry_on_timeout": True,
        "redis_backend_health_check_interval": 5,
    }


def _task_settings() -> dict[str, Any]:
    exchange = Exchange("reelyard", type="direct")
    return {
        "task_queues": [KombuQueue(queue.value, exchange, routing_key=queue.value) for queue in Queue],
        "task_routes": {name.value: {"queue": policy.queue.value} for name, policy in POLICY.items()},
        "task_create_missing_queues": False,
        "task_default_queue": UNROUTED,
        "task_serializer": "json",
        "result_serializer": "json",
        "event_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_acks_late": True,
        "task_acks_on_failure_or_timeout": True,
        "task_reject_on_worker_lost": False,  # a poisonous input would come back for ever; the lease counts attempts
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_track_started": False,
        "task_remote_tracebacks": False,
    }


def exit_unless_configured(read: Callable[[], object]) -> None:
    """End the process with the list of problems when ``read`` finds the environment wrong.

    For receivers of Celery's signals, which log and forget any other exception.
    """
    try:
        read()
    except ConfigurationError as error:
        raise SystemExit(error.detail) from None


def _redis_url() -> str:
    """Return REDIS_URL; problems of the rest of the environment are for the process's own settings to list."""
    given = {"REDIS_URL": os.environ.get("REDIS_URL", "")}
    return str(read_environment(given, ("REDIS_URL",))["REDIS_URL"])


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    """Keep Celery's own logging set-up away: a receiver of this signal replaces it."""
    configure_from_environment()


@worker_process_init.connect
@beat_embedded_init.connect
def _end_with_worker(**_: Any) -> None:
    """Let no pool child and no embedded beat outlive a worker that was killed."""
    end_with_parent()


@worker_process_shutdown.connect
def _send_last_spans(**_: Any) -> None:
    """Send the spans of a pool child that retires."""
    tracing.flush()
