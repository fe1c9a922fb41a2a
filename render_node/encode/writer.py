"""Writing the result: encoded video, the original audio packets, one mp4 that starts playing at once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from render_node.encode.settings import EncoderChoice

COPYABLE_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "alac"})
"""Audio codecs that players expect in an mp4; others are encoded to AAC."""
AAC_BIT_RATE = 192_000


class Writer:
    """One output file; use as a context manager and call :meth:`finish` once everything was written."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._resampler: av.AudioResampler | None = None
        self._audio_zero: int | None = None
        self.audio_mode = "none"
        self.frames = 0
        self.audio_end_s = 0.0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._container.close()

    def add_video(self, choice: EncoderChoice, first: av.VideoFrame, *, rate: Fraction, time_base: Fraction) -> None:
        """Declare the video by its first frame, whose colour tags it keeps."""
        stream = self._container.add_stream(choice.name, rate=rate, options=dict(choice.options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
        context = stream.codec_context
        context.time_base = time_base
        context.color_range, context.colorspace = first.color_range, first.colorspace
        context.color_primaries, context.color_trc = first.color_primaries, first.color_trc
        self._video = stream

    def add_audio(self, source: AudioStream) -> None:
        """Declare the audio: the packets as they are where mp4 can hold them, else AAC."""
        if source.codec_context.name in COPYABLE_AUDIO:
            self._audio = self._container.add_stream_from_template(source)
            self.audio_mode = "copy"
            return
        layout = "mono" if source.channels == 1 else "stereo"
        rate = source.rate if source.rate in (44100, 48000) else 48000
        self._audio = self._container.add_stream("aac", rate=rate, layout=layout)
        self._audio.bit_rate = AAC_BIT_RATE
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
        self.audio_mode = "aac"

    def write_frame(self, frame: av.VideoFrame) -> None:
        """Encode one frame."""
        assert self._video is not None
        frame.pict_type = av.video.frame.PictureType.NONE
        self._container.mux(self._video.encode(frame))
        self.frames += 1

    def write_audio(self, packet: av.Packet[AudioStream]) -> None:
        """Write one packet of the source's audio."""
        assert self._audio is not None
        if packet.pts is not None and packet.time_base is not None:
            self.audio_end_s = max(self.audio_end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if self._resampler is None:
            if packet.dts is not None:
                packet.stream = self._audio
                self._container.mux(packet)
            return
        for frame in packet.decode():
            self._encode_audio(frame)

    def _encode_audio(self, frame: av.AudioFrame | None) -> None:
        assert self._audio is not None and self._resampler is not None
        for piece in self._resampler.resample(frame):
            self._container.mux(self._audio.encode(piece))

    def finish(self) -> None:
        """Flush the encoders and write the index."""
        if self._video is not None:
            self._container.mux(self._video.encode(None))
        if self._resampler is not None and self._audio is not None:
            self._encode_audio(None)
            self._container.mux(self._audio.encode(None))
        self._container.close()
