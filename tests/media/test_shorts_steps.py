"""The steps of shorts, from object to result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cli.settings import direct_environ
from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim
from tasks.contracts.shorts import AnalyzeOrder, AnalyzeResult, CutOrder, CutResult, Stretch
from tasks.shorts import ops
from tasks.storage.memory import MemoryStorage
from tests.media_samples import make_video
from tests.unit.shorts.talks import evenly

KEY = "uploads/x/source"
TALK = evenly("One two three four. Five six seven eight. Nine ten eleven twelve.", word_s=0.4)


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    """A storage that holds a video whose scene changes at 3 s."""

    def draw(_number: int, t: float) -> np.ndarray:  # type: ignore[type-arg]
        return np.full((90, 160, 3), 40 if t < 3 else 200, np.uint8)

    path = make_video(tmp_path / "talk.mp4", width=160, height=90, fps=25, duration_s=TALK.duration_s, draw=draw)
    storage = MemoryStorage()
    storage.put_file(KEY, path, content_type="video/mp4")
    return storage


def context_of(order: AnalyzeOrder | CutOrder, storage: MemoryStorage, scratch: Path) -> StepContext:
    """Return what a worker hands to a step."""
    claim = Claim(True, job_id="j", step_id="s", input=order.to_json(), output_prefix="jobs/j/1/")
    return StepContext(claim, scratch, storage, read_worker_settings(direct_environ()))


def test_the_search_tells_highlights_and_scene_cuts(storage: MemoryStorage, tmp_path: Path) -> None:
    order = AnalyzeOrder(KEY, TALK, TALK.duration_s, count=1, shortest_s=2, longest_s=6)

    told = AnalyzeResult.from_json(ops.analyze(context_of(order, storage, tmp_path)))

    assert told.features.scene_cuts == (3.0,)
    assert told.highlights[0].text.split()[0] in ("One", "Five", "Nine")
    assert told.thumbnails == ("jobs/j/1/thumbnail-0.png",)
    assert storage.get_bytes(told.thumbnails[0])[1:4] == b"PNG"
    assert len(told.features.loudness.values) == pytest.approx(TALK.duration_s * 10, abs=2)


def test_the_cut_stores_a_clip_without_what_goes(storage: MemoryStorage, tmp_path: Path) -> None:
    order = CutOrder(KEY, 1.0, 4.0, cuts=(Stretch(2.0, 2.6),), aspect="1:1", scene_cuts=(3.0,))

    told = CutResult.from_json(ops.cut(context_of(order, storage, tmp_path)))

    assert told.object_key == "jobs/j/1/clip.mp4"
    assert storage.get_bytes(told.object_key)[4:8] == b"ftyp"
    assert storage.get_bytes(told.poster_key)[1:4] == b"PNG"
    assert told.frame_count == 60
    assert told.media.duration_s == pytest.approx(2.4, abs=0.06)
    assert told.media.video is not None and (told.media.video.width, told.media.video.height) == (162, 162)
    assert [(kept.start, kept.end) for kept in told.kept] == [(1.0, 2.0), (2.6, 4.0)]
    assert told.framing is not None and [scene.source for scene in told.framing.scenes] == ["middle", "middle"]
