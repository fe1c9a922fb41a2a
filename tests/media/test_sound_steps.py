"""The steps of sounds as a worker runs them: spoken, taken as found, levelled; measured by another meter."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest

from cli.settings import direct_environ
from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim
from tasks.contracts.base import Message
from tasks.contracts.sounds import SoundReady, SoundTaken, TakeOrder
from tasks.contracts.voices import Speech, SpeechOrder
from tasks.errors import PermanentError
from tasks.sounds import ops
from tasks.storage.memory import MemoryStorage
from tests import noises
from tests.media.test_sound_level import write_wav
from tests.media_samples import make_video

KEY = "imports/horns/air horn.wav"


def work(folder: Path, order: Message, storage: MemoryStorage | None = None) -> StepContext:
    claim = Claim(True, job_id="j", step_id="s", attempt=1, input=order.to_json(), output_prefix="jobs/j/s/")
    return StepContext(claim, folder, storage or MemoryStorage(), read_worker_settings(direct_environ()))


def loudness(storage: MemoryStorage, ready: SoundReady, folder: Path) -> float:
    """What another meter measures in the stored MP3."""
    path = folder / "stored.mp3"
    path.write_bytes(storage.get_bytes(ready.object_key))
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray() for frame in container.decode(stream)], axis=1).T
        assert (stream.rate, stream.codec_context.name) == (48_000, "mp3float")
    return float(pyloudnorm.Meter(48_000).integrated_loudness(samples))


def test_a_text_is_stored_at_the_loudness_of_all_sounds(tmp_path: Path) -> None:
    order = SpeechOrder(Speech("Please welcome our guests of tonight!", "en-gb", 160), target_lufs=-18.0)
    context = work(tmp_path, order)
    ready = SoundReady.from_json(ops.speak(context))
    assert isinstance(context.storage, MemoryStorage)
    assert loudness(context.storage, ready, tmp_path) == pytest.approx(-18.0, abs=0.3)
    assert ready.duration_s > 1.5
    outline = json.loads(context.storage.get_bytes(ready.waveform_key))
    assert (outline["version"], len(outline["data"]) > 100) == (2, True)


def test_a_file_that_was_found_is_levelled_and_told_by_its_bytes(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", noises.music(3) * 0.1)
    storage = MemoryStorage()
    storage.put_file(KEY, source, content_type="audio/wav")
    taken = SoundTaken.from_json(ops.take(work(tmp_path, TakeOrder(KEY, source.stat().st_size), storage)))
    assert taken.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert taken.ready.duration_s == pytest.approx(3.0, abs=0.1)
    assert loudness(storage, taken.ready, tmp_path) == pytest.approx(-14.0, abs=0.3)
    assert storage.get_bytes(KEY) == source.read_bytes()


@pytest.mark.parametrize(
    ("data", "max_s", "code"), [(b"no sound at all", 600.0, "media."), (b"", 1.0, "sound.too_long")]
)
def test_what_is_no_sound_or_too_long_says_so(tmp_path: Path, data: bytes, max_s: float, code: str) -> None:
    storage = MemoryStorage()
    data = data or write_wav(tmp_path / "in.wav", noises.music(3)).read_bytes()
    storage.put_bytes(KEY, data, content_type="audio/wav")
    with pytest.raises(PermanentError) as refused:
        ops.take(work(tmp_path, TakeOrder(KEY, len(data), max_s=max_s), storage))
    assert refused.value.code.startswith(code)
    assert list(storage.list("jobs/")) == []


def test_a_video_without_sound_is_no_sound(tmp_path: Path) -> None:
    storage = MemoryStorage()
    video = make_video(tmp_path / "in.mp4", width=64, height=64, duration_s=0.5, audio=None)
    storage.put_file(KEY, video, content_type="video/mp4")
    with pytest.raises(PermanentError) as refused:
        ops.take(work(tmp_path, TakeOrder(KEY, video.stat().st_size), storage))
    assert refused.value.code == "media.no_audio"
    assert list(storage.list("jobs/")) == []
