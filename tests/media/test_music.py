"""Songs whose truth is known are heard as they are; what is no song is told with a reason."""

from __future__ import annotations

import json
import wave
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import mir_eval
import numpy as np
import pytest

from bench.songs import FORMS, RATE, Score, Song, compose, play, write_wav
from tasks.attempt import StepContext
from tasks.config import read_worker_settings
from tasks.contracts import Claim
from tasks.contracts.music import SongAnalysis, SongHeard, SongOrder
from tasks.errors import PermanentError
from tasks.music import ops
from tasks.music.analysis import analyze_song
from tasks.music.options import MusicOptions
from tasks.storage.memory import MemoryStorage
from tests import media_samples
from tests.conftest import TEST_SETTINGS

POP = Song("pop", ((0, 112.0),), "G major", form=(("verse", 8), ("chorus", 8), ("verse", 8)), seed=21)
WALTZ = Song("waltz", ((0, 132.0),), "D minor", beats_per_bar=3, form=FORMS["waltz"][:3], seed=22)
TRIPLETS = Song("six eight", ((0, 70.0),), "A minor", beats_per_bar=2, subdivision=3, form=(("verse", 16),), seed=23)
SONGS = {song.name: song for song in (POP, WALTZ, TRIPLETS)}


@lru_cache(maxsize=8)
def score_of(name: str) -> Score:
    """The notes of a song."""
    return compose(SONGS[name])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where songs are played to."""
    return tmp_path_factory.mktemp("songs")


@pytest.fixture(scope="module")
def pop(folder: Path) -> Path:
    """A pop song."""
    return write_wav(folder / "pop.wav", play(score_of("pop")))


def listen(path: Path, *, engine: str = "librosa", longest_s: float = 900) -> SongAnalysis:
    return analyze_song(path, options=MusicOptions(engine, longest_s)).analysis


@pytest.fixture(scope="module")
def heard(pop: Path) -> SongAnalysis:
    """What is heard in the pop song."""
    return listen(pop)


def f_measure(truth: np.ndarray, found: tuple[float, ...]) -> float:
    return float(mir_eval.beat.f_measure(mir_eval.beat.trim_beats(truth), mir_eval.beat.trim_beats(np.array(found))))


def test_tempo_beats_bars_and_key_of_a_song_are_found(heard: SongAnalysis) -> None:
    truth = score_of("pop").truth

    assert heard.tempo.bpm == pytest.approx(112, rel=0.002)
    assert heard.tempo.is_steady
    assert f_measure(truth.beats, heard.beats) == 1.0
    assert f_measure(truth.downbeats, heard.downbeats) == 1.0
    assert (heard.meter.beats_per_bar, heard.meter.subdivision) == (4, 2)
    assert heard.key.name == "G major"
    off = [np.abs(truth.beats - beat).min() for beat in heard.beats[1:-1]]
    assert float(np.median(off)) < 0.012


def test_sections_cover_the_song_and_change_within_a_bar_of_where_it_changes(heard: SongAnalysis) -> None:
    truth = score_of("pop").truth
    starts = [section.start for section in heard.sections]

    assert starts[0] == 0 and heard.sections[-1].end == heard.duration_s
    assert all(one.end == two.start for one, two in zip(heard.sections, heard.sections[1:], strict=False))
    for start, _, label in truth.sections[1:]:
        near = min(heard.sections, key=lambda section: abs(section.start - start))
        assert near.start == pytest.approx(start, abs=4 * 60 / 112 + 0.1)
        assert min(abs(near.start - beat) for beat in heard.downbeats) < 0.001
        assert (near.label == "chorus") == (label == "chorus")


def test_estimates_say_how_they_were_made(heard: SongAnalysis) -> None:
    assert heard.genre.method == heard.mood.method == "signal-rules/1"
    assert sum(heard.genre.scores.values()) == pytest.approx(1, abs=0.01)
    assert 0 <= heard.mood.vector["valence"] <= 1
    assert heard.video_type.reason


def test_loudness_is_that_of_a_reference_tone(tmp_path: Path) -> None:
    """EBU Tech 3341, case 1: a 997 Hz sine at -23 dBFS on both channels reads -23 LUFS."""
    times = np.arange(20 * 48000) / 48000
    samples = (np.sin(2 * np.pi * 997 * times) * 10 ** (-23 / 20) * 32767).astype("<i2")
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(48000)
        writer.writeframes(np.repeat(samples, 2).tobytes())

    told = listen(path)

    assert told.loudness.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert told.loudness.true_peak_dbtp == pytest.approx(-23, abs=0.2)
    assert (told.tempo.bpm, told.beats) == (None, ())


@pytest.mark.parametrize(("name", "bars"), [("waltz", 3), ("six eight", 2)])
def test_other_meters_are_found(folder: Path, name: str, bars: int) -> None:
    truth = score_of(name).truth

    told = listen(write_wav(folder / f"{name}.wav", play(score_of(name))))

    assert told.tempo.bpm == pytest.approx(SONGS[name].bpm, rel=0.005)
    assert told.meter.beats_per_bar == bars
    assert f_measure(truth.downbeats, told.downbeats) > 0.97


def test_offset_rate_and_channels_do_not_matter(pop: Path, tmp_path: Path, heard: SongAnalysis) -> None:
    samples = play(score_of("pop"))[: RATE * 20]
    offset = write_wav(tmp_path / "offset.wav", samples * 0.4 + 0.5)
    low = write_wav(tmp_path / "low.wav", samples[: len(samples) // 5 * 5].reshape(-1, 5).mean(axis=1), RATE // 5)
    wide = tmp_path / "seven.wav"
    with av.open(str(wide), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE, layout="6.1")
        block = (samples * 20000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(block, 7).reshape(1, -1), format="s16", layout="6.1")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    told = [listen(path) for path in (offset, low, wide)]

    assert [song.tempo.bpm for song in told] == [pytest.approx(112, rel=0.01)] * 3
    assert [song.key.name for song in told] == ["G major"] * 3
    assert abs(np.mean([song.beats[5] for song in told]) - heard.beats[5]) < 0.02


def test_silence_is_told_as_silence(tmp_path: Path) -> None:
    told = listen(media_samples.make_tone(tmp_path / "silence.wav", duration_s=5, hertz=0))

    assert (told.tempo.bpm, told.key.name, told.genre.name, told.mood.primary) == (None, *["unknown"] * 3)
    assert told.loudness.integrated_lufs is None and told.loudness.reason
    assert told.tempo.reason == "Nothing is loud enough to be heard"
    assert [(section.start, section.end) for section in told.sections] == [(0.0, 5.0)]


def test_noise_has_neither_tempo_nor_key(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).standard_normal(RATE * 12).astype(np.float32) * 0.1

    told = listen(write_wav(tmp_path / "noise.wav", noise))

    assert (told.tempo.bpm, told.tempo.reason) == (None, "Nothing recurs in the sound")
    assert (told.key.name, told.genre.name) == ("unknown", "unknown")
    assert told.loudness.integrated_lufs is not None


def test_speech_has_no_tempo() -> None:
    told = listen(media_samples.speech_wav())

    assert (told.tempo.bpm, told.meter.beats_per_bar, told.genre.name) == (None, 0, "unknown")
    assert told.key.confidence < 0.5


def test_three_seconds_are_analysed(tmp_path: Path) -> None:
    told = listen(write_wav(tmp_path / "short.wav", play(score_of("pop"))[: 3 * RATE]))

    assert told.duration_s == pytest.approx(3, abs=0.01)
    assert [(section.start, section.end) for section in told.sections] == [(0.0, told.duration_s)]
    assert told.tempo.bpm is None or told.tempo.bpm == pytest.approx(112, rel=0.05)


@pytest.mark.parametrize(
    ("duration_s", "code"), [(0.4, "music.too_short"), (31.0, "media.too_long")], ids=["short", "long"]
)
def test_lengths_outside_the_limits_are_refused(tmp_path: Path, duration_s: float, code: str) -> None:
    path = media_samples.make_tone(tmp_path / "tone.wav", duration_s=duration_s)

    with pytest.raises(PermanentError) as caught:
        listen(path, longest_s=29)

    assert caught.value.code == code


def test_what_has_no_sound_is_refused(tmp_path: Path) -> None:
    path = media_samples.make_video(tmp_path / "mute.mp4", duration_s=1.0, audio=None)

    with pytest.raises(PermanentError) as caught:
        listen(path)

    assert caught.value.code == "music.no_sound"


def test_a_broken_picture_in_the_tag_does_not_matter(tmp_path: Path) -> None:
    plain = tmp_path / "plain.mp3"
    with av.open(str(plain), "w") as output:
        stream = output.add_stream("libmp3lame", rate=RATE, layout="mono")
        samples = (play(score_of("pop"))[: RATE * 12] * 30000).astype(np.int16)
        for start in range(0, len(samples) - 1152, 1152):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1152], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    picture = b"\x00image/png\x00\x03\x00" + b"\x89PNG broken" * 40
    body = b"APIC" + len(picture).to_bytes(4, "big") + b"\x00\x00" + picture
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    broken = tmp_path / "broken.mp3"
    audio = plain.read_bytes()
    skipped = audio[audio.index(b"\xff\xfb") :]
    broken.write_bytes(b"ID3\x03\x00\x00" + size + body + skipped)

    assert listen(broken).tempo.bpm == pytest.approx(112, rel=0.01)


def test_madmom_agrees_where_its_licence_is_accepted(pop: Path) -> None:
    pytest.importorskip("madmom", reason="madmom is an extra: requirements/madmom.in")

    told = listen(pop, engine="madmom")

    assert (told.engine, told.tempo.bpm) == ("madmom", pytest.approx(112, rel=0.005))
    assert f_measure(score_of("pop").truth.downbeats, told.downbeats) > 0.97
    assert told.key.name == "G major"


def test_the_step_returns_the_analysis_and_stores_the_waveform(pop: Path, tmp_path: Path, services: Any) -> None:
    storage = MemoryStorage()
    storage.put_file("uploads/x/source", pop, content_type="audio/wav")
    order = SongOrder("uploads/x/source", pop.stat().st_size)
    claim = Claim(True, job_id="j", step_id="s", input=order.to_json(), output_prefix="jobs/j/analyze/1/")
    settings = read_worker_settings({**services.environ, **TEST_SETTINGS})
    context = StepContext(claim, tmp_path, storage, settings)

    told = SongHeard.from_json(ops.analyze(context))

    assert told.analysis.tempo.bpm == pytest.approx(112, rel=0.002)
    assert told.waveform_key == "jobs/j/analyze/1/waveform.json"
    outline = json.loads(storage.get_bytes(told.waveform_key))
    assert (outline["version"], len(outline["data"])) == (2, 2 * outline["length"])
    assert outline["length"] == pytest.approx(told.analysis.duration_s * 22050 / 256, abs=2)
    _, progress = context.tracker.latest()
    assert progress is not None and (progress.stage, progress.fraction) == ("upload", pytest.approx(1.0))
