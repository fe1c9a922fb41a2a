"""Prometheus metrics: requests as this process saw them, jobs as the database knows them.

Gunicorn runs several processes; with ``PROMETHEUS_MULTIPROC_DIR`` set (``api/gunicorn.py`` sets it) their request
counters are added up. Gauges over the database are asked for at each scrape, so they need no adding up.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.extensions import db

logger = logging.getLogger(__name__)

Gauges = Callable[[Session], Iterable[Metric]]

REQUESTS = Counter("reelyard_http_requests_total", "Requests answered", ["method", "route", "status"])
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LATENCY = Histogram("reelyard_http_request_seconds", "Time to answer", ["method", "route"])

_gauges: list[Gauges] = []


def register_gauges(source: Gauges) -> Gauges:
    """Add a source of metrics, ``f(session)``, that is asked at each scrape; without a database it tells nothing."""
    if source not in _gauges:
        _gauges.append(source)
    return source


class _Gauges(Collector):
    def collect(self) -> Iterable[Metric]:
        for source in _gauges:
            with Session(db.engine) as session:
                try:
                    yield from list(source(session))
                except SQLAlchemyError as error:
                    logger.warning("gauges left out", extra={"source": source.__name__, "error": type(error).__name__})


def render_metrics() -> tuple[bytes, str]:
    """Return the text of a scrape and its content type."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        body = generate_latest(registry)
    else:
        body = generate_latest(REGISTRY)
    asked = CollectorRegistry()
    asked.register(_Gauges())
    return body + generate_latest(asked), CONTENT_TYPE_LATEST


def watch_requests(app: Flask) -> None:
    """Count and time every request by its route."""

    @app.before_request
    def start() -> None:
        g.started = time.monotonic()

    @app.after_request
    def finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.method in METHODS else "other"  # a client may invent names
        REQUESTS.labels(method, route, response.status_code).inc()
        LATENCY.labels(method, route).observe(time.monotonic() - g.get("started", time.monotonic()))
        return response
