"""Gunicorn settings: two processes, many threads, since every open event stream holds one."""

from __future__ import annotations

import os
import tempfile
from typing import Any

bind = os.environ.get("GUNICORN_BIND", "0.0.0.0:8000")  # noqa: S104  containers; reelyard up binds to loopback
worker_class = "gthread"
workers = int(os.environ.get("GUNICORN_WORKERS", "2"))
threads = int(os.environ.get("GUNICORN_THREADS", "64"))
timeout = 60
graceful_timeout = 10
keepalive = 5
max_requests = 20000
max_requests_jitter = 2000
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="reelyard-metrics-"))


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a process that is gone."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
