"""Writing a video file: encoded pictures, the original audio packets or newly made sound, ready to play at once."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import av
import av.error
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from render_node.encode.convert import PixelConverter
from render_node.encode.settings import EncoderChoice, probe_encoder
from tasks.errors import TransientError
from tasks.media.priority import ordinary_priority

PCM = frozenset(f"pcm_{kind}{order}" for kind in ("s16", "s24", "s32", "f32", "f64") for order in ("le", "be"))
COPYABLE_AUDIO = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac", "flac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "eac3", "alac", *PCM}),
    "webm": frozenset({"opus", "vorbis"}),
}
"""Audio codecs, by their own names and not their decoders', that players expect in a container; others are encoded."""
AUDIO_ENCODERS = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
AUDIO_BIT_RATE = 192_000
AUDIO_RATES = {"aac": (44100, 48000), "libopus": (48000,)}
MUXER_OPTIONS = {"mp4": {"movflags": "+faststart"}, "mov": {"movflags": "+faststart"}}
TAGS = {"libx265": "hvc1", "hevc_nvenc": "hvc1"}
"""Apple's players open HEVC under this name only."""


class Writer(Protocol):
    """One output; frames and sound come with times that count from the media's start.

    ``audio_mode`` is ``none``, ``copy`` for packets of the source, else the codec that sound is encoded with.
    """

    frames: int
    audio_mode: str
    audio_end_s: float

    def __enter__(self) -> Writer:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file; one that was not finished is of no use."""

    def open_video(self, first: av.VideoFrame, *, rate: Fraction) -> None:
        """Declare the picture by its first frame, whose size, time base and colour tags it keeps."""

    def copy_audio(self, source: AudioStream, *, zero: Fraction) -> None:
        """Declare the source's sound: packets as they are where the container can hold them, else encoded."""

    def make_audio(self) -> None:
        """Declare sound that will come as frames: 48 kHz stereo."""

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame."""

    def write_audio(self, packet: av.Packet[Any]) -> None:
        """Write one packet of the source's sound as it is."""

    def write_sound(self, frame: av.AudioFrame) -> None:
        """Encode one frame of sound."""

    def finish(self) -> None:
        """Flush the encoders and write the index."""


class FileWriter:
    """Writes mp4, mov, webm and gif; use as a context manager and call :meth:`finish` at the end."""

    def __init__(self, path: Path, container: str, choice: EncoderChoice) -> None:
        self._name, self._choice = container, choice
        self._container = av.open(str(path), "w", format=container, options=MUXER_OPTIONS.get(container, {}))
        self._converter = PixelConverter(choice.pixel_format, choice.siting)
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._resampler: av.AudioResampler | None = None
        self._zero = Fraction(0)
        self.audio_mode = "none"
        self.frames = 0
        self.audio_end_s = 0.0
        self.pictures = hashlib.sha256()

    def __enter__(self) -> FileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._container.close()

    def open_video(self, first: av.VideoFrame, *, rate: Fraction) -> None:
        """Declare the picture by its first frame, whose size, time base and colour tags it keeps."""
        stream = self._container.add_stream(self._choice.name, rate=rate, options=dict(self._choice.options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, self._choice.pixel_format
        context = stream.codec_context
        if self._choice.name in TAGS:
            context.codec_tag = TAGS[self._choice.name]
        if self._choice.pixel_format == "pal8":
            context.time_base = Fraction(1, 100)  # a GIF counts hundredths
        else:
            context.time_base = first.time_base or Fraction(1, 90000)
            colour = self._converter.colour_after(first)
            context.color_range, context.colorspace = 2 if colour.is_full_range else 1, colour.space
            context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        if self._choice.pixel_format == "yuva420p":
            stream.metadata["alpha_mode"] = "1"
        self._video = stream

    def copy_audio(self, source: AudioStream, *, zero: Fraction) -> None:
        """Declare the source's sound: packets as they are where the container can hold them, else encoded."""
        if self._name not in AUDIO_ENCODERS:
            return
        self._zero = zero
        if source.codec_context.codec.canonical_name in COPYABLE_AUDIO[self._name]:
            self._audio = self._container.add_stream_from_template(source)
            self.audio_mode = "copy"
            return
        self._open_audio(source.rate, "mono" if source.channels == 1 else "stereo")

    def make_audio(self) -> None:
        """Declare sound that will come as frames: 48 kHz stereo."""
        if self._name in AUDIO_ENCODERS:
            self._open_audio(48000, "stereo")

    def _open_audio(self, wished_rate: int, layout: str) -> None:
        encoder = AUDIO_ENCODERS[self._name]
        rates = AUDIO_RATES[encoder]
        rate = wished_rate if wished_rate in rates else rates[-1]
        stream = self._container.add_stream(encoder, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = AUDIO_BIT_RATE
        self._audio = stream
        self._resampler = av.AudioResampler(format="flt" if encoder == "libopus" else "fltp", layout=layout, rate=rate)
        self.audio_mode = encoder.removeprefix("lib")

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame; raise TransientError ``node.encoder_lost`` when the card gave up."""
        frame = self._converter(frame)
        frame.pict_type = av.video.frame.PictureType.NONE
        with ordinary_priority() if self.frames == 0 else nullcontext():
            self._mux_pictures(self._encode_picture(frame))
        self.frames += 1

    def _encode_picture(self, frame: av.VideoFrame | None) -> list[av.Packet[Any]]:
        assert self._video is not None
        try:
            return self._video.encode(frame)
        except av.error.FFmpegError as error:
            if not self._choice.is_hardware:
                raise
            probe_encoder.cache_clear()  # the next try looks at the card anew, and says so when it goes without
            raise TransientError("node.encoder_lost", f"{self._choice.name} stopped working: {error}") from error

    def _mux_pictures(self, packets: list[av.Packet[Any]]) -> None:
        for packet in packets:
            self.pictures.update(packet)
            self._container.mux(packet)

    def write_audio(self, packet: av.Packet[Any]) -> None:
        """Write one packet of the source's sound as it is."""
        if self._audio is None or packet.time_base is None or packet.dts is None:
            return
        if packet.pts is not None:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base - self._zero
            self.audio_end_s = max(self.audio_end_s, float(end))
        shift = round(self._zero / packet.time_base)
        pts, dts, stream, time_base = packet.pts, packet.dts, packet.stream, packet.time_base
        packet.pts, packet.dts = (None if pts is None else pts - shift), dts - shift
        packet.stream = self._audio
        self._container.mux(packet)
        # Several outputs take the same packet, and muxing rescales its times.
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, pts, dts, time_base

    def write_sound(self, frame: av.AudioFrame) -> None:
        """Encode one frame of sound."""
        if self._audio is not None:
            assert frame.pts is not None and frame.time_base is not None
            end = frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate)
            self.audio_end_s = max(self.audio_end_s, float(end))
            self._encode(frame)

    def _encode(self, frame: av.AudioFrame | None) -> None:
        assert self._audio is not None and self._resampler is not None
        for piece in self._resampler.resample(frame):
            self._container.mux(self._audio.encode(piece))

    def finish(self) -> None:
        """Flush the encoders and write the index."""
        if self._video is not None:
            self._mux_pictures(self._encode_picture(None))
        if self._resampler is not None and self._audio is not None:
            self._encode(None)
            self._container.mux(self._audio.encode(None))
        self._container.close()
