"""The steps of a music video as a worker runs them: heard once, drawn, ordered, shown on a sheet, joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import pytest

from cli.settings import direct_environ
from tasks.attempt import StepContext
from tasks.clips import ops
from tasks.clips.film import COPIED
from tasks.clips.sheet import GAP, read_png
from tasks.clips.transitions import LENGTHS_S
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts import Claim, StepNews
from tasks.contracts.making import (
    CONTAINERS,
    TRANSITIONS,
    ClipKey,
    ComposeOrder,
    ComposeResult,
    ListenOrder,
    ListenResult,
    MadeClip,
    MakeOrder,
    ProviderTerms,
    SheetResult,
)
from tasks.errors import InvalidInputError, PermanentError
from tasks.storage.memory import MemoryStorage
from tests.media.replicate_server import Running, Service
from tests.media.test_clips import ANALYSIS, PLAN, SIZE, folder, made, song

__all__ = ["folder", "song"]  # fixtures
KEY = "uploads/x/source"
TERMS = ProviderTerms("maker/clips", 5.0, "16:9", usd_per_work_s=0.02, usd_per_piece=0.3)


@dataclass
class Api:
    """What hears the news of attempts."""

    refs: list[str] = field(default_factory=list)

    def tell(self, news: StepNews) -> None:
        assert news.kind == "prediction"
        self.refs.append(news.data["ref"])


@dataclass
class Worker:
    """Runs steps one after the other; every step's input goes through JSON as it does over the wire."""

    storage: MemoryStorage
    scratch: Path
    settings: WorkerSettings
    api: Api = field(default_factory=Api)

    def run(self, body: Any, order: Any, *, attempt: int = 1, name: str = "s", **results: Any) -> Any:
        claim = Claim(
            True,
            job_id="j",
            step_id="s",
            attempt=attempt,
            input=order.to_json() if order else {},
            results=results,
            output_prefix=f"jobs/j/{name}/",
        )
        directory = self.scratch / f"{name}-{attempt}-{len(list(self.scratch.iterdir()))}"
        directory.mkdir()
        context = StepContext(claim, directory, self.storage, self.settings, client=self.api)  # type: ignore[arg-type]
        return body(context)


