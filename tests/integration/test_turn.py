"""A slot goes on with what comes with its reports, loses nothing when answers do, and gets on with older APIs."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import billiard
import pytest
from billiard.pool import soft_timeout_sighandler

from tasks import turn
from tasks.attempt import AttemptTools, StepContext
from tasks.client import ControlClient
from tasks.config import read_worker_settings
from tasks.contracts import Claim
from tasks.errors import PermanentError
from tasks.names import TaskName
from tasks.storage.memory import MemoryStorage
from tests.integration.control_server import SECRET, ControlServer, control_server

Turn = Callable[..., dict[str, Any]]
UNKNOWN = (404, {"code": "request.not_found", "message": "There is nothing here"})


@pytest.fixture
def server() -> Iterator[ControlServer]:
    with control_server() as running:
        yield running


@pytest.fixture
def take(server: ControlServer, tmp_path: Path) -> Iterator[Turn]:
    """Have a slot take its turn, beginning with step s1."""
    settings = read_worker_settings(
        {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "REELYARD_CALLBACK_SECRET": SECRET,
            "REELYARD_API_URL": server.url,
            "REELYARD_SCRATCH_DIR": str(tmp_path),
        }
    )
    tools = AttemptTools(ControlClient(server.url, SECRET, node="node-1"), MemoryStorage(), settings)

    def take(body: Callable[[StepContext], dict[str, Any]], task: TaskName = TaskName.INGEST_PROBE) -> dict[str, Any]:
        return turn.run_turn(tools, task, job_id="job-1", step_id="s1", body=body)

    yield take
    tools.client.close()


def given(server: ControlServer, *steps: str) -> None:
    """Have the API hand on these steps with the reports that come, one each."""
    for number, name in enumerate(steps):
        claim = Claim(True, "", f"job-{name}", name, name, token=20 + number, lease_s=5.0, beat_s=5.0)
        server.answers["report"].append((200, {"accepted": True, "next": claim.to_json()}))


def reported(server: ControlServer) -> list[str]:
    """Which steps were reported, and by which call."""
    return [path.removeprefix("/api/internal/steps/") for path in server.paths if "report" in path]


def test_steps_that_come_with_reports_are_run_one_after_the_other(server: ControlServer, take: Turn) -> None:
    server.offer("s1")
    given(server, "s2", "s3")
    ran: list[tuple[str, float]] = []

    answer = take(lambda context: ran.append((context.claim.step_id, context.claim.beat_s)) or {"n": len(ran)})

    assert answer == {"claimed": True, "step_id": "s1", "token": 7}
    assert ran == [("s1", 0.1), ("s2", turn.BEAT_S), ("s3", turn.BEAT_S)]
    assert reported(server) == [f"{step}/report-and-ask" for step in ("s1", "s2", "s3")]
    bodies = server.bodies("report")
    assert [body["report"]["result"] for body in bodies] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [body["node"] for body in bodies] == ["node-1"] * 3
    assert len({body["nonce"] for body in bodies}) == 3
    assert len(server.bodies("claim")) == 1


def test_a_call_whose_answer_is_lost_is_repeated_with_its_nonce_whatever_the_time(
    server: ControlServer, take: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.offer("s1", lease_s=30.0)
    server.answers["report"].append("drop")
    given(server, "s2")

    def body(context: StepContext) -> dict[str, Any]:
        if context.claim.step_id == "s2":
            monkeypatch.setattr(turn, "TURN_S", 0.0)
        return {}

    take(body)

    first, again, last = server.bodies("report")
    assert first == again
    assert reported(server) == ["s1/report-and-ask"] * 2 + ["s2/report"]
    assert last["step_id"] == "s2"


def test_an_older_api_is_told_in_the_older_way(server: ControlServer, take: Turn) -> None:
    server.offer("s1")
    server.answers["report"].append(UNKNOWN)

    assert take(lambda context: {"a": 1})["claimed"]

    assert reported(server) == ["s1/report-and-ask", "s1/report"]
    assert server.bodies("report")[1]["result"] == {"a": 1}


def test_how_a_later_step_ends_is_no_matter_of_the_first(server: ControlServer, take: Turn) -> None:
    server.offer("s1")
    given(server, "s2")

    def body(context: StepContext) -> dict[str, Any]:
        if context.claim.step_id == "s2":
            raise PermanentError("media.empty", "The file is empty")
        return {}

    assert take(body) == {"claimed": True, "step_id": "s1", "token": 7}
    assert reported(server) == ["s1/report-and-ask", "s2/report"]
    assert server.bodies("report")[1]["failure"]["code"] == "media.empty"


def test_a_failure_asks_for_nothing_and_ends_the_message(server: ControlServer, take: Turn) -> None:
    server.offer("s1")

    def body(context: StepContext) -> dict[str, Any]:
        raise PermanentError("media.empty", "The file is empty")

    with pytest.raises(PermanentError):
        take(body)
    assert reported(server) == ["s1/report"]


def test_tasks_with_a_callback_of_their_own_ask_for_nothing(server: ControlServer, take: Turn) -> None:
    server.offer("s1")

    take(lambda context: {}, TaskName.RENDER_VIDEO)

    assert server.paths[-1] == "/api/render/callback"


def test_a_body_that_looks_at_nothing_is_interrupted_when_its_job_is_cancelled(
    server: ControlServer, take: Turn
) -> None:
    server.offer("s1", lease_s=60.0, beat_s=60.0)
    given(server, "s2")
    server.always["beat"] = (409, {"code": "job.cancelled", "message": "x"})

    def body(context: StepContext) -> dict[str, Any]:
        while context.claim.step_id == "s2":
            sum(range(1000))
        return {}

    def slot() -> None:
        signal.signal(signal.SIGUSR1, soft_timeout_sighandler)  # as every process of a pool does
        take(body)

    process = billiard.Process(target=slot)
    process.start()
    process.join(120)

    assert process.exitcode == 0  # killed, as what does not even hear an interruption is, it would be -9
    assert reported(server) == ["s1/report-and-ask"]


def test_four_hundred_steps_leave_nothing_behind_in_their_process(
    server: ControlServer, take: Turn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(turn, "TURN_S", 3600.0)
    ran: list[str] = []

    def body(context: StepContext) -> dict[str, Any]:
        (context.scratch / "frames").write_bytes(bytes(1 << 18))
        assert context.run_child(["true"], timeout_s=60).returncode == 0
        ran.append(context.claim.step_id)
        return {}

    def work(turns: int) -> dict[str, Any]:
        for _ in range(turns):
            server.offer("s1", lease_s=60.0, beat_s=60.0)
            given(server, *(f"n{number}" for number in range(turn.MOST_STEPS - 1)))
            take(body)
        return in_use()

    first, last = work(1), work(3)

    assert len(ran) == 4 * turn.MOST_STEPS
    assert last.pop("kB") < first.pop("kB") + 16_000
    assert last == first
    assert list(tmp_path.iterdir()) == []


def in_use() -> dict[str, Any]:
    """Return files, threads, children and memory of this process."""
    own = Path("/proc/self")
    gc.collect()  # what tests before left to be freed is not ours
    return {
        "files": len(list((own / "fd").iterdir())),
        "threads": threading.active_count(),
        "children": (own / "task" / str(os.getpid()) / "children").read_text(),
        "kB": int((own / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024,
    }
