"""Generated clips and real speech for tests; nothing binary lies in the repository.

``make_video`` draws a test card: a moving bar, so that every frame differs, and the frame number as 16 black or white
squares along the bottom (most significant first), which :func:`read_frame_number` reads back from a decoded picture.
"""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cli.clips import ClipFormat, write_clip
from cli.samples import CONVERSATION, TWO_CITIES, cut_at_pause, get_sample
from tasks.errors import TransientError
from tests.conftest import require

TWO_CITIES_TEXT = TWO_CITIES.words
NUMBER_BITS = 16


def speech_wav() -> Path:
    """Return 44 s of one voice reading :data:`TWO_CITIES_TEXT` (48 kHz mono)."""
    return _sample_or_skip(TWO_CITIES)


def conversation_wav() -> Path:
    """Return 30 s of two people talking (16 kHz mono)."""
    return _sample_or_skip(CONVERSATION)


def short_speech_wav(path: Path, *, after_s: float = 3.5, before_s: float = 5.5) -> float:
    """Write the first sentences of :func:`speech_wav`, cut in a pause, to ``path``; return the length in seconds.

    By default it says "It was the best of times, it was the worst of times".
    """
    return cut_at_pause(speech_wav(), path, after_s=after_s, before_s=before_s)


def make_tone(path: Path, *, duration_s: float, rate: int = 48000, channels: int = 1, hertz: float = 440.0) -> Path:
    """Write a sine wave as WAV; ``hertz=0`` is silence."""
    times = np.arange(int(duration_s * rate)) / rate
    samples = (np.sin(2 * np.pi * hertz * times) * 8000).astype(np.int16)
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(np.repeat(samples, channels).tobytes())
    return path


def make_video(
    path: Path,
    *,
    width: int = 320,
    height: int = 568,
    fps: float | Fraction = 30,
    duration_s: float = 2.0,
    audio: Path | Literal["tone", "silence"] | None = "tone",
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    draw: Callable[[int, float], np.ndarray[Any, Any]] | None = None,
) -> Path:
    """Write a clip (the container follows the name) and return its path.

    :param audio: a WAV to take the sound from (cut to the clip's length), ``"tone"``, ``"silence"`` or None.
    :param draw: (frame number, seconds) -> RGB array; the test card by default.
    """
    coding = options if options is not None else {"preset": "ultrafast", "crf": "23"}
    clip = ClipFormat(width, height, Fraction(fps).limit_denominator(100_000), duration_s, codec, tuple(coding.items()))
    wav: Path | None = None
    if isinstance(audio, str):
        wav = make_tone(path.with_suffix(".sound.wav"), duration_s=duration_s, hertz=440 if audio == "tone" else 0)
    elif audio is not None:
        wav = audio
    write_clip(path, draw or test_card(width, height), clip, wav=wav)
    if isinstance(audio, str) and wav is not None:
        wav.unlink()
    return path


def test_card(width: int, height: int) -> Callable[[int, float], np.ndarray[Any, Any]]:
    """Return a drawer of the test card in the clip's own size."""
    base = np.empty((height, width, 3), dtype=np.uint8)
    base[..., 0] = np.linspace(40, 120, width, dtype=np.uint8)[None, :]
    base[..., 1] = np.linspace(60, 140, height, dtype=np.uint8)[:, None]
    base[..., 2] = 110

    def draw(number: int, _time_s: float) -> np.ndarray[Any, Any]:
        picture = base.copy()
        left = number * 4 % width
        picture[:, left : left + width // 20] = (200, 180, 60)
        for bit, box in enumerate(_number_boxes(width, height)):
            picture[box] = 235 if number >> (NUMBER_BITS - 1 - bit) & 1 else 16
        return picture

    return draw


test_card.__test__ = False  # type: ignore[attr-defined]  # its name is not that of a test


def read_frame_number(picture: np.ndarray[Any, Any]) -> int:
    """Return the number that the test card carries; ``picture`` is an RGB or gray array in the clip's size."""
    height, width = picture.shape[:2]
    bits = ["1" if picture[box].mean() > 125 else "0" for box in _number_boxes(width, height)]
    return int("".join(bits), 2)


def make_not_video(path: Path) -> Path:
    """Write a text file under a video's name."""
    path.write_bytes(b"This is a letter, not a video.\n" * 200)
    return path


def make_playlist(path: Path, target: str = "file:///etc/hostname") -> Path:
    """Write an HLS playlist, which would make a careless decoder read ``target``, under a video's name."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10.0,\n{target}\n#EXT-X-ENDLIST\n")
    return path


def make_truncated(path: Path, *, keep: float = 0.5) -> Path:
    """Write an mp4 whose end is missing; its index, which comes first, still claims the whole length."""
    make_video(path, duration_s=3.0)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def _number_boxes(width: int, height: int) -> list[tuple[slice, slice]]:
    side = width // (NUMBER_BITS + 2)
    top = height - 2 * side
    return [(slice(top, top + side), slice((bit + 1) * side, (bit + 2) * side)) for bit in range(NUMBER_BITS)]


def _sample_or_skip(sample: Any) -> Path:
    try:
        return get_sample(sample)
    except TransientError as error:
        require(False, f"sample of real speech ({error})")
        raise
