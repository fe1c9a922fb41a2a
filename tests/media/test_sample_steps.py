"""The steps of a sample as a worker runs them, from a link to our own site to files that are measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from cli.settings import direct_environ
from tasks.attempt import StepContext
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts import Claim
from tasks.contracts.alike import SAME, likeness
from tasks.contracts.samples import LinkMedia, LinkOrder, SampleExtracted, SampleHeard, SampleLooped, SampleSaved
from tasks.contracts.sounds import SoundOrder, SoundReady
from tasks.errors import PermanentError, TransientError
from tasks.fetchers import ops as fetching
from tasks.media.loudness import measure_loudness
from tasks.music import ops as music
from tasks.samples import ops
from tasks.samples.fingerprint import fingerprint_file
from tasks.samples.loops import Grid, find_loops
from tasks.sounds import ops as sounds
from tasks.storage.memory import MemoryStorage
from tests.media.link_site import LinkSite
from tests.tunes import RATE, groove, write_tune

BPM, BARS = 120.0, 4


@dataclass
class Worker:
    """Runs steps one after the other; what each tells goes through JSON as it does over the wire."""

    storage: MemoryStorage
    scratch: Path
    settings: WorkerSettings

    def run(self, body: Any, name: str, given: dict[str, Any] | None = None, **results: Any) -> dict[str, Any]:
        claim = Claim(
            True,
            job_id="j",
            step_id="s",
            attempt=1,
            input=given or {},
            results=results,
            output_prefix=f"jobs/j/{name}/",
        )
        folder = self.scratch / f"{name}-{len(list(self.scratch.iterdir()))}"
        folder.mkdir()
        told: dict[str, Any] = json.loads(json.dumps(body(StepContext(claim, folder, self.storage, self.settings))))
        return told

    def read(self, key: str, name: str) -> Path:
        path = self.scratch / name
        path.write_bytes(self.storage.get_bytes(key))
        return path


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """A worker that may reach our own site."""
    settings = read_worker_settings({**direct_environ(), "REELYARD_LINK_INSIDE": "true"})
    return Worker(MemoryStorage(), tmp_path, replace(settings, link_extractors=("generic",)))


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four bars at 120 in A minor, as MP3."""
    return write_tune(tmp_path_factory.mktemp("tune") / "t.mp3", groove(BARS * 240 / BPM, bpm=BPM)).read_bytes()


@pytest.fixture
def site(tune: bytes) -> Iterator[LinkSite]:
    """A site with a tune, and a picture with no sound."""
    with LinkSite({"/tune.mp3": tune}) as running:
        yield running


