"""Sound is decoded in step with the media's clock, in bounded pieces, whatever is wrong with it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.errors import PermanentError
from tasks.media import MediaLimits
from tasks.media.audio import SPEECH_RATE, decode_speech_audio, iter_speech_audio
from tests import media_samples as samples


def test_a_tone_keeps_its_pitch_level_and_length(tmp_path: Path) -> None:
    path = samples.make_tone(tmp_path / "tone.wav", duration_s=2.0, rate=44100, channels=2, hertz=1000)

    audio = decode_speech_audio(path)

    spectrum = np.abs(np.fft.rfft(audio[:SPEECH_RATE]))
    assert len(audio) == pytest.approx(2 * SPEECH_RATE, abs=20)
    assert int(np.argmax(spectrum)) == 1000
    assert float(np.abs(audio).max()) == pytest.approx(8000 / 32768, abs=0.02)


def write_bursts(path: Path, starts_ms: list[int], *, offset_ms: int = 0, picture: bool = False) -> Path:
    """Write 100 ms bursts of noise at the given times, nothing between them; the sound begins at ``offset_ms``."""
    noise = (np.random.default_rng(3).standard_normal(4800) * 6000).astype(np.int16)
    with av.open(str(path), "w") as output:
        video = output.add_stream("mpeg4", rate=25) if picture else None
        sound = output.add_stream("pcm_s16le", rate=48000, layout="mono")
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            for number in range(50):
                frame = av.VideoFrame(64, 64, "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
        for start in starts_ms:
            burst = av.AudioFrame.from_ndarray(noise.reshape(1, -1), format="s16", layout="mono")
            burst.sample_rate, burst.pts, burst.time_base = 48000, (start + offset_ms) * 48, Fraction(1, 48000)
            output.mux(sound.encode(burst))
        output.mux(sound.encode(None))
    return path


def onsets_ms(audio: np.ndarray) -> list[int]:
    loud = np.abs(audio).reshape(-1) > 0.02
    frames = loud[: len(loud) // 160 * 160].reshape(-1, 160).any(axis=1)
    return [int(i) * 10 for i in np.flatnonzero(frames[1:] & ~frames[:-1]) + 1] if len(frames) else []


def test_pauses_between_packets_become_silence_of_the_same_length(tmp_path: Path) -> None:
    path = write_bursts(tmp_path / "gaps.mkv", [0, 500, 1700])

    audio = decode_speech_audio(path)

    assert onsets_ms(audio) == pytest.approx([500, 1700], abs=20)
    assert len(audio) == pytest.approx(1.8 * SPEECH_RATE, abs=200)


def test_sound_that_begins_after_the_picture_is_preceded_by_silence(tmp_path: Path) -> None:
    path = write_bursts(tmp_path / "late.mkv", [0, 400], offset_ms=600, picture=True)

    assert onsets_ms(decode_speech_audio(path)) == pytest.approx([600, 1000], abs=20)


def test_pieces_are_short_so_that_memory_does_not_grow(tmp_path: Path) -> None:
    path = write_bursts(tmp_path / "gaps.mkv", [0, 60_000])

    pieces = [len(piece) for piece in iter_speech_audio(path)]

    assert max(pieces) <= 5 * SPEECH_RATE
    assert sum(pieces) == pytest.approx(60.1 * SPEECH_RATE, abs=200)


def test_no_more_than_the_limit_is_decoded(tmp_path: Path) -> None:
    path = write_bursts(tmp_path / "gaps.mkv", [0, 60_000])

    audio = decode_speech_audio(path, MediaLimits(max_duration_s=10))

    assert len(audio) == 10 * SPEECH_RATE


def test_video_without_sound_gives_nothing(tmp_path: Path) -> None:
    assert len(decode_speech_audio(samples.make_video(tmp_path / "silent.mp4", audio=None))) == 0


def test_sound_that_cannot_be_decoded_is_damaged(tmp_path: Path) -> None:
    path = samples.make_video(tmp_path / "clip.mp4", duration_s=1.0)
    data = bytearray(path.read_bytes())
    begin = data.find(b"mdat") + 4
    data[begin:] = np.random.default_rng(1).bytes(len(data) - begin)
    path.write_bytes(data)

    try:
        audio = decode_speech_audio(path)
    except PermanentError as error:
        assert error.code == "media.damaged"
    else:
        assert np.isfinite(audio).all()
        assert len(audio) <= 1.2 * SPEECH_RATE
