"""The steps of a render node from claim to report, over real HTTP, with a real browser and a storage in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from render_node.checks.run import check
from render_node.footage import Footage
from render_node.frames.stage_page import decode_png
from render_node.ops import render
from render_node.render import render_files
from render_node.still_ops import draw
from tasks.attempt import AttemptTools, run_attempt
from tasks.client import ControlClient
from tasks.config import read_worker_settings
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.check import CheckOrder, CheckResult
from tasks.contracts.shorts import CropKey, Framing, Reframing, SceneFrame, Stretch
from tasks.contracts.still import StillOrder, StillResult
from tasks.names import TaskName
from tasks.storage.memory import MemoryStorage
from tests.integration.control_server import SECRET, ControlServer, control_server
from tests.media_samples import make_video, read_frame_number
from tests.render.looks import look

WIDTH, HEIGHT = 320, 568
SOURCE = "uploads/u/a/source"
WINDOW = SceneFrame(0.0, 9.0, "fill", 1.0, WIDTH / HEIGHT, (CropKey(0.0, 0.5, 0.6),))
SQUARE = Reframing(Framing("1:1", (WINDOW,)), (Stretch(3.0, 4.0), Stretch(5.0, 6.0)), width=240)


@pytest.fixture
def server() -> Iterator[ControlServer]:
    with control_server() as running:
        yield running


@pytest.fixture
def tools(server: ControlServer, tmp_path: Path) -> Iterator[AttemptTools]:
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    own = {"REELYARD_CALLBACK_SECRET": SECRET, "REELYARD_API_URL": server.url, "REELYARD_SCRATCH_DIR": str(tmp_path)}
    storage, clip = MemoryStorage(), make_video(tmp_path / "clip.mp4", width=WIDTH, height=HEIGHT, duration_s=2.0)
    storage.put_file(SOURCE, clip, content_type="video/mp4")
    client = ControlClient(server.url, SECRET, node="n")
    yield AttemptTools(client, storage, read_worker_settings({**keys, **own}))
    client.close()


@pytest.fixture
def document() -> dict[str, Any]:
    return look("pop", width=WIDTH, height=HEIGHT, texts=("It", "was", "so"))


def work(
    server: ControlServer, tools: AttemptTools, task: TaskName, body: Callable[[Any], Any], order: dict[str, Any]
) -> dict[str, Any]:
    """Have one step claimed and done; return the result that was reported."""
    server.offer("s1", input=order)
    run_attempt(tools, task, job_id="job-1", step_id="s1", body=body)
    [report] = server.bodies("report")
    assert report["failure"] is None, report
    result: dict[str, Any] = report["result"]
    return result


def test_a_still_is_drawn_and_put_under_the_attempts_own_prefix(
    chromium: str, server: ControlServer, tools: AttemptTools, document: dict[str, Any]
) -> None:
    order = StillOrder(document, (0.5,), SOURCE)

    result = StillResult.from_json(work(server, tools, TaskName.RENDER_STILL, draw, order.to_json()))

    assert (result.object_key, result.width, result.height) == ("jobs/job-1/s1/7/still.png", WIDTH, HEIGHT)
    picture = decode_png(tools.storage.get_bytes(result.object_key))
    assert read_frame_number(picture) == 15
    assert result.times == (0.5,)


def test_a_sheet_is_one_picture_of_many_times(
    chromium: str, server: ControlServer, tools: AttemptTools, document: dict[str, Any]
) -> None:
    order = StillOrder(document, (0.1, 0.5, 0.9), columns=3, tile_width=100)

    result = StillResult.from_json(work(server, tools, TaskName.RENDER_STILL, draw, order.to_json()))

    assert (result.width, result.times) == (3 * 108 + 8, (0.1, 0.5, 0.9))


def test_a_check_reports_what_it_found(
    chromium: str, server: ControlServer, tools: AttemptTools, document: dict[str, Any]
) -> None:
    document["tracks"][0]["style"] = {"fontSize": 30, "position": {"x": 0.5, "y": 0.97, "anchor": "bottom"}}
    order = CheckOrder(document, "tiktok", SOURCE)

    result = CheckResult.from_json(work(server, tools, TaskName.RENDER_CHECK, check, order.to_json()))

    assert "caption.outside_safe_area" in {finding["code"] for finding in result.findings}
    assert (result.width, result.height, result.samples) == (WIDTH, HEIGHT, result.cues)


def test_a_render_shows_something_before_it_reports_its_frames(
    chromium: str, server: ControlServer, tools: AttemptTools, document: dict[str, Any]
) -> None:
    order = RenderOrder(SOURCE, document, RenderOutput(preset="ultrafast"))

    result = work(server, tools, TaskName.RENDER_VIDEO, render, order.to_json())

    kinds = [kind for kind, _ in server.heard]
    assert kinds.index("news") < kinds.index("report")
    assert result["receipt"]["frame_count"] == 60
    before = [body["progress"] for kind, body in server.heard[: kinds.index("news")] if kind == "beat"]
    assert all(progress is None or progress["fraction"] <= 0.1 for progress in before)


@pytest.mark.parametrize(
    ("framing", "size"), [(None, (WIDTH, HEIGHT)), (SQUARE, (240, 240))], ids=["as it is", "framed"]
)
def test_a_still_is_the_picture_that_the_render_writes(
    chromium: str, server: ControlServer, tools: AttemptTools, framing: Reframing | None, size: tuple[int, int]
) -> None:
    """Compared before encoding: the poster of a render is a frame of it as it goes to the encoder."""
    import numpy as np

    document = look("pop", width=size[0], height=size[1], texts=("It", "was", "so"))
    order = RenderOrder(SOURCE, document, RenderOutput(), reframing=framing)
    done = work(server, tools, TaskName.RENDER_VIDEO, render, order.to_json())
    poster = decode_png(tools.storage.get_bytes(done["poster_key"]))
    at = done["receipt"]["checks"]["poster_at_s"]
    server.heard.clear()

    asked = StillOrder(document, (at,), SOURCE, reframing=framing)
    still = work(server, tools, TaskName.RENDER_STILL, draw, asked.to_json())

    picture = decode_png(tools.storage.get_bytes(still["object_key"]))
    assert np.array_equal(picture, poster)
    assert (done["receipt"]["width"], done["receipt"]["height"]) == size == (still["width"], still["height"])
    assert done["receipt"]["checks"]["parity"]["samples"], "the file was held against stills framed alike"


def test_several_outputs_are_made_from_one_decode(
    chromium: str, document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[Footage] = []
    monkeypatch.setattr(
        "render_node.render.Footage", lambda *given, **named: passes.append(Footage(*given, **named)) or passes[-1]
    )
    clip = make_video(tmp_path / "clip.mp4", width=64, height=114, duration_s=0.5)
    shapes = (RenderOutput(preset="ultrafast"), RenderOutput(aspect="1:1", preset="ultrafast"))
    wanted = [(tmp_path / f"{number}.mp4", shape) for number, shape in enumerate(shapes)]
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}

    receipts = render_files(
        clip, document, wanted, settings=read_worker_settings({**keys, "REELYARD_CALLBACK_SECRET": SECRET})
    )

    assert [receipt.frame_count for receipt in receipts] == [15, 15]
    assert len(passes) == 1


def test_an_order_of_several_outputs_hands_in_each(
    chromium: str, server: ControlServer, tools: AttemptTools, document: dict[str, Any]
) -> None:
    shapes = (RenderOutput(preset="ultrafast"), RenderOutput(aspect="1:1", preset="ultrafast"))
    others = (
        RenderOutput(container="gif", fps="5", width=160),
        RenderOutput(container="png", fps="1/2", layer="captions"),
    )
    order = RenderOrder(SOURCE, document, shapes[0], further=(shapes[1], *others))

    results = work(server, tools, TaskName.RENDER_VIDEO, render, order.to_json())["outputs"]

    told = [(one["receipt"]["container"], one["receipt"]["width"], one["receipt"]["height"]) for one in results]
    assert told == [("mp4", 320, 568), ("mp4", 320, 320), ("gif", 160, 284), ("png", 320, 568)]
    assert [one["receipt"]["frame_count"] for one in results] == [60, 60, 10, 1]
    names = ["video.mp4", "video-1.mp4", "video-2.gif", "video-3.zip"]
    assert [one["object_key"] for one in results] == [f"jobs/job-1/s1/7/{name}" for name in names]
    posters = [decode_png(tools.storage.get_bytes(one["poster_key"])).shape[:2] for one in results]
    assert posters == [(568, 320), (320, 320), (284, 160), (568, 320)]
    assert len({one["sha256"] for one in results}) == 4