def form_of(path: Path) -> tuple[str, int, str, int]:
    """Codec, rate, layout and bits of each sample."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return stream.codec_context.name, stream.rate, stream.layout.name, stream.codec_context.format.bits


def test_a_link_becomes_files_whose_form_tempo_and_key_are_measured(worker: Worker, site: LinkSite) -> None:
    order = LinkOrder(f"{site.url}/tune.mp3").to_json()
    told = worker.run(fetching.resolve, "resolve", order)
    assert worker.run(fetching.creator, "creator", {**order, "look": False}, resolve=told)["creator"] is None
    media = worker.run(fetching.download, "download", order, resolve=told)
    extracted = worker.run(ops.extract, "extract", download=media)
    made = SampleExtracted.from_json(extracted)
    assert made.duration_s == pytest.approx(8.0, abs=0.1)
    wav, mp3 = worker.read(made.wav_key, "sample.wav"), worker.read(made.mp3_key, "sample.mp3")
    assert form_of(wav) == ("pcm_s24le", 48_000, "stereo", 32)
    assert form_of(mp3)[:3] == ("mp3float", 48_000, "stereo")
    assert mp3.stat().st_size * 8 / made.duration_s == pytest.approx(320_000, rel=0.02)

    drawn = worker.run(ops.waveform, "waveform", extract=extracted)
    heard = worker.run(music.analyze_sample, "analyze", extract=extracted)
    listened = SampleHeard.from_json(heard)
    assert listened.tempo.bpm == pytest.approx(BPM, rel=0.003)
    assert listened.key.name == "A minor"
    looped = worker.run(ops.loops, "loops", extract=extracted, analyze=heard)
    best = SampleLooped.from_json(looped).loops[0]
    assert (best.end_s - best.start_s) * BPM / 60 == pytest.approx(best.beats, abs=0.02)
    saved = worker.run(ops.save, "save", download=media, extract=extracted, waveform=drawn, analyze=heard, loops=looped)
    files = SampleSaved.from_json(saved).files
    assert sorted(files) == ["loop", "mp3", "peaks", "wav", "waveform"]
    assert worker.storage.get_bytes(files["waveform"].key)[:8] == b"\x89PNG\r\n\x1a\n"
    assert json.loads(worker.storage.get_bytes(files["peaks"].key))["version"] == 2
    assert samples_of(worker.read(files["loop"].key, "loop.wav")) == best.end_sample - best.start_sample


def samples_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def test_saving_sees_that_a_file_is_gone(worker: Worker) -> None:
    gone = SampleExtracted("jobs/j/x.wav", 1, "jobs/j/x.mp3", 1, 1.0, "").to_json()
    drawn = {"waveform_key": "w", "waveform_bytes": 1, "peaks_key": "p", "peaks_bytes": 1}
    probe = {"container": "mp3", "duration_s": 1.0, "size_bytes": 1, "sha256": "", "video": None, "audio": None}
    media = {"object_key": "m", "filename": "f", "content_type": "audio/mpeg", "media": probe}
    with pytest.raises(TransientError) as caught:
        worker.run(ops.save, "save", download=media, extract=gone, waveform=drawn, loops={"loops": []})
    assert caught.value.code == "sample.file_missing"


def test_what_has_no_beat_has_no_loop_and_what_is_too_short_no_tempo(worker: Worker, tmp_path: Path) -> None:
    blip = write_tune(tmp_path / "blip.wav", groove(0.4))
    worker.storage.put_file("jobs/j/b.wav", blip, content_type="audio/wav")
    extracted = SampleExtracted("jobs/j/b.wav", 1, "", 0, 0.4, "").to_json()
    heard = worker.run(music.analyze_sample, "analyze", extract=extracted)
    told = SampleHeard.from_json(heard)
    assert (told.tempo.bpm, told.key.name, told.duration_s) == (None, "unknown", 0.4)
    looped = SampleLooped.from_json(worker.run(ops.loops, "loops", extract=extracted, analyze=heard))
    assert (looped.loops, looped.loop_key) == ((), "")
    assert "less than one" in looped.reason


def test_a_picture_without_sound_is_refused(worker: Worker, site: LinkSite, tmp_path: Path) -> None:
    mute = tmp_path / "mute.mp4"
    with av.open(str(mute), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 9 * number, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    site.files["/mute.mp4"] = mute.read_bytes()
    order = LinkOrder(f"{site.url}/mute.mp4").to_json()
    told = worker.run(fetching.resolve, "resolve", order)
    with pytest.raises(PermanentError) as caught:
        worker.run(fetching.download, "download", order, resolve=told)
    assert caught.value.code == "link.no_sound"
    assert worker.storage.list("jobs/") is not None
    assert [found.key for found in worker.storage.list("jobs/")] == []


def test_the_sound_behind_a_link_is_levelled_and_the_original_kept(worker: Worker, tune: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.mp3"
    path.write_bytes(tune)
    worker.storage.put_file("jobs/j/media", path, content_type="audio/mpeg")
    probe = {"container": "mp3", "duration_s": 8.0, "size_bytes": 1, "sha256": "", "video": None, "audio": None}
    media = {"object_key": "jobs/j/media", "filename": "t.mp3", "content_type": "audio/mpeg", "media": probe}
    LinkMedia.from_json(media)
    told = worker.run(sounds.level_link, "level", SoundOrder("", target_lufs=-16.0).to_json(), download=media)
    levelled = worker.read(SoundReady.from_json(told).object_key, "levelled.mp3")
    assert measure_loudness(levelled).integrated_lufs == pytest.approx(-16.0, abs=0.3)
    assert worker.storage.get_bytes("jobs/j/media") == tune


def test_a_sound_is_known_again_after_encoding_and_others_are_not(tmp_path: Path) -> None:
    same = groove(12.0, bpm=100.0)
    first = fingerprint_file(write_tune(tmp_path / "a.wav", same))
    again = fingerprint_file(write_tune(tmp_path / "b.mp3", same * 0.4, bit_rate=96_000))
    late = fingerprint_file(write_tune(tmp_path / "c.mp3", np.concatenate([np.zeros(RATE // 3), same])))
    other = fingerprint_file(write_tune(tmp_path / "d.wav", groove(12.0, bpm=104.0, key="C major", seed=2)))
    assert likeness(first, again) > 0.85
    assert likeness(first, late) > 0.85
    assert likeness(first, other) < SAME
    assert likeness(first, b"") == 0.0


def test_loops_lie_on_the_grid_and_their_ends_lead_into_their_starts() -> None:
    beats = np.arange(0, 24, 0.5)
    tune = groove(24.0)
    tune[round(16 * RATE) :] = np.random.default_rng(3).standard_normal(len(tune) - round(16 * RATE)) * 0.2
    found = find_loops(tune.astype(np.float32), RATE, Grid(tuple(beats), tuple(beats[::4]), 120.0))
    best = found[0]
    assert (best.bars, best.beats) == (4.0, 16)
    assert best.end_sample - best.start_sample == 8 * 48_000
    assert min(abs(best.start_s - beat) for beat in beats[::4]) < 0.004
    assert best.end_s < 16.01
    assert best.score > 0.8
    assert find_loops(tune[:RATE].astype(np.float32), RATE, Grid((0.0, 0.5), ())) == ()
