"""Checks of a rendered video against its source, made on the decoded files."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import PermanentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANGED_LEAST = 4.0
"""Mean change (0..255) in the middle of a picture that a caption makes at least; coding alone stays well below 2."""
UNCHANGED_MOST = 2.5
WORDS_LEAST = 0.8


@dataclass(frozen=True)
class Measured:
    """What decoding a whole file counted; ends are seconds from the start of the pictures."""

    width: int
    height: int
    fps: Fraction
    frame_count: int
    video_end_s: float
    audio_end_s: float | None


def measure(path: Path) -> Measured:
    """Decode every frame and packet of a file and count."""
    import av

    with av.open(str(path)) as file:
        video = file.streams.video[0]
        audio = file.streams.audio[0] if file.streams.audio else None
        frames, video_end, audio_end = 0, Fraction(0), Fraction(0)
        for packet in file.demux([stream for stream in (video, audio) if stream]):
            if packet.stream is video:
                frames += len(packet.decode())
            if packet.pts is None or packet.time_base is None:
                continue
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            if packet.stream is video:
                video_end = max(video_end, end)
            else:
                audio_end = max(audio_end, end)
        rate = video.average_rate or Fraction(0)
        return Measured(
            video.width, video.height, rate, frames, float(video_end), float(audio_end) if audio is not None else None
        )


def check_render(source: Path, result: Path) -> Measured:
    """Raise ``demo.bad_result`` unless the result has the source's pictures and length and its sound ends with them."""
    expected, found = measure(source), measure(result)
    problems = []
    for name in ("width", "height", "fps", "frame_count"):
        if getattr(expected, name) != getattr(found, name):
            problems.append(f"{name} is {getattr(found, name)}, not {getattr(expected, name)}")
    if (expected.audio_end_s is None) != (found.audio_end_s is None):
        problems.append("it has sound where the source has none, or none where the source has some")
    elif found.audio_end_s is not None and expected.audio_end_s is not None:
        frame_s = 1 / float(found.fps)
        apart = abs(found.audio_end_s - found.video_end_s)
        # Sound comes in packets: what the source itself has between the two ends is no fault of the render.
        allowed = max(frame_s, abs(expected.audio_end_s - expected.video_end_s) + 0.001)
        if apart > allowed:
            problems.append(f"sound and pictures end {apart:.3f} s apart (allowed: {allowed:.3f} s)")
    if problems:
        raise PermanentError("demo.bad_result", f"{result.name}: {'; '.join(problems)}")
    return found


def check_captions(source: Path, result: Path, *, quiet_s: float, spoken_s: float) -> None:
    """Raise ``demo.no_captions`` unless pictures differ where a word is spoken and agree where none is."""
    import numpy as np

    before, during = (_picture_at(result, time).astype(np.float32) for time in (quiet_s, spoken_s))
    plain_before, plain_during = (_picture_at(source, time).astype(np.float32) for time in (quiet_s, spoken_s))
    quiet = _block_change(before, plain_before)
    spoken = _block_change(during, plain_during)
    if quiet > UNCHANGED_MOST or spoken < CHANGED_LEAST:
        raise PermanentError(
            "demo.no_captions",
            f"The picture changed by {quiet:.1f} at {quiet_s:.2f} s, where nobody speaks, "
            f"and by {spoken:.1f} at {spoken_s:.2f} s, where somebody does",
        )


def check_words(found: list[str], known_text: str) -> float:
    """Return how many of the words spoken were heard (0..1); raise ``demo.bad_transcript`` when too few were."""
    heard = [_plain(word) for word in found]
    known = [_plain(word) for word in known_text.split()][: len(heard)]
    matching = sum(block.size for block in SequenceMatcher(None, known, heard, autojunk=False).get_matching_blocks())
    share = matching / max(1, len(known))
    if share < WORDS_LEAST:
        raise PermanentError("demo.bad_transcript", f"Only {share:.0%} of the words were heard: {' '.join(found)}")
    return share


def _picture_at(path: Path, time_s: float) -> NDArray[np.uint8]:
    import av

    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            if frame.time is not None and frame.time >= time_s:
                picture: NDArray[np.uint8] = frame.to_ndarray(format="gray").astype("uint8")
                return picture
    raise PermanentError("demo.bad_result", f"{path.name} has no picture at {time_s:.2f} s")


def _block_change(one: NDArray[np.float32], other: NDArray[np.float32], *, rows: int = 24) -> float:
    """Return the mean change of the horizontal band (of ``rows`` in all) that changed most."""
    import numpy as np

    change = np.abs(one - other)
    return max(float(band.mean()) for band in np.array_split(change, rows))


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())
