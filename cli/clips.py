"""Writing generated clips: frames from a function, sound from a WAV, into an mp4 that plays everywhere."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Drawer = Callable[[int, float], Picture]
    """(frame number, seconds) -> RGB picture (height, width, 3) of any size; it is scaled to the clip's."""

_BT709, _LIMITED = 1, 1


@dataclass(frozen=True)
class ClipFormat:
    """Size, rate and coding of a clip."""

    width: int
    height: int
    fps: Fraction
    duration_s: float
    codec: str = "libx264"
    options: tuple[tuple[str, str], ...] = (("preset", "veryfast"), ("crf", "20"))

    @property
    def frame_count(self) -> int:
        """Frames in all."""
        return round(self.duration_s * self.fps)


def write_clip(
    path: Path,
    draw: Drawer,
    clip: ClipFormat,
    *,
    wav: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a clip; sound stops where the pictures do, and starts with them.

    :param progress: called with frames done and frames in all.
    """
    import av

    with av.open(
        str(path), "w", options={"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    ) as output:
        video = _add_video(output, clip)
        sound = _Sound(output, wav, clip.duration_s) if wav else None
        for number in range(clip.frame_count):
            time_s = float(number / clip.fps)
            frame = _to_frame(draw(number, time_s), clip, video.pix_fmt)
            frame.pts = number
            output.mux(video.encode(frame))
            if sound:
                sound.write_until(time_s)
            if progress:
                progress(number + 1, clip.frame_count)
        output.mux(video.encode(None))
        if sound:
            sound.finish()


def _add_video(output: Any, clip: ClipFormat) -> Any:
    stream = output.add_stream(clip.codec, rate=clip.fps, options=dict(clip.options))
    stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / clip.fps
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    return stream


def _to_frame(picture: Picture, clip: ClipFormat, pixel_format: str) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(
        clip.width,
        clip.height,
        pixel_format,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC,
    )


class _Sound:
    """The sound of a clip, written as far as the pictures are."""

    def __init__(self, output: Any, wav: Path, duration_s: float) -> None:
        with wave.open(str(wav)) as reader:
            self._rate, channels = reader.getframerate(), reader.getnchannels()
        layout = "mono" if channels == 1 else "stereo"
        codec = "libopus" if Path(output.name).suffix == ".webm" else "aac"
        self._output = output
        self._stream = output.add_stream(codec, rate=48000 if codec == "libopus" else self._rate, layout=layout)
        self._stream.bit_rate = 128_000
        self._blocks = _wav_blocks(wav, duration_s)
        self._written_s = 0.0

    def write_until(self, time_s: float) -> None:
        while self._written_s <= time_s:
            frame = next(self._blocks, None)
            if frame is None:
                return
            self._written_s += frame.samples / self._rate
            self._output.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.write_until(float("inf"))
        self._output.mux(self._stream.encode(None))


def _wav_blocks(wav: Path, duration_s: float, *, block: int = 4096) -> Iterator[Any]:
    import av
    import numpy as np

    with wave.open(str(wav)) as reader:
        rate, channels = reader.getframerate(), reader.getnchannels()
        left, position = int(duration_s * rate), 0
        while left > 0 and (data := reader.readframes(min(block, left))):
            samples = np.frombuffer(data, dtype=np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono" if channels == 1 else "stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
            position += frame.samples
            left -= frame.samples
            yield frame
