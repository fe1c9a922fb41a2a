"""Pictures of the pieces of a long video: read again, numbered on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from render_node.encode.pictures import INDEX, PictureWriter
from render_node.encode.settings import EncoderChoice


class PictureJoiner(PictureWriter):
    """Writes pictures that are encoded already as one sequence."""

    def __init__(self, path: Path, choice: EncoderChoice, rate: Fraction) -> None:
        super().__init__(path, choice)
        self._rate = rate

    def write_picture(self, picture: bytes, t: Fraction) -> None:
        """Store one PNG that is shown at ``t`` seconds."""
        self._times.append(str(t))
        self.frames += 1
        self._store([av.Packet(picture)])


def count_pictures(path: Path) -> int:
    """Return how many pictures a zip of :class:`PictureWriter` holds."""
    with zipfile.ZipFile(path) as archive:
        return len(archive.namelist()) - 1


def pictures_in(path: Path) -> Iterator[bytes]:
    """Yield the PNGs of a zip of :class:`PictureWriter` in order."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name != INDEX:
                yield archive.read(name)


def read_picture(picture: bytes) -> av.VideoFrame:
    """Return a PNG as the frame that it was made from, to the bit."""
    decoder = av.CodecContext.create("png", "r")
    assert isinstance(decoder, VideoCodecContext)
    [frame] = [*decoder.decode(av.Packet(picture)), *decoder.decode(None)]
    return frame
