"""What an attempt reports at its end: once, truthfully, until it is heard."""

from __future__ import annotations

import errno
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from tasks.attempt import AttemptTools, StepContext, run_attempt
from tasks.client import ControlClient
from tasks.errors import ConfigurationError, FencedError, InvalidInputError, PermanentError, TransientError
from tasks.names import TaskName
from tests.integration.attempts import CONFLICT, Run, scratch_left
from tests.integration.control_server import SECRET, ControlServer, control_server


def test_result_is_reported_with_the_token(server: ControlServer, run: Run, tools: AttemptTools) -> None:
    server.offer("s1", input={"object_key": "k"}, results={"probe": {"duration_s": 2}})
    seen: dict[str, Any] = {}

    def body(context: StepContext) -> dict[str, Any]:
        (context.scratch / "work.bin").write_bytes(b"x")
        seen.update(input=context.input, results=context.results, key=context.output_key("out.mp4"))
        return {"answer": 42}

    assert run(body) == {"claimed": True, "step_id": "s1", "token": 7}
    assert seen == {
        "input": {"object_key": "k"},
        "results": {"probe": {"duration_s": 2}},
        "key": "jobs/job-1/s1/7/out.mp4",
    }
    assert server.bodies("report") == [
        {"version": 1, "job_id": "job-1", "step_id": "s1", "token": 7, "result": {"answer": 42}, "failure": None}
    ]
    assert "/api/internal/steps/s1/report" in server.paths
    assert scratch_left(tools) == []


@pytest.mark.parametrize(
    ("task", "path"),
    [
        (TaskName.SPEECH_TRANSCRIBE, "/api/upload-video/result"),
        (TaskName.RENDER_VIDEO, "/api/render/callback"),
        (TaskName.INGEST_POSTER, "/api/internal/steps/s1/report"),
    ],
)
def test_reports_go_to_the_callback_of_their_task(
    server: ControlServer, tools: AttemptTools, task: TaskName, path: str
) -> None:
    server.offer("s1")

    run_attempt(tools, task, job_id="job-1", step_id="s1", body=lambda context: {})

    assert server.paths[-1] == path


@pytest.mark.parametrize(
    ("error", "code", "permanent"),
    [
        (PermanentError("media.empty", "The file is empty", {"a": 1}), "media.empty", True),
        (InvalidInputError("scenario.invalid", "no", {"findings": []}), "scenario.invalid", True),
        (TransientError("storage.unavailable", "away"), "storage.unavailable", False),
        (ConfigurationError("config.invalid", "REDIS_URL is not set"), "node.misconfigured", False),
        (SoftTimeLimitExceeded(), "task.timeout", False),
        (MemoryError(), "node.out_of_memory", False),
        (OSError(errno.ENOSPC, "No space left on device"), "node.no_space", False),
        (OSError(errno.EACCES, "Permission denied: /etc/secret"), "internal.error", False),
        (ZeroDivisionError("division by zero"), "internal.error", False),
    ],
)
def test_error_of_a_body_is_reported_and_raised_so_that_a_chain_stops(
    server: ControlServer, run: Run, tools: AttemptTools, error: Exception, code: str, permanent: bool
) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        raise error

    with pytest.raises(PermanentError if permanent else TransientError) as caught:
        run(body)

    assert caught.value.code == code
    [report] = server.bodies("report")
    assert (report["failure"]["code"], report["failure"]["permanent"], report["result"]) == (code, permanent, None)
    assert "secret" not in report["failure"]["detail"]
    assert scratch_left(tools) == []


def test_extra_of_a_permanent_error_reaches_the_api(server: ControlServer, run: Run) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        raise InvalidInputError("scenario.invalid", "wrong", {"findings": [{"pointer": "/cues/0"}]})

    with pytest.raises(PermanentError):
        run(body)

    assert server.bodies("report")[0]["failure"]["extra"] == {"findings": [{"pointer": "/cues/0"}]}


def test_report_is_repeated_until_it_is_heard(server: ControlServer, run: Run) -> None:
    server.offer("s1")
    server.answers["report"].extend(["drop", (503, {}), (500, {})])

    run(lambda context: {"ok": True})

    assert [report["result"] for report in server.bodies("report")] == [{"ok": True}] * 4


def test_no_progress_is_told_beside_a_report_that_is_on_its_way(server: ControlServer, run: Run) -> None:
    server.offer("s1", lease_s=60.0)
    server.always["beat"] = (200, {"lease_s": 60.0})
    server.answers["report"].extend([(503, {"code": "service.unavailable"})] * 3)
    told: list[int] = []

    def body(context: StepContext) -> dict[str, Any]:
        context.progress(1, 2)
        time.sleep(0.5)  # five beats
        context.progress(2, 2)
        told.append(len(server.bodies("beat")))
        return {}

    started = time.monotonic()
    run(body)
    assert time.monotonic() - started > 0.5 + 0.5  # long enough for five more
    assert told[0] > 0
    assert len(server.bodies("beat")) <= told[0] + 1  # one may have been under way


def test_report_survives_a_restart_of_the_api(tools: AttemptTools, server: ControlServer, tmp_path: Path) -> None:
    """The connection is refused for a while: nobody listens where the API was."""
    import threading

    port = int(server.url.rsplit(":", 1)[1])
    finished: list[dict[str, Any]] = []
    with control_server() as other:
        client = ControlClient(other.url, SECRET, node="node-1")
        other.offer("s1", lease_s=20.0, beat_s=0.5)
        other_port = int(other.url.rsplit(":", 1)[1])
        gate = threading.Event()

        def body(context: StepContext) -> dict[str, Any]:
            gate.wait(10)
            return {"ok": True}

        worker = threading.Thread(
            target=lambda: finished.append(
                run_attempt(
                    replace(tools, client=client), TaskName.INGEST_PROBE, job_id="job-1", step_id="s1", body=body
                )
            )
        )
        worker.start()
        while not other.bodies("claim"):
            time.sleep(0.02)
    gate.set()
    time.sleep(0.8)
    assert finished == []
    with control_server(other_port) as again:
        worker.join(timeout=20)
        reports = again.bodies("report")
    client.close()

    assert port != other_port
    assert finished == [{"claimed": True, "step_id": "s1", "token": 7}]
    assert [report["result"] for report in reports] == [{"ok": True}]


def test_late_report_of_a_fenced_attempt_is_not_repeated(server: ControlServer, run: Run) -> None:
    server.offer("s1")
    server.answers["report"].append(CONFLICT)

    with pytest.raises(FencedError):
        run(lambda context: {"ok": True})

    assert len(server.bodies("report")) == 1


def test_refused_result_becomes_a_permanent_failure(server: ControlServer, run: Run) -> None:
    server.offer("s1")
    server.answers["report"].append((422, {"code": "contract.invalid", "message": "no"}))

    with pytest.raises(PermanentError) as caught:
        run(lambda context: {"ok": True})

    assert caught.value.code == "step.result_refused"
    assert [report["failure"] and report["failure"]["code"] for report in server.bodies("report")] == [
        None,
        "step.result_refused",
    ]
