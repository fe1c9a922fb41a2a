"""Steps chunk and join from claim to report: pieces made once and shared, one kind of node, the whole put together."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import render_node.chunk_ops
from render_node.chunk_ops import chunk, join, key_of
from render_node.frames.stage_page import decode_png
from render_node.ops import render
from tasks.attempt import AttemptTools, run_attempt
from tasks.client import ControlClient
from tasks.config import read_worker_settings
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.chunk import ChunkOrder, ChunkResult
from tasks.contracts.outputs import complete_output
from tasks.errors import ReelyardError
from tasks.names import TaskName
from tasks.storage.memory import MemoryStorage
from tasks.workflows.captions import build_chunked_steps
from tasks.workflows.chunks import plan_spans
from tasks.workflows.plan import StepSpec
from tests.integration.control_server import SECRET, ControlServer, control_server
from tests.media_samples import make_video
from tests.render.looks import look

SIZE: dict[str, Any] = {"width": 160, "height": 284}
SOURCE = "uploads/u/a/source"
OUTPUT = complete_output(RenderOutput(encoder="libx264", preset="ultrafast", crf=23))
TEN = 10
A_DAY = 86400.0

pytestmark = pytest.mark.usefixtures("chromium")


class CountedStorage(MemoryStorage):
    """Notes what is downloaded."""

    def __init__(self) -> None:
        super().__init__()
        self.downloads: list[str] = []

    @contextmanager
    def local_copy(self, key: str, directory: Path, *, progress: Callable[[int], None] | None = None) -> Iterator[Path]:
        self.downloads.append(key)
        with super().local_copy(key, directory, progress=progress) as path:
            yield path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clip") / "in.mp4", **SIZE, fps=10, duration_s=float(TEN))


@contextmanager
def open_farm(clip: Path, scratch: Path) -> Iterator[Farm]:
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    storage = CountedStorage()
    storage.put_file(SOURCE, clip, content_type="video/mp4")
    with control_server() as server:
        own = {"REELYARD_CALLBACK_SECRET": SECRET, "REELYARD_API_URL": server.url, "REELYARD_SCRATCH_DIR": str(scratch)}
        client = ControlClient(server.url, SECRET, node="n")
        yield Farm(server, AttemptTools(client, storage, read_worker_settings({**keys, **own})))
        client.close()


@pytest.fixture
def farm(clip: Path, tmp_path: Path) -> Iterator[Farm]:
    with open_farm(clip, tmp_path) as farm:
        yield farm


@pytest.fixture(scope="module")
def done(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A farm that has rendered a video of ten pieces as job-1, for tests that go on from there."""
    with open_farm(clip, tmp_path_factory.mktemp("scratch")) as farm:
        result, made = farm.run("job-1", plan(words()))
        yield Done(farm, result, made, farm.tools.storage.downloads.count(SOURCE))


def words() -> dict[str, Any]:
    return look("highlight", **SIZE, texts=tuple(f"word{n}" for n in range(20)), word_s=0.5)


def plan(document: dict[str, Any], output: RenderOutput = OUTPUT, *further: RenderOutput) -> list[StepSpec]:
    order = RenderOrder(SOURCE, document, output, further=further)
    return build_chunked_steps(order, plan_spans(TEN, target_s=1, from_s=2), owner="u", reuse_s=A_DAY)


class Farm:
    """One node after the other, and how often a piece was really rendered."""

    def __init__(self, server: ControlServer, tools: AttemptTools) -> None:
        self.server, self.tools = server, tools

    def work(self, spec: StepSpec, job_id: str, results: dict[str, Any] | None = None) -> dict[str, Any]:
        name = f"{spec.name}-{spec.part}"
        fields = {"input": spec.input, "results": results or {}, "part": spec.part, "job_id": job_id}
        self.server.offer(name, output_prefix=f"jobs/{job_id}/{name}/7/", **fields)
        self.server.heard.clear()
        body = {TaskName.RENDER_CHUNK: chunk, TaskName.RENDER_JOIN: join, TaskName.RENDER_VIDEO: render}[spec.task]
        with suppress(ReelyardError):
            run_attempt(self.tools, spec.task, job_id=job_id, step_id=name, body=body)
        [report] = self.server.bodies("report")
        return report["result"] or report["failure"]

    def run(self, job_id: str, specs: list[StepSpec]) -> tuple[dict[str, Any], int]:
        """Do a whole job; return the join's result and how many pieces were rendered."""
        pieces = [self.work(spec, job_id) for spec in specs[:-1]]
        result = self.work(specs[-1], job_id, {"chunk": pieces})
        return result, sum(not piece["reused"] for piece in pieces)