@pytest.fixture
def worker(song: Path, tmp_path: Path) -> Worker:
    """A worker with a song in its storage."""
    storage = MemoryStorage()
    storage.put_file(KEY, song, content_type="audio/wav")
    return Worker(storage, tmp_path, read_worker_settings(direct_environ()))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose clips are 4 s of 320x320."""
    clip = made(tmp_path / "theirs.mp4", frames=96, fps=24, size=(320, 320))
    told = Service(clip=clip.read_bytes(), asks_until_done=1)
    with Running(told):
        yield told


def order_of(number: int, **changes: Any) -> MakeOrder:
    return replace(MakeOrder(PLAN.clips[number], "offline", "dance", *SIZE), **changes)


def bought(worker: Worker, service: Service) -> Worker:
    return replace(worker, settings=replace(worker.settings, replicate_token="r8", replicate_url=service.base_url))


def test_a_song_is_heard_drawn_and_joined(worker: Worker) -> None:
    heard = worker.run(ops.listen, ListenOrder(KEY, ANALYSIS, PLAN), name="listen")
    parts = [worker.run(ops.make, order_of(n), name=f"make{n}", listen=heard) for n in range(len(PLAN.clips))]
    sheet = SheetResult.from_json(worker.run(ops.sheet, None, name="sheet", make=parts))
    order = ComposeOrder(KEY, PLAN, (), *SIZE, "cut")
    film = ComposeResult.from_json(worker.run(ops.compose, order, name="compose", make=parts))

    clips = [MadeClip.from_json(one) for one in parts]
    assert [clip.number for clip in clips] == list(range(len(PLAN.clips)))
    assert {(clip.width, clip.height, clip.cost_usd) for clip in clips} == {(*SIZE, 0.0)}
    assert [round(clip.seconds * 30) for clip in clips] == [clip.frame_count for clip in PLAN.clips]
    assert sheet.clip_count == len(clips)
    path = worker.scratch / "sheet.png"
    path.write_bytes(worker.storage.get_bytes(sheet.object_key))
    assert read_png(path).shape[1] > 2 * GAP
    assert film.film.frame_count == PLAN.frame_count
    assert film.film.audio == "aac"
    assert worker.storage.get_bytes(film.object_key)[4:8] == b"ftyp"


def test_a_film_with_one_clip_changed_takes_the_others_from_the_film_before(worker: Worker, tmp_path: Path) -> None:
    keys = {}
    for clip in [*PLAN.clips, replace(PLAN.clips[0], number=99)]:
        path = made(tmp_path / f"{clip.number}.mp4", frames=clip.frame_count, fps=30, size=SIZE)
        keys[clip.number] = f"jobs/j/make/{clip.number}.mp4"
        worker.storage.put_file(keys[clip.number], path, content_type="video/mp4")
    there = tuple(ClipKey(clip.number, keys[clip.number]) for clip in PLAN.clips)
    order = ComposeOrder(KEY, PLAN, there, *SIZE, "cut")
    first = ComposeResult.from_json(worker.run(ops.compose, order, name="first"))

    again = replace(order, clips=(ClipKey(0, keys[99]), *there[1:]), film_key=first.object_key, film=first.film)
    second = ComposeResult.from_json(worker.run(ops.compose, again, name="second"))
    lost = replace(again, film_key="jobs/j/gone.mp4")
    third = ComposeResult.from_json(worker.run(ops.compose, lost, name="third"))

    assert (first.film.copied_frames, third.film.copied_frames) == (0, 0)
    assert second.film.copied_frames == PLAN.frame_count - PLAN.clips[0].frame_count
    assert second.film.frame_count == third.film.frame_count == PLAN.frame_count
    assert second.film.keys == (keys[99], *(key.object_key for key in there[1:]))

    same = replace(order, clips=tuple(there), film_key=first.object_key, film=first.film)
    fourth = ComposeResult.from_json(worker.run(ops.compose, same, name="same"))
    assert (fourth.sha256, fourth.film.copied_frames) == (first.sha256, PLAN.frame_count)


def test_the_same_clip_drawn_again_is_the_same_file_and_another_seed_another(worker: Worker) -> None:
    key = ListenResult.from_json(worker.run(ops.listen, ListenOrder(KEY, ANALYSIS, PLAN), name="listen")).score_key
    again = order_of(1, clip=replace(PLAN.clips[1], seed=PLAN.clips[1].seed + 1), score_key=key)

    first, second, other = (
        MadeClip.from_json(worker.run(ops.make, order, name=name))
        for name, order in (("a", order_of(1, score_key=key)), ("b", order_of(1, score_key=key)), ("c", again))
    )

    assert first.sha256 == second.sha256 != other.sha256


def test_a_still_shows_the_middle_of_its_clip(worker: Worker) -> None:
    heard = worker.run(ops.listen, ListenOrder(KEY, ANALYSIS, PLAN), name="listen")

    still = MadeClip.from_json(worker.run(ops.make, order_of(0, still=True), name="still", listen=heard))

    assert (still.width, still.height, still.seconds) == (*SIZE, 0.0)
    assert worker.storage.get_bytes(still.object_key).startswith(b"\x89PNG")


def test_a_clip_that_the_provider_made_is_kept_with_its_cost(worker: Worker, service: Service) -> None:
    buyer = bought(worker, service)

    clip = MadeClip.from_json(buyer.run(ops.make, order_of(0, provider="replicate", terms=TERMS), name="make"))

    assert (clip.width, clip.height, clip.seconds) == (320, 320, 4.0)
    assert (clip.prediction_ref, clip.worked_s, clip.cost_usd) == ("p1", 12.5, 0.55)
    assert buyer.api.refs == ["p1"]
    assert service.orders[0]["input"]["duration"] == 5.0
    assert worker.storage.get_bytes(clip.object_key) == service.clip


def test_clips_of_another_size_and_length_fill_the_film(worker: Worker, service: Service) -> None:
    buyer = bought(worker, service)
    parts = [
        buyer.run(ops.make, order_of(n, provider="replicate", terms=TERMS), name=f"make{n}")
        for n in range(len(PLAN.clips))
    ]

    order = ComposeOrder(KEY, PLAN, (), *SIZE, "cut")
    film = ComposeResult.from_json(buyer.run(ops.compose, order, name="compose", make=parts)).film

    assert {fit.from_size for fit in film.clips} == {"320x320"}
    assert film.frame_count == PLAN.frame_count
    assert abs(film.audio_end_s - film.video_end_s) <= 1 / 30


def test_a_clip_of_no_use_is_told_and_forgotten_so_that_a_retry_orders_another(
    worker: Worker, service: Service
) -> None:
    good, service.clip = service.clip, b"not a video at all" * 100
    buyer, order = bought(worker, service), order_of(0, provider="replicate", terms=TERMS)
    with pytest.raises(PermanentError) as failed:
        buyer.run(ops.make, order, name="make")
    assert failed.value.code.startswith("media.")
    assert buyer.api.refs == ["p1", ""]
    service.clip = good

    clip = MadeClip.from_json(buyer.run(ops.make, order, name="again"))

    assert clip.prediction_ref == "p2"


def test_a_file_without_frames_is_no_clip(worker: Worker, service: Service, song: Path) -> None:
    service.clip = song.read_bytes()

    with pytest.raises(PermanentError) as failed:
        bought(worker, service).run(ops.make, order_of(0, provider="replicate", terms=TERMS), name="make")

    assert failed.value.code == "clips.empty"


def test_a_worker_without_a_token_refuses_a_paid_clip(worker: Worker) -> None:
    with pytest.raises(PermanentError) as failed:
        worker.run(ops.make, order_of(0, provider="replicate", terms=TERMS), name="make")

    assert failed.value.code == "provider.not_configured"


def test_a_wav_lies_untouched_in_quicktime_and_mp4_says_that_it_cannot(worker: Worker, song: Path) -> None:
    clip = made(worker.scratch / "any.mp4", frames=60, fps=30, size=SIZE)
    worker.storage.put_file("jobs/j/any", clip, content_type="video/mp4")
    clips = tuple(ClipKey(n, "jobs/j/any") for n in range(len(PLAN.clips)))
    order = ComposeOrder(KEY, PLAN, clips, *SIZE, "cut", container="mov", audio="copy")

    film = ComposeResult.from_json(worker.run(ops.compose, order, name="compose"))
    with pytest.raises(InvalidInputError) as refused:
        worker.run(ops.compose, replace(order, container="mp4"), name="refused")

    out = worker.scratch / "film.mov"
    out.write_bytes(worker.storage.get_bytes(film.object_key))
    with av.open(str(out)) as container:
        kept = b"".join(bytes(packet) for packet in container.demux(audio=0))
    assert film.film.audio == "copy"
    assert kept == song.read_bytes()[44:][: len(kept)]
    assert len(kept) >= PLAN.frame_count / 30 * 22050 * 2 - 2 * 22050 / 30
    assert abs(film.film.audio_end_s - film.film.video_end_s) <= 1 / 30
    assert (refused.value.code, "mov does" in refused.value.detail) == ("clips.cannot_copy", True)


def test_what_the_api_offers_is_what_workers_know() -> None:
    assert tuple(LENGTHS_S) == TRANSITIONS
    assert tuple(COPIED) == CONTAINERS
