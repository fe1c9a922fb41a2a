"""Gunicorn settings: two processes, many threads, since every open event stream holds one; they start as needed."""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import tempfile
from typing import Any

bind = os.environ.get("GUNICORN_BIND", "0.0.0.0:8000")  # for containers; reelyard up binds to loopback
worker_class = "api.lingering.LingeringWorker"
workers = int(os.environ.get("GUNICORN_WORKERS", "2"))
threads = int(os.environ.get("GUNICORN_THREADS", "512"))
worker_connections = threads + 128
"""What a process takes: connections that threads serve and some that are kept between requests; others have room."""
timeout = 60
graceful_timeout = 10
keepalive = 5
max_requests = 20000
max_requests_jitter = 2000
COLLECT_EVERY = 10_000
"""New objects between looks for garbage: a request makes some thousands, nearly all of which are gone with it."""
METRICS_DIR = None
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    METRICS_DIR = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="reelyard-metrics-")


LIBRARIES = (
    *("authlib.integrations.flask_client", "boto3", "celery", "flask_jwt_extended", "flask_limiter", "flask_smorest"),
    *("flask_sqlalchemy", "httpx", "jsonschema", "psycopg2", "redis", "sqlalchemy.dialects.postgresql"),
)
"""What takes long to load and is the same in every process; our own code is not here: a reload brings it new."""


def on_starting(server: Any) -> None:
    """Load the libraries once, before the processes part: each then starts in less than half the time.

    What is loaded stays, here and in each process: looking for garbage in it takes a fifth of a start.
    """
    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)


def on_exit(server: Any) -> None:
    """Remove the folder of counters that this master made."""
    if METRICS_DIR is not None:
        shutil.rmtree(METRICS_DIR, ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Tell that the process answers, which :mod:`api.reload` waits for."""
    from api.reload import say_ready

    gc.collect()
    gc.freeze()  # what the application is made of stays: it needs not be looked at again
    gc.set_threshold(COLLECT_EVERY)
    gc.enable()
    say_ready()


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a process that is gone."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
