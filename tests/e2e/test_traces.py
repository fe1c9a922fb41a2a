"""One trace leads from the request through every step, and the logs name it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.client import ApiClient
from tests.e2e.stack import Stack
from tests.otlp import Receiver, Span

COMPLETE = "POST /api/v1/uploads/<uuid:upload_id>/complete"
REPORTS = ("POST /api/internal/steps/<uuid:step_id>/report", "POST /api/upload-video/result")


def test_one_trace_has_the_request_and_every_step(
    stack: Stack, client: ApiClient, clips: Path, traces: Receiver
) -> None:
    job_id = client.upload(clips / "spoken.mp4")["job"]["id"]
    assert stack.wait_ended(client, job_id)["state"] == "succeeded"
    steps = {step["name"] for step in client.job(job_id)["steps"]}

    def reported() -> bool:
        names = [span.name for span in traces.of_job(job_id)]
        return COMPLETE in names and names.count("report") >= len(steps) and "dispatch" in names

    stack.wait_for(reported, f"the spans of all steps; there are {traces.of_job(job_id)}")
    spans = traces.of_job(job_id)
    by_id = {span.span_id: span for span in spans}

    assert len({span.trace_id for span in spans}) == 1
    request = next(span for span in spans if span.name == COMPLETE)
    assert request.parent_id == ""
    assert {span.parent_id for span in spans if span.name in ("dispatch", "claim")} == {request.span_id}
    assert {span.name for span in spans if span.parent_id == request.span_id} == {
        *("dispatch", "claim"),
        *(f"step {name}" for name in steps),
    }
    handed_in = [span for span in spans if span.name == "report"]
    assert {by_id[span.parent_id].name for span in handed_in} == {f"step {name}" for name in steps}
    taken = [span for span in spans if span.name.startswith("POST ") and span is not request]
    assert {by_id[span.parent_id].name for span in taken} == {"report"}
    assert logged(stack, request) >= {"api", "cpu"}


def logged(stack: Stack, request: Span) -> set[str]:
    """Return the processes whose JSON lines name the trace."""
    found = set()
    for name, child in stack.system.supervisor.children().items():
        lines = [read_line(line) for line in child.log_tail(400).splitlines()]
        if any(line.get("trace_id") == request.trace_id and "job_id" in line for line in lines):
            found.add(name)
    return found


def read_line(line: str) -> dict[str, Any]:
    """Return a line as JSON, empty when it is none."""
    try:
        read = json.loads(line)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
