"""Traces from a request through every step, by OpenTelemetry (ring 1). Without an endpoint all of this does nothing.

Spans are made here and nowhere else, so that a process without the packages, or without an endpoint, loads none of
them. The context is W3C's ``traceparent`` (https://www.w3.org/TR/trace-context/): a job's row keeps the one of the
request that ordered it, the API's answer to a claim carries it in a header, and workers send their own with each call.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tasks.environment import read_environment
from tasks.errors import ConfigurationError

HEADER = "traceparent"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_FLUSH_MS = 5000

_providers: dict[int, Any] = {}
"""By process id: what was made before a fork sends nothing after it."""

_lock = threading.Lock()


def is_on() -> bool:
    """Tell whether traces are wanted."""
    return bool(os.environ.get(ENDPOINT))


@contextmanager
def span(name: str, *, parent: str = "", kind: str = "internal", **attributes: Any) -> Iterator[None]:
    """Trace the block as one span.

    :param parent: a ``traceparent``; empty means the span around this one, if there is one.
    :param kind: ``internal``, ``server``, ``client`` or ``producer``.
    :param attributes: what is known of it; an empty one is left out.
    """
    if not is_on():
        yield
        return
    from opentelemetry.trace import SpanKind

    with tracer().start_as_current_span(
        name, context=_context_of(parent), kind=SpanKind[kind.upper()], attributes=_given(attributes)
    ):
        yield


def add_past_span(name: str, *, began: float, parent: str, **attributes: Any) -> None:
    """Add a span that is over, of which only now is known whose it was.

    :param began: ``time.time()`` at its start.
    """
    if is_on() and parent:
        made = tracer().start_span(
            name, context=_context_of(parent), start_time=int(began * 1e9), attributes=_given(attributes)
        )
        made.end(int(time.time() * 1e9))


def set_attributes(**attributes: Any) -> None:
    """Say more of the span around this."""
    if is_on():
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(_given(attributes))


def current_traceparent() -> str:
    """Return the context of the span around this, empty without one."""
    carrier: dict[str, str] = {}
    if is_on():
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER, "")


def current_trace_id() -> str:
    """Return the trace that this belongs to in 32 hexadecimal digits, empty without one."""
    return current_traceparent()[3:35]


def flush() -> None:
    """Send what is left, for processes that end without a word."""
    provider = _providers.get(os.getpid())
    if provider is not None:
        provider.force_flush(_FLUSH_MS)


def tracer() -> Any:
    """Return this process's tracer, made on first use, which is after every fork."""
    with _lock:
        if os.getpid() not in _providers:
            _providers[os.getpid()] = _make_provider()
        return _providers[os.getpid()].get_tracer("reelyard")


def _make_provider() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(
            "config.invalid", f"{ENDPOINT} is set, but {error.name} is not installed: requirements/tracing.in"
        ) from error
    name = str(read_environment(os.environ, ("OTEL_SERVICE_NAME",))["OTEL_SERVICE_NAME"])
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _context_of(traceparent: str) -> Any:
    """Return the context that a ``traceparent`` names; None, the current one, for anything else."""
    if not traceparent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({HEADER: traceparent})


def _given(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that say something, with names as others of this system have them."""
    plain = (bool, int, float, str)
    return {
        name: value if isinstance(value, plain) else str(value)
        for name, value in attributes.items()
        if value not in ("", None)
    }
