"""Numbered PNG pictures in one zip, and a list of their times."""

from __future__ import annotations

import json
import zipfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext

from render_node.encode.convert import PixelConverter
from render_node.encode.settings import EncoderChoice

INDEX = "index.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PictureWriter:
    """Writes ``frame_000001.png`` and so on; the zip does not compress again, and equal pictures give equal bytes."""

    def __init__(self, path: Path, choice: EncoderChoice) -> None:
        self._zip = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._converter = PixelConverter(choice.pixel_format, choice.siting)
        self._format = choice.pixel_format
        self._encoder: VideoCodecContext | None = None
        self._times: list[str] = []
        self._rate = Fraction(0)
        self.frames = 0
        self.audio_mode, self.audio_end_s = "none", 0.0

    def __enter__(self) -> PictureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._zip.close()

    def open_video(self, first: av.VideoFrame, *, rate: Fraction) -> None:
        """Note size and rate."""
        encoder = av.CodecContext.create("png", "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = first.width, first.height, self._format
        encoder.time_base = Fraction(1, 1)
        self._encoder, self._rate = encoder, rate

    def copy_audio(self, source: AudioStream, *, zero: Fraction) -> None:
        """Leave the sound out: pictures have none."""

    def make_audio(self) -> None:
        """Leave the sound out: pictures have none."""

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame and store it."""
        assert self._encoder is not None and frame.pts is not None and frame.time_base is not None
        picture = self._converter(frame)
        self._times.append(str(frame.pts * frame.time_base))
        self.frames += 1
        picture.pts, picture.time_base = self.frames, Fraction(1, 1)
        self._store(self._encoder.encode(picture))

    def write_audio(self, packet: av.Packet[Any]) -> None:
        """Do nothing."""

    def write_sound(self, frame: av.AudioFrame) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Write the list of times: seconds, as fractions."""
        if self._encoder is not None:
            self._store(self._encoder.encode(None))
        index = {"fps": str(self._rate), "frames": self.frames, "times_s": self._times}
        self._zip.writestr(zipfile.ZipInfo(INDEX, _EPOCH), json.dumps(index))
        self._zip.close()

    def _store(self, packets: list[av.Packet[Any]]) -> None:
        for packet in packets:
            name = f"frame_{packet.pts or self.frames:06d}.png"
            self._zip.writestr(zipfile.ZipInfo(name, _EPOCH), bytes(packet))
