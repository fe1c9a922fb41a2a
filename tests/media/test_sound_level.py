"""Sounds brought to one loudness; what is told of them is what an independent meter measures in the file."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest

from tasks.errors import PermanentError
from tasks.media.sound_file import MP3_320, WAV_24, SoundForm, write_sound
from tasks.sounds.level import Level, level_sound
from tests import media_samples, noises

LEVEL = Level(target_lufs=-16.0, ceiling_dbtp=-1.0)


def write_wav(path: Path, sound: np.ndarray, rate: int = noises.RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[np.ndarray, int, str]:
    """Return samples (n, channels) in -1..1, the rate and the codec; Python's own module cannot read 24 bits."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        pieces = [frame.to_ndarray().reshape(-1, stream.channels) for frame in container.decode(stream)]
        return np.concatenate(pieces) / 2.0**31, stream.rate, stream.codec_context.name


@pytest.mark.parametrize(("name", "loudness"), [("music", 1.0), ("music", 0.02), ("hiss", 0.5)])
def test_sound_comes_out_at_the_target_by_another_meter(tmp_path: Path, name: str, loudness: float) -> None:
    source = write_wav(tmp_path / "in.wav", getattr(noises, name)(4) * loudness)
    told = level_sound(source, tmp_path / "out.wav", WAV_24, level=LEVEL)
    samples, rate, codec = read_wav(tmp_path / "out.wav")
    assert (rate, codec, samples.shape[1]) == (48_000, "pcm_s24le", 2)
    assert pyloudnorm.Meter(rate).integrated_loudness(samples) == pytest.approx(-16.0, abs=0.3)
    assert told.after.integrated_lufs == pytest.approx(-16.0, abs=0.2)
    assert len(samples) / rate == pytest.approx(4, abs=0.01)


def test_peaks_stay_under_the_ceiling_and_the_loudness_is_kept_by_more_gain(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", noises.applause(3) * 0.3)
    told = level_sound(source, tmp_path / "out.wav", WAV_24, level=Level(-16.0, -3.0))
    samples, _, _ = read_wav(tmp_path / "out.wav")
    assert told.limited
    assert np.abs(samples).max() <= 10 ** (-3 / 20)
    assert told.after.true_peak_dbtp is not None and told.after.true_peak_dbtp <= -3.0
    assert told.after.integrated_lufs == pytest.approx(-16.0, abs=0.3)


def test_what_cannot_be_brought_there_says_why(tmp_path: Path) -> None:
    faint = level_sound(
        write_wav(tmp_path / "faint.wav", noises.hiss(2, level=0.0004)), tmp_path / "a.wav", WAV_24, level=LEVEL
    )
    assert (faint.gain_db, faint.reason.split(" dB")[0]) == (40.0, "It is so quiet that 40")
    silent = level_sound(write_wav(tmp_path / "silent.wav", np.zeros(32000)), tmp_path / "b.wav", WAV_24, level=LEVEL)
    assert (silent.gain_db, silent.reason) == (0.0, "Nothing is loud enough to be measured")
    short = level_sound(write_wav(tmp_path / "s.wav", noises.music(0.2)), tmp_path / "c.wav", WAV_24, level=LEVEL)
    assert short.reason == "The sound is shorter than 0.4 seconds"


@pytest.mark.parametrize(("form", "codec", "rate"), [(WAV_24, "pcm_s24le", 0), (MP3_320, "mp3", 320_000)])
def test_file_is_written_in_the_form_asked_for(tmp_path: Path, form: SoundForm, codec: str, rate: int) -> None:
    target = tmp_path / f"out{form.suffix}"
    source = write_wav(tmp_path / "in.wav", noises.music(2))
    assert write_sound(source, target, form) == pytest.approx(2, abs=0.01)
    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.codec.canonical_name, stream.rate, stream.channels) == (codec, 48_000, 2)
        assert not rate or stream.bit_rate == rate


def test_file_without_sound_is_refused(tmp_path: Path) -> None:
    silent = media_samples.make_video(tmp_path / "v.mp4", duration_s=0.5, audio=None)
    with pytest.raises(PermanentError, match="no sound") as caught:
        write_sound(silent, tmp_path / "out.wav", WAV_24)
    assert caught.value.code == "media.no_audio"
