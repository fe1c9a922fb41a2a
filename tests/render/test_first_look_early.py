"""How early the first look of a real render is there, by what the API is told of the work and by frames encoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.jobs.progress import StepProgress, percent_of
from api.jobs.states import StepState
from render_node.chunk_ops import chunk
from render_node.ops import render
from tasks.attempt import AttemptTools, run_attempt
from tasks.client import ControlClient
from tasks.config import read_worker_settings
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.names import TaskName
from tasks.storage.memory import MemoryStorage
from tasks.workflows.captions import build_chunked_steps, build_render_steps
from tasks.workflows.chunks import plan_spans
from tasks.workflows.plan import StepSpec
from tests.integration.control_server import SECRET, ControlServer, control_server
from tests.media_samples import make_video
from tests.render.looks import look

SIZE: dict[str, Any] = {"width": 240, "height": 426}
LENGTH_S, FPS = 12.0, 30
FRAMES = int(LENGTH_S * FPS)
SOURCE = "uploads/u/a/source"
OUTPUT = complete_output(RenderOutput(encoder="libx264", preset="medium", crf=20))
BODIES = {TaskName.RENDER_VIDEO: render, TaskName.RENDER_CHUNK: chunk}
TENTH = 10.0

pytestmark = pytest.mark.usefixtures("chromium")


class Looked(MemoryStorage):
    """Notes what is there at every moment: how many things were heard when an object came."""

    def __init__(self, server: ControlServer) -> None:
        super().__init__()
        self.server, self.came = server, dict[str, int]()

    def put_file(self, key: str, path: Path, **more: Any) -> Any:
        done = super().put_file(key, path, **more)
        self.came[key] = len(self.server.heard)
        return done


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "in.mp4"
    return make_video(path, **SIZE, fps=FPS, duration_s=LENGTH_S, audio="tone")


@contextmanager
def node(scratch: Path, film: Path) -> Iterator[tuple[ControlServer, AttemptTools, Looked]]:
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with control_server() as server:
        storage = Looked(server)
        storage.put_file(SOURCE, film, content_type="video/mp4")
        own = {"REELYARD_CALLBACK_SECRET": SECRET, "REELYARD_API_URL": server.url, "REELYARD_SCRATCH_DIR": str(scratch)}
        client = ControlClient(server.url, SECRET, node="n")
        yield server, AttemptTools(client, storage, read_worker_settings({**keys, **own})), storage
        client.close()


def percents(heard: list[tuple[str, dict[str, Any]]], steps: list[StepSpec], running: StepSpec) -> list[float]:
    """Return the job's progress after each heartbeat, as the API reckons it, while one of its steps runs."""
    told = [body["progress"]["fraction"] if body.get("progress") else 0.0 for kind, body in heard if kind == "beat"]

    def reckoned(fraction: float) -> float:
        return percent_of(
            [
                StepProgress(step.task, StepState.RUNNING, fraction)
                if step is running
                else StepProgress(step.task, StepState.QUEUED)
                for step in steps
            ]
        )

    return [reckoned(fraction) for fraction in told]


def frames_done(heard: list[tuple[str, dict[str, Any]]]) -> list[float]:
    """Return the frames drawn and encoded, as each heartbeat told."""
    told = [body["progress"] for kind, body in heard if kind == "beat" and body.get("progress")]
    return [progress["done"] for progress in told if progress["stage"] == "frames"]


def plans(document: dict[str, Any]) -> dict[str, list[StepSpec]]:
    order = RenderOrder(SOURCE, document, OUTPUT)
    spans = plan_spans(LENGTH_S, target_s=4, from_s=8)
    assert len(spans) == 3
    return {
        "whole": build_render_steps(order),
        "in pieces": build_chunked_steps(order, spans, owner="u", reuse_s=86400.0),
    }


@pytest.mark.parametrize("kind", ["whole", "in pieces"])
def test_the_first_look_is_there_before_a_tenth_of_the_work(tmp_path: Path, film: Path, kind: str) -> None:
    words = tuple(f"word{number}" for number in range(24))
    steps = plans(look("pop", **SIZE, texts=words, word_s=0.5))[kind]
    first = steps[0]
    with node(tmp_path, film) as (server, tools, storage):
        server.offer("s1", input=first.input, part=first.part)
        run_attempt(tools, first.task, job_id="job-1", step_id="s1", body=BODIES[first.task])
        heard = list(server.heard)
    [report] = [body for name, body in heard if name == "report"]
    assert report["result"], report

    [at] = [number for number, (name, _) in enumerate(heard) if name == "news"]
    before, after = heard[:at], heard[at:]
    assert heard[at][1]["kind"] == "first_look"
    assert all(storage.came[key] <= at for key in heard[at][1]["data"].values())  # both files could be fetched by then
    assert max(percents(before, steps, first), default=0.0) < TENTH
    assert max(frames_done(before), default=0.0) < FRAMES / 10
    # It was early because work went on for long after it, not because nothing was ever told.
    assert len(set(frames_done(after))) >= 2
    assert max(frames_done(after)) > FRAMES / 10
    assert max(percents(after, steps, first)) > TENTH
