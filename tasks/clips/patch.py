"""A film whose clips are mostly those of a film before: their packets are copied, what is new alone is encoded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.codec.context import Flags
from av.video.frame import PictureType, VideoFrame

from tasks.clips.film import FINAL, Film, code_like_film
from tasks.contracts.clips import ClipPlan
from tasks.media.container import open_media
from tasks.media.limits import MediaLimits
from tasks.media.nals import H264_PPS, H264_SPS, BoxError, h264_kind, join_sized, read_avc, split_start_codes
from tasks.media.probe import find_video


class OtherCoderError(Exception):
    """The film before was encoded otherwise than this host would: nothing of it can stand beside new pictures."""


class PatchedFilm(Film):
    """Writes the frames of new clips, and those of others as they are in the film before.

    Every clip begins with a key frame that nothing reaches across, so that packets of one are whole without the others.
    """

    def __init__(self, path: Path, before: Path, *, fps: Fraction, container: str, limits: MediaLimits) -> None:
        """Open the film; raises OtherCoderError, and what opening media does."""
        self._kind, self._fps, self._song, self.frames = container, fps, None, 0
        self._before, self._limits, self.copied_frames = before, limits, 0
        self._encoder: Any = None
        with open_media(before, limits) as file:
            told: Any = find_video(file)
            self._box, self._size = _box_of(told.codec_context.extradata), (told.width, told.height)
            self._check_coder()
            self._container = av.open(str(path), "w", format=container, options={"movflags": "+faststart"})
            stream: Any = self._container.add_stream_from_template(told, opaque=True)
        stream.time_base = 1 / fps
        self._video = stream

    def write(self, frame: VideoFrame, *, is_cut: bool = False) -> None:
        """Encode the next frame of a new clip."""
        if is_cut:
            self.end_clip()
        if self._encoder is None:
            self._encoder = self._open_encoder()
        frame.pts, frame.time_base = self.frames, 1 / self._fps
        frame.pict_type = PictureType.I if is_cut else PictureType.NONE
        self._mux(self._encoder.encode(frame))
        self.frames += 1
        self._pull(float(self.frames / self._fps))

    def end_clip(self) -> None:
        """Write what the encoder still holds: the next clip is none of its."""
        if self._encoder is not None:
            self._mux(self._encoder.encode(None))
            self._encoder = None

    def copy_clip(self, count: int) -> None:
        """Take the next frames from the same places of the film before; raise OtherCoderError if they are not there."""
        self.end_clip()
        first, taken = self.frames, 0
        with closing(self._packets(first, count)) as packets:
            for packet, number in packets:
                self._put(packet, number)
                taken += 1
        if taken != count:
            raise OtherCoderError
        self.frames += count
        self.copied_frames += count
        self._pull(float(self.frames / self._fps))

    def finish(self) -> None:
        """Write what is left and the index."""
        self.end_clip()
        self._pull(float("inf"))
        self._container.close()

    def _packets(self, first: int, count: int) -> Generator[tuple[Any, int], None, None]:
        """Yield the packets of frames, in the order of decoding, each with its frame's number."""
        with open_media(self._before, self._limits) as file:
            stream: Any = find_video(file)
            file.seek(round(first / self._fps / stream.time_base), stream=stream)
            for packet in file.demux(stream):
                if not packet.size or packet.pts is None:
                    continue
                number = round(packet.pts * packet.time_base * self._fps)
                if packet.is_keyframe and number >= first + count:
                    return
                if first <= number < first + count:
                    yield packet, number

    def _put(self, packet: Any, number: int) -> None:
        ahead = round((packet.pts - packet.dts) * packet.time_base * self._fps)
        packet.stream, packet.time_base = self._video, 1 / self._fps
        packet.pts, packet.dts, packet.duration = number, number - ahead, 1
        self._container.mux(packet)

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            made: Any = av.Packet(join_sized(split_start_codes(bytes(packet)), self._box.width))
            made.pts, made.dts, made.time_base, made.duration = packet.pts, packet.dts, packet.time_base, 1
            made.is_keyframe, made.stream = packet.is_keyframe, self._video
            self._container.mux(made)

    def _open_encoder(self) -> Any:
        encoder: Any = av.CodecContext.create("libx264", "w")
        code_like_film(encoder, size=self._size, fps=self._fps)
        encoder.framerate = self._fps
        encoder.options = {"g": str(round(2 * self._fps)), **FINAL}
        encoder.flags |= Flags.global_header
        encoder.open()
        return encoder

    def _check_coder(self) -> None:
        units = split_start_codes(self._open_encoder().extradata or b"")
        ours = [tuple(unit for unit in units if h264_kind(unit) == kind) for kind in (H264_SPS, H264_PPS)]
        if ours != [self._box.sps, self._box.pps]:
            raise OtherCoderError


def _box_of(header: bytes | None) -> Any:
    try:
        return read_avc(header or b"")
    except BoxError as error:
        raise OtherCoderError from error


def find_touched(plan: ClipPlan, changed: frozenset[int], *, transition: str) -> frozenset[int]:
    """Return the clips whose frames in the film change with these: a dissolve shows the clip before."""
    after = {number + 1 for number in changed if transition == "dissolve" and number + 1 < len(plan.clips)}
    return changed | after
