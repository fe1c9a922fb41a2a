"""What probing a media file tells."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message


@dataclass(frozen=True)
class VideoInfo(Message):
    """First video stream. Sizes are coded pixels before rotation; ``rotation`` is 0, 90, 180 or 270 degrees clockwise.

    :param fps_num: average frame rate as a fraction, :param fps_den: its denominator.
    :param sample_aspect_num: width of a coded pixel by its height, as a fraction with ``sample_aspect_den``.
    :param chroma_location: where chroma samples lie (FFmpeg's name, "left"), as stored; empty: the file does not say.
    """

    codec: str
    width: int
    height: int
    fps_num: int
    fps_den: int
    rotation: int = 0
    pixel_format: str = ""
    frame_count: int = 0
    color_space: str = ""
    color_range: str = ""
    color_transfer: str = ""
    bit_rate: int = 0
    variable_frame_rate: bool = False
    sample_aspect_num: int = 1
    sample_aspect_den: int = 1
    chroma_location: str = ""

    @property
    def display_width(self) -> int:
        """Width in pixels as shown, after rotation."""
        return self.height if self.rotation in (90, 270) else self._square_width

    @property
    def display_height(self) -> int:
        """Height in pixels as shown, after rotation."""
        return self._square_width if self.rotation in (90, 270) else self.height

    @property
    def _square_width(self) -> int:
        return round(self.width * self.sample_aspect_num / max(self.sample_aspect_den, 1))


@dataclass(frozen=True)
class AudioInfo(Message):
    """First audio stream."""

    codec: str
    sample_rate: int
    channels: int
    bit_rate: int = 0


@dataclass(frozen=True)
class ImageInfo(Message):
    """A still picture, in pixels; ``clean_sha256`` is of the copy that is drawn."""

    format: str
    width: int
    height: int
    has_alpha: bool = False
    clean_sha256: str = ""


@dataclass(frozen=True)
class MediaInfo(Message):
    """A probed file; at least one of ``video``, ``audio`` and ``image`` is there. A picture lasts 0 s."""

    container: str
    duration_s: float
    size_bytes: int
    sha256: str
    video: VideoInfo | None = None
    audio: AudioInfo | None = None
    image: ImageInfo | None = None
