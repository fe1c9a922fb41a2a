"""Writing H.264 in MP4: frames of one size and rate, BT.709, and a song beside them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from tasks.errors import InvalidInputError
from tasks.media.container import frames_of, packets_of

_PCM = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le"})
COPIED = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac"}) | _PCM,
}
"""Codecs that each container holds; a song in another is encoded as AAC."""
AUDIO_BIT_RATE = 256_000
PASSING = {"preset": "ultrafast", "crf": "14"}
"""For clips: they are decoded once and thrown away."""
FINAL = {"preset": "veryfast", "crf": "19"}
_BT709, _LIMITED = 1, 1


class Film:
    """One MP4 or QuickTime film; use as a context manager and call :meth:`finish` at the end."""

    def __init__(
        self, path: Path, *, size: tuple[int, int], fps: Fraction, options: dict[str, str], container: str = "mp4"
    ) -> None:
        self._kind = container
        self._container = av.open(str(path), "w", format=container, options={"movflags": "+faststart"})
        stream = self._container.add_stream("libx264", rate=fps, options={"g": str(round(2 * fps)), **options})
        assert isinstance(stream, VideoStream)
        code_like_film(stream.codec_context, size=size, fps=fps)
        self._video = stream
        self._fps = fps
        self._song: _Song | None = None
        self.frames = 0

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._container.close()

    def add_song(self, song: InputContainer, *, zero: Fraction, end_s: Fraction, must_copy: bool = False) -> str:
        """Declare the sound, taken up to ``end_s``; return ``copy`` or the codec that it is encoded with.

        Raises ``clips.cannot_copy`` where it must be kept as it is and the container does not hold it.
        """
        source = song.streams.audio[0]
        codec = source.codec_context.codec.canonical_name
        if must_copy and codec not in COPIED[self._kind]:
            fitting = [kind for kind, codecs in COPIED.items() if codec in codecs]
            detail = f"{self._kind} does not hold {codec} as it is; {' or '.join(fitting) or 'no container here'} does"
            raise InvalidInputError("clips.cannot_copy", detail)
        if codec in COPIED[self._kind]:
            target = self._container.add_stream_from_template(source)
            self._song = _Song(iter_packets(song, source, zero=zero, end_s=end_s), target)
            return "copy"
        rate = source.rate if source.rate in (44100, 48000) else 48000
        layout = "mono" if source.channels == 1 else "stereo"
        target = self._container.add_stream("aac", rate=rate, layout=layout)
        assert isinstance(target, AudioStream)
        target.bit_rate = AUDIO_BIT_RATE
        self._song = _Song(iter_encoded(song, source, target, zero=zero, end_s=end_s), target)
        return "aac"

    def write(self, frame: VideoFrame, *, is_cut: bool = False) -> None:
        """Encode the next frame, and the sound that has come by then; a cut gets a key frame."""
        frame.pts, frame.time_base = self.frames, 1 / self._fps
        frame.pict_type = PictureType.I if is_cut else PictureType.NONE
        self._container.mux(self._video.encode(frame))
        self.frames += 1
        self._pull(float(self.frames / self._fps))

    def _pull(self, until_s: float) -> None:
        if self._song is None:
            return
        for packet in self._song.until(until_s):
            packet.stream = self._song.target
            self._container.mux(packet)

    def finish(self) -> None:
        """Write what is left and the index."""
        self._container.mux(self._video.encode(None))
        self._pull(float("inf"))
        self._container.close()


def code_like_film(context: VideoCodecContext, *, size: tuple[int, int], fps: Fraction) -> None:
    """Tell an encoder what all pictures of a film are."""
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.time_base = 1 / fps
    context.color_range, context.colorspace = _LIMITED, _BT709
    context.color_primaries, context.color_trc = _BT709, _BT709


class _Song:
    """Packets of the sound, handed out as far as the picture has come."""

    def __init__(self, packets: Iterator[av.Packet[AudioStream]], target: AudioStream) -> None:
        self._packets = packets
        self._next = next(packets, None)
        self.target = target

    def until(self, seconds: float) -> Iterator[av.Packet[AudioStream]]:
        while self._next is not None:
            assert self._next.dts is not None and self._next.time_base is not None
            if float(self._next.dts * self._next.time_base) > seconds:
                return
            packet, self._next = self._next, next(self._packets, None)
            yield packet


def iter_packets(
    song: InputContainer, source: AudioStream, *, zero: Fraction, end_s: Fraction
) -> Iterator[av.Packet[AudioStream]]:
    """Yield the song's own packets, its time zero moved to 0, those left out that begin after its end."""
    for packet in packets_of(song, source):
        if packet.pts is None or packet.dts is None or packet.time_base is None:
            continue
        shift = round(zero / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.pts * packet.time_base >= end_s:
            return
        yield packet


def iter_encoded(
    song: InputContainer, source: AudioStream, target: AudioStream, *, zero: Fraction, end_s: Fraction
) -> Iterator[av.Packet[AudioStream]]:
    """Yield the song as AAC, cut at its end."""
    resampler = av.AudioResampler(format="fltp", layout=target.layout, rate=target.rate)
    for frame in frames_of(song, source):
        if frame.pts is not None and frame.time_base is not None:
            at_s = frame.pts * frame.time_base - zero
            if at_s >= end_s:
                break
            frame.pts = round(at_s / frame.time_base)
        for piece in resampler.resample(frame):
            yield from target.encode(piece)
    for piece in resampler.resample(None):
        yield from target.encode(piece)
    yield from target.encode(None)