@dataclass(frozen=True)
class Done:
    """A farm after its first job: what the join answered, how many pieces were rendered, how often the source came."""

    farm: Farm
    result: dict[str, Any]
    made: int
    downloads: int


def picture_of(data: bytes) -> list[np.ndarray[Any, Any]]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def test_one_changed_word_in_ten_pieces_renders_at_most_two_again(done: Done) -> None:
    farm, first = done.farm, done.result
    assert done.made == TEN
    assert done.downloads == 1  # for ten pieces and the join
    again, made = farm.run("job-2", plan(words()))
    assert (made, again["sha256"]) == (0, first["sha256"])
    changed = words()
    cue = next(cue for cue in changed["tracks"][0]["cues"] if cue["start"] >= 4)
    cue["words"][0]["text"] = "other"
    third, made = farm.run("job-3", plan(changed))
    assert 1 <= made <= 2
    assert third["receipt"]["checks"]["reused_chunks"] == TEN - made
    before, after = (picture_of(farm.tools.storage.get_bytes(each["object_key"])) for each in (first, third))
    differ = [number for number, (a, b) in enumerate(zip(before, after, strict=True)) if not np.array_equal(a, b)]
    assert differ
    assert int(cue["start"]) * 10 <= min(differ) and max(differ) < (int(cue["end"]) + 1) * 10


def test_the_joined_render_has_the_receipt_the_poster_and_the_frames_of_the_whole_one(done: Done) -> None:
    farm, joined = done.farm, done.result
    whole = farm.work(
        StepSpec("render", TaskName.RENDER_VIDEO, RenderOrder(SOURCE, words(), OUTPUT).to_json()), "job-0"
    )
    same = ("recipe", "frame_count", "duration_s", "audio_duration_s", "encoder", "browser", "fonts", "versions")
    assert {name: joined["receipt"][name] for name in same} == {name: whole["receipt"][name] for name in same}
    for each in (joined, whole):
        samples = each["receipt"]["checks"]["parity"]["samples"]
        assert samples and all(sample["shift"] == [0, 0] for sample in samples)
    posters = [decode_png(farm.tools.storage.get_bytes(each["poster_key"])) for each in (joined, whole)]
    assert np.array_equal(*posters)
    assert joined["receipt"]["checks"]["poster_at_s"] == whole["receipt"]["checks"]["poster_at_s"]


def test_the_first_piece_shows_the_whole_before_it_is_done(farm: Farm) -> None:
    farm.work(plan(words())[0], "job-1")
    [news] = farm.server.bodies("news")
    assert news["kind"] == "first_look"


