"""Traces cost nothing where nobody wants them, and carry W3C's context where somebody does."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tasks import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OFF = """
import sys
from tasks import tracing
with tracing.span("a", parent="x", job_id="1"):
    tracing.set_attributes(b=1)
    assert tracing.current_traceparent() == tracing.current_trace_id() == ""
tracing.add_past_span("b", began=0.0, parent="x")
tracing.flush()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_without_an_endpoint_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tracing.ENDPOINT, raising=False)

    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_a_span_is_in_the_trace_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tracing.ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setattr(tracing, "_make_provider", provider)
    monkeypatch.setattr(tracing, "_providers", {})

    with tracing.span("outer", parent=PARENT):
        outer = tracing.current_traceparent()
        with tracing.span("inner"):
            inner = tracing.current_traceparent()
    with tracing.span("broken", parent="no traceparent"):
        other = tracing.current_trace_id()

    assert [text[3:35] for text in (outer, inner)] == [PARENT[3:35]] * 2
    assert outer[36:52] != inner[36:52] != PARENT[36:52]
    assert len(other) == 32
    assert other != PARENT[3:35]
    assert tracing.current_traceparent() == ""


def provider() -> object:
    """Return a provider that keeps its spans to itself."""
    from opentelemetry.sdk.trace import TracerProvider

    return TracerProvider(shutdown_on_exit=False)
