"""One attempt of a step against a real server: claimed once, kept alive, fenced at once, reported truthfully."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from bench.chaos.proxy import Proxy
from tasks.attempt import AttemptTools, StepContext, run_attempt
from tasks.client import ControlClient
from tasks.errors import FencedError, PermanentError, TransientError
from tasks.names import TaskName, progress_channel
from tasks.progress import ProgressHints
from tests.integration.attempts import CONFLICT, Run, scratch_left
from tests.integration.control_server import SECRET, ControlServer


def test_step_of_somebody_else_is_left_alone(server: ControlServer, run: Run) -> None:
    ran: list[int] = []

    answer = run(lambda context: ran.append(1) or {})

    assert answer == {"claimed": False, "reason": "done"}
    assert ran == []
    [asked] = server.bodies("claim")
    assert len(asked.pop("nonce")) == 32
    assert asked == {"version": 1, "job_id": "job-1", "step_id": "s1", "node": "node-1", "task": "ingest.probe"}
    assert server.bodies("report") == []


def test_heartbeats_renew_the_lease_and_carry_progress(server: ControlServer, run: Run) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        context.plan_stages(download=1, work=3)
        context.progress(5, 10, stage="download", unit="bytes")
        time.sleep(0.35)
        context.progress(1, 2, stage="work", unit="frames")
        time.sleep(0.35)
        context.progress(0, 2, stage="work", unit="frames")
        time.sleep(0.2)
        return {}

    run(body)

    beats = server.bodies("beat")
    assert len(beats) >= 5
    assert {beat["token"] for beat in beats} == {7}
    fractions = [beat["progress"]["fraction"] for beat in beats]
    assert fractions[0] == 0.125
    assert fractions[-1] == 0.625  # never falls, though the stage began again
    assert fractions == sorted(fractions)
    assert beats[0]["progress"] == {"fraction": 0.125, "stage": "download", "done": 5.0, "total": 10.0, "unit": "bytes"}


def test_fenced_attempt_stops_at_its_next_progress_and_reports_nothing(
    server: ControlServer, run: Run, tools: AttemptTools
) -> None:
    server.offer("s1")
    server.answers["beat"].append(CONFLICT)
    steps: list[int] = []

    def body(context: StepContext) -> dict[str, Any]:
        for number in range(100):
            time.sleep(0.05)
            context.progress(number, 100)
            steps.append(number)
        return {}

    with pytest.raises(FencedError) as caught:
        run(body)

    assert caught.value.code == "step.fenced"
    assert len(steps) < 20
    assert server.bodies("report") == []
    assert scratch_left(tools) == []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_fence_kills_the_children_with_all_their_descendants(server: ControlServer, run: Run, tmp_path: Path) -> None:
    server.offer("s1")
    server.answers["beat"].extend([(200, {"lease_s": 1.0})] * 3 + [(409, {"code": "job.cancelled", "message": "x"})])
    pids = tmp_path / "pids"
    script = f"sleep 60 & setsid sleep 60 & echo $$ $! $(jobs -p) > {pids}; wait"

    def body(context: StepContext) -> dict[str, Any]:
        context.run_child(["sh", "-c", script], timeout_s=30)
        raise AssertionError("the child should have been killed")

    started = time.monotonic()
    with pytest.raises((FencedError, TransientError, PermanentError)) as caught:
        run(body)

    assert caught.value.code == "job.cancelled"
    assert time.monotonic() - started < 5
    assert server.bodies("report") == []
    children = [int(pid) for pid in pids.read_text().split()]
    assert len(children) >= 2
    deadline = time.monotonic() + 2
    while any(alive(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in children if alive(pid)] == []


def test_child_that_takes_too_long_is_killed(server: ControlServer, run: Run) -> None:
    server.offer("s1")

    with pytest.raises(TransientError) as caught:
        run(lambda context: {"code": context.run_child(["sleep", "60"], timeout_s=0.2).returncode})

    assert caught.value.code == "child.timeout"


def test_output_of_a_child_is_returned(server: ControlServer, run: Run) -> None:
    server.offer("s1")
    outputs: list[tuple[int, bytes, bytes]] = []

    def body(context: StepContext) -> dict[str, Any]:
        done = context.run_child(["sh", "-c", "pwd; echo oops >&2; exit 3"], timeout_s=5)
        outputs.append((done.returncode, done.stdout.strip(), done.stderr.strip()))
        assert done.stdout.strip() == str(context.scratch).encode()
        return {}

    run(body)

    assert outputs[0][0] == 3
    assert outputs[0][2] == b"oops"


def test_network_trouble_shorter_than_the_lease_is_tolerated(server: ControlServer, run: Run) -> None:
    server.offer("s1", lease_s=2.0)
    server.answers["beat"].extend(["drop"] * 5)

    def body(context: StepContext) -> dict[str, Any]:
        for number in range(20):
            time.sleep(0.05)
            context.progress(number, 20)
        return {"ok": True}

    run(body)

    assert server.bodies("report")[0]["result"] == {"ok": True}


def test_attempt_ends_itself_when_the_lease_runs_out_unheard(server: ControlServer, run: Run) -> None:
    server.offer("s1", lease_s=0.5)
    server.always["beat"] = "drop"

    def body(context: StepContext) -> dict[str, Any]:
        while True:
            time.sleep(0.02)
            context.progress(1, 2)

    started = time.monotonic()
    with pytest.raises(FencedError) as caught:
        run(body)

    assert caught.value.code == "lease.lost"
    assert 0.4 < time.monotonic() - started < 3.0
    assert server.bodies("report") == []


def test_attempt_ends_itself_when_the_api_takes_calls_and_does_not_answer(
    server: ControlServer, tools: AttemptTools
) -> None:
    server.offer("s1")
    child: list[subprocess.Popen[bytes]] = []
    with Proxy(int(server.url.rpartition(":")[2])) as proxy:
        client = ControlClient(f"http://127.0.0.1:{proxy.port}", SECRET, node="node-1")

        def body(context: StepContext) -> dict[str, Any]:
            child.append(context.children.start(["sleep", "60"]))
            proxy.stall()
            child[0].wait(30)
            context.check()
            return {}

        started = time.monotonic()
        with pytest.raises(FencedError) as caught:
            run_attempt(replace(tools, client=client), TaskName.INGEST_PROBE, job_id="job-1", step_id="s1", body=body)
        elapsed_s = time.monotonic() - started
        client.close()

    assert caught.value.code == "lease.lost"
    assert child[0].returncode == -9
    assert elapsed_s < 1.0 + 5.0  # the lease, and what may survive it


def test_claim_is_repeated_over_network_trouble(server: ControlServer, run: Run) -> None:
    server.offer("s1")
    server.answers["claim"].extend([(503, {}), "drop"])

    assert run(lambda context: {})["claimed"] is True
    assert len(server.bodies("claim")) == 3


def test_wrong_secret_is_refused_without_repeating(server: ControlServer) -> None:
    server.always["claim"] = (401, {"code": "callback.bad_signature", "message": "no"})
    client = ControlClient(server.url, SECRET, node="n")

    with pytest.raises(PermanentError) as caught:
        client.claim("job-1", "s1", TaskName.INGEST_PROBE)
    client.close()

    assert caught.value.code == "control.refused"
    assert len(server.bodies("claim")) == 1


def test_full_scratch_disk_is_reported(server: ControlServer, run: Run, tools: AttemptTools) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")
        return {}

    with pytest.raises(TransientError) as caught:
        run(body)

    assert caught.value.code == "node.no_space"


def test_outputs_are_written_under_the_attempts_own_prefix(
    server: ControlServer, run: Run, tools: AttemptTools
) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        out = context.scratch / "out.bin"
        out.write_bytes(b"film")
        return {"object_key": context.put_output("out.bin", out, content_type="video/mp4")}

    run(body)

    assert server.bodies("report")[0]["result"] == {"object_key": "jobs/job-1/s1/7/out.bin"}
    assert tools.storage.get_bytes("jobs/job-1/s1/7/out.bin") == b"film"


@pytest.mark.parametrize("name", ["before_upload", "after_upload", "before_report"])
def test_failpoint_stops_the_attempt_where_it_stands(
    server: ControlServer, run: Run, tools: AttemptTools, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server.offer("s1")
    monkeypatch.setenv("REELYARD_FAILPOINTS", f"after_claim#2=kill,{name}#1=raise")

    def body(context: StepContext) -> dict[str, Any]:
        out = context.scratch / "out.bin"
        out.write_bytes(b"film")
        return {"object_key": context.put_output("out.bin", out, content_type="video/mp4")}

    with pytest.raises(TransientError, match=r"failpoint\.raised"):
        run(body)

    stored = tools.storage.head("jobs/job-1/s1/7/out.bin") is not None
    assert stored == (name != "before_upload")
    assert all(report["result"] is None for report in server.bodies("report"))


def test_progress_is_hinted_to_live_viewers(
    server: ControlServer, tools: AttemptTools, service_environ: dict[str, str]
) -> None:
    hints = ProgressHints(service_environ["REDIS_URL"])
    server.offer("s1", name="probe")
    with redis.Redis.from_url(service_environ["REDIS_URL"]) as viewer, viewer.pubsub() as subscription:
        subscription.subscribe(progress_channel("job-1"))
        subscription.get_message(timeout=5)

        def body(context: StepContext) -> dict[str, Any]:
            for number in range(50):  # a burst: only the first of each second is sent
                context.progress(number, 100, stage="probe", unit="s")
            return {}

        run_attempt(replace(tools, hints=hints), TaskName.INGEST_PROBE, job_id="job-1", step_id="s1", body=body)
        message = subscription.get_message(timeout=5)
        more = subscription.get_message(timeout=0.2)
    hints.close()

    assert message is not None
    assert json.loads(message["data"]) == {
        "job_id": "job-1",
        "step_id": "s1",
        "step": "probe",
        "token": 7,
        "progress": {"version": 1, "fraction": 0.0, "stage": "probe", "done": 0.0, "total": 100.0, "unit": "s"},
    }
    assert more is None


def test_hints_never_hold_up_the_work_when_redis_is_away(server: ControlServer, tools: AttemptTools) -> None:
    hints = ProgressHints("redis://127.0.0.1:9/0")
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        for number in range(100):
            context.progress(number, 100)
        return {}

    started = time.monotonic()
    run_attempt(replace(tools, hints=hints), TaskName.INGEST_PROBE, job_id="job-1", step_id="s1", body=body)
    hints.close()

    assert time.monotonic() - started < 2.0
    assert server.bodies("report")[0]["failure"] is None
