"""A first look: small, over the whole video, announced before the work has properly begun."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.firstlook import announce, collect, draw_first_look
from render_node.frames.stage_page import decode_png
from render_node.workroom import open_workroom
from tasks.attempt import AttemptTools, StepContext, run_attempt
from tasks.client import ControlClient
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts import RenderOutput
from tasks.media.container import open_media
from tasks.names import TaskName
from tasks.scenario import parse
from tasks.storage.memory import MemoryStorage
from tests.integration.control_server import SECRET, ControlServer, control_server
from tests.media_samples import make_video
from tests.render.looks import look

WIDTH, HEIGHT = 540, 960


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("look") / "clip.mp4", width=WIDTH, height=HEIGHT, duration_s=4.0)


@pytest.fixture
def document() -> dict[str, Any]:
    return look("pop", width=WIDTH, height=HEIGHT)


@pytest.fixture
def server() -> Iterator[ControlServer]:
    with control_server() as running:
        yield running


@pytest.fixture
def settings(server: ControlServer, tmp_path: Path) -> WorkerSettings:
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    own = {"REELYARD_CALLBACK_SECRET": SECRET, "REELYARD_API_URL": server.url, "REELYARD_SCRATCH_DIR": str(tmp_path)}
    return read_worker_settings({**keys, **own})


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_the_animatic_shows_the_whole_video_small_and_captioned(
    chromium: str, settings: WorkerSettings, clip: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    poster, animatic = draw_first_look(clip, parse(document), output=RenderOutput(), settings=settings, folder=tmp_path)

    frames = frames_of(animatic)
    assert (frames[0].width, frames[0].height) == (360, 640)
    assert 20 <= len(frames) <= 49
    times = [frame.time or 0.0 for frame in frames]
    assert times[-1] == pytest.approx(4.0, abs=0.05)
    steps = np.diff(times)
    assert steps.max() < 0.3
    assert decode_png(poster.read_bytes()).shape[:2] == (640, 360)
    assert animatic.stat().st_size + poster.stat().st_size < clip.stat().st_size


def test_the_poster_carries_a_caption(
    chromium: str, settings: WorkerSettings, clip: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    bare = {**document, "tracks": []}
    kept: list[Any] = []
    for scenario in (document, bare):
        poster, _ = draw_first_look(clip, parse(scenario), output=RenderOutput(), settings=settings, folder=tmp_path)
        kept.append(decode_png(poster.read_bytes()))

    assert int((np.abs(kept[0].astype(int) - kept[1]).max(axis=2) > 60).sum()) > 500


def test_captions_alone_are_shown_on_their_background(
    chromium: str, settings: WorkerSettings, clip: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    alone = RenderOutput(container="mov", codec="prores", layer="captions", background="#204060")

    poster, animatic = draw_first_look(clip, parse(document), output=alone, settings=settings, folder=tmp_path)

    pictures = [frame.to_ndarray(format="rgb24") for frame in frames_of(animatic)]
    for picture in (decode_png(poster.read_bytes())[..., :3], *pictures):
        assert np.abs(picture[: picture.shape[0] // 4].astype(int) - (0x20, 0x40, 0x60)).max() <= 4
    assert max(np.abs(picture.astype(int) - (0x20, 0x40, 0x60)).max() for picture in pictures) > 100


def test_of_a_long_video_only_key_frames_are_decoded(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "crf": "30", "g": "10"}
    clip = make_video(tmp_path / "long.mp4", width=64, height=112, fps=50, duration_s=20, audio=None, options=options)

    with open_media(clip) as container:
        looks, end_s = collect(container, RenderOutput())

    assert end_s == pytest.approx(20.0, abs=0.05)
    assert 30 <= len(looks) <= 48
    assert all(round(look.t * 50) % 10 == 0 for look in looks)
    assert looks[-1].t > 18


def test_a_shape_that_was_ordered_is_kept(tmp_path: Path, clip: Path) -> None:
    with open_media(clip) as container:
        looks, _ = collect(container, RenderOutput(aspect="1:1"))

    assert (looks[0].frame.width, looks[0].frame.height) == (360, 360)


def test_it_is_announced_over_http_before_a_tenth_of_the_work(
    chromium: str, server: ControlServer, settings: WorkerSettings, clip: Path, document: dict[str, Any]
) -> None:
    server.offer("s1", input={})
    storage, seen = MemoryStorage(), {}

    def body(context: StepContext) -> dict[str, Any]:
        context.plan_stages(download=0.05, first_look=0.03, frames=0.87, upload=0.05)
        with open_workroom(context, clip) as room:
            announce(context, room, document, RenderOutput())
        latest = context.tracker.latest()[1]
        seen["fraction"] = latest.fraction if latest else 0.0
        return {}

    client = ControlClient(server.url, SECRET, node="n")
    run_attempt(AttemptTools(client, storage, settings), TaskName.RENDER_VIDEO, job_id="job-1", step_id="s1", body=body)
    client.close()

    [news] = server.bodies("news")
    keys = {"poster_key": "jobs/job-1/s1/7/first-look.png", "animatic_key": "jobs/job-1/s1/7/first-look.mp4"}
    assert news == {
        "version": 1, "job_id": "job-1", "step_id": "s1", "token": 7, "kind": "first_look", "data": keys,
    }  # fmt: skip
    assert 0 < seen["fraction"] <= 0.1
    assert sorted(found.key for found in storage.list("jobs/")) == sorted(keys.values())


@pytest.mark.parametrize("answer", [(404, {"code": "request.no_such_path"}), (503, {}), "drop"], ids=str)
def test_an_api_that_does_not_listen_is_no_failure(
    server: ControlServer, settings: WorkerSettings, answer: Any
) -> None:
    server.offer("s1", input={})
    server.always["news"] = answer

    def body(context: StepContext) -> dict[str, Any]:
        context.announce("first_look", {})
        return {"done": True}

    client = ControlClient(server.url, SECRET, node="n")
    started = time.monotonic()
    run_attempt(
        AttemptTools(client, MemoryStorage(), settings), TaskName.RENDER_VIDEO, job_id="job-1", step_id="s1", body=body
    )
    client.close()

    assert server.bodies("report")[0]["result"] == {"done": True}
    assert time.monotonic() - started < 5