def test_a_node_of_another_kind_leaves_the_piece_to_others(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = plan(words())
    farm.work(specs[1], "job-1")
    describe = render_node.chunk_ops.describe_node
    monkeypatch.setattr(render_node.chunk_ops, "describe_node", lambda *args: {**describe(*args), "browser": "1.2.3"})
    failure = farm.work(specs[2], "job-1")
    assert (failure["code"], failure["permanent"]) == ("node.other_class", False)
    assert failure["detail"].endswith("differ in browser")
    other = farm.work(specs[1], "job-2")  # of its own, and nothing of the first kind's is used
    assert not other["reused"]
    pinned = json.loads(farm.tools.storage.get_bytes("jobs/job-1/pin.json"))
    assert pinned["node_class"] != other["node_class"]


def test_pieces_of_different_kinds_are_never_joined(farm: Farm) -> None:
    specs = plan(words())
    pieces = [farm.work(spec, "job-1") for spec in specs[:2]]
    pieces[1]["node_class"] = "another"
    assert farm.work(specs[-1], "job-1", {"chunk": pieces})["code"] == "render.chunks_differ"


def test_a_stored_piece_that_is_damaged_fails_the_join(farm: Farm) -> None:
    specs = plan(words())
    piece = farm.work(specs[0], "job-1")
    data = bytearray(farm.tools.storage.get_bytes(piece["key"]))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        at = archive.getinfo("video.mp4").header_offset + 200
    data[at] ^= 0xFF
    farm.tools.storage.put_bytes(piece["key"], bytes(data), content_type="application/zip")
    assert farm.work(specs[-1], "job-1", {"chunk": [piece]})["code"] == "render.chunks_incomplete"


def test_a_piece_that_may_be_swept_soon_is_made_again(farm: Farm) -> None:
    spec = plan(words())[3]
    farm.work(spec, "job-1")
    assert farm.work(spec, "job-2")["reused"]
    old = replace(spec, input={**copy.deepcopy(spec.input), "reuse_s": 0.0})
    assert not farm.work(old, "job-3")["reused"]


def test_a_changed_output_sound_or_container_uses_the_same_pieces(farm: Farm) -> None:
    farm.work(plan(words())[2], "job-1")
    silent = replace(OUTPUT, sound=replace(OUTPUT.sound, mute=True), container="mov")
    assert farm.work(plan(words(), silent)[2], "job-2")["reused"]
    assert not farm.work(plan(words(), replace(OUTPUT, crf=30))[2], "job-3")["reused"]


THREE = (
    OUTPUT,
    complete_output(RenderOutput(container="gif", fps="5")),
    complete_output(RenderOutput(container="mov")),
)


def reused_of(piece: dict[str, Any]) -> list[bool]:
    return [one.reused for one in ChunkResult.from_json(piece).pieces]


def test_several_outputs_share_a_step_and_each_has_pieces_of_its_own(farm: Farm) -> None:
    alone = farm.work(plan(words())[2], "job-1")
    several = farm.work(plan(words(), *THREE)[2], "job-2")
    assert reused_of(several) == [True, False, False]
    assert ChunkResult.from_json(several).pieces[0].key == alone["key"]
    assert reused_of(farm.work(plan(words(), THREE[2])[2], "job-3")) == [True]
    assert reused_of(farm.work(plan(words(), *THREE)[2], "job-4")) == [True, True, True]


def test_a_joined_job_of_several_outputs_hands_in_each(farm: Farm) -> None:
    specs = plan(words(), *THREE)
    pieces = [farm.work(spec, "job-1") for spec in specs[:-1]]
    first = farm.work(specs[-1], "job-1", {"chunk": pieces})["outputs"]
    names = ["video.mp4", "video-1.gif", "video-2.mov"]
    assert [Path(one["object_key"]).name for one in first] == names
    assert [one["receipt"]["frame_count"] for one in first] == [100, 50, 100]
    assert [one["receipt"]["checks"]["reused_chunks"] for one in first] == [0, 0, 0]
    assert all(farm.tools.storage.head(one["poster_key"]) is not None for one in first)


def test_a_changed_word_gives_at_most_two_pieces_of_each_output_another_name() -> None:
    changed = words()
    cue = next(cue for cue in changed["tracks"][0]["cues"] if cue["start"] >= 4)
    cue["words"][0]["text"] = "other"
    names = [
        [[key_of(ChunkOrder.from_json(spec.input), "kind", number) for number in range(3)] for spec in specs[:-1]]
        for specs in (plan(words(), *THREE), plan(changed, *THREE))
    ]
    for number in range(3):
        made = sum(mine[number] != theirs[number] for mine, theirs in zip(*names, strict=True))
        assert 1 <= made <= 2


def test_a_result_without_pieces_of_all_outputs_is_not_joined(farm: Farm) -> None:
    specs = plan(words(), *THREE)
    piece = farm.work(plan(words())[0], "job-1")
    assert farm.work(specs[-1], "job-1", {"chunk": [piece]})["code"] == "render.chunks_incomplete"
