"""Writing a sound file from another: one form in, any form out, through filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import av.filter
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter.context import FilterContext

from tasks.errors import PermanentError
from tasks.media.apart import Budget, Errand, call
from tasks.media.audio import SOUND_S_PER_CPU_S
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

_MOST_BYTES = 4 << 30
Filter = tuple[str, str]
Tick = Callable[[float], None]


@dataclass(frozen=True)
class SoundForm:
    """What a file is written as. ``sample_format`` is FFmpeg's name, ``bit_rate`` 0 where the codec has none."""

    suffix: str
    container: str
    codec: str
    sample_format: str
    content_type: str
    rate: int = 48_000
    bit_rate: int = 0


WAV_24 = SoundForm(".wav", "wav", "pcm_s24le", "s32", "audio/wav")
MP3_320 = SoundForm(".mp3", "mp3", "libmp3lame", "s16p", "audio/mpeg", bit_rate=320_000)


def write_sound(
    source: Path,
    target: Path,
    form: SoundForm,
    *,
    filters: Sequence[Filter] = (),
    limits: MediaLimits | None = None,
    tick: Tick | None = None,
) -> float:
    """Write the first sound track of a file anew, in stereo, and return its length in seconds.

    Damaged packets are left out, and so are frames after a change of form. :param tick: hears the seconds done.
    Raises ``media.*`` for what cannot be read and ``media.no_audio`` for what has no sound.
    """
    if limits is not None and limits.walls:
        asked = {"form": asdict(form), "filters": [list(one) for one in filters]}
        budget = Budget(cpu_s=60 + round(limits.max_duration_s / SOUND_S_PER_CPU_S), file_bytes=_MOST_BYTES)
        errand = Errand("tasks.media.sound_file:write_apart", source, limits, asked, target=target, budget=budget)
        return float(call(errand, None if tick is None else lambda done, _: tick(done)))
    with open_media(source, limits) as container, av.open(str(target), "w", format=form.container) as out:
        if not container.streams.audio:
            raise PermanentError("media.no_audio", "The file has no sound")
        writer = _Writer(out, form, filters)
        stream = container.streams.audio[0]
        for packet in packets_of(container, stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                writer.take(frame)
                if tick is not None:
                    tick(writer.length_s)
        writer.finish()
    if not writer.length_s:
        raise PermanentError("media.damaged", "The sound cannot be decoded")
    return writer.length_s


def write_apart(path: Path, target: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> float:
    """Write a sound; return its length."""
    form, filters = SoundForm(**arguments["form"]), [(name, value) for name, value in arguments["filters"]]
    return write_sound(
        path, target, form, filters=filters, limits=limits, tick=lambda done_s: teller.progress(done_s, 0.0)
    )


class _Writer:
    """Frames in, packets out."""

    def __init__(self, out: OutputContainer, form: SoundForm, filters: Sequence[Filter]) -> None:
        self._out, self._form, self._filters = out, form, filters
        stream = out.add_stream(form.codec, rate=form.rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.codec_context.format = form.sample_format
        if form.bit_rate:
            stream.bit_rate = form.bit_rate
        self._stream = stream
        self._graph: av.filter.Graph | None = None
        self._came: tuple[object, ...] = ()
        self._samples = 0

    @property
    def length_s(self) -> float:
        """Seconds written so far."""
        return self._samples / self._form.rate

    def take(self, frame: AudioFrame) -> None:
        """Write one more frame."""
        came = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None:
            self._graph, self._came = self._open(frame), came
        if came != self._came:
            return
        frame.pts = None
        with suppress(av.error.EOFError):  # a filter that cuts has had enough
            self._graph.push(frame)
        self._drain()

    def finish(self) -> None:
        """Write what filters and encoder still hold."""
        if self._graph is not None:
            with suppress(av.error.EOFError):
                self._graph.push(None)
            self._drain()
        self._out.mux(self._stream.encode(None))

    def _drain(self) -> None:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, AudioFrame)
            frame.pts = self._samples
            self._samples += frame.samples
            self._out.mux(self._stream.encode(frame))

    def _open(self, frame: AudioFrame) -> av.filter.Graph:
        graph, form = av.filter.Graph(), self._form
        layout = frame.layout.name
        placed = f"channels={frame.layout.nb_channels}" if layout.endswith(" channels") else f"channel_layout={layout}"
        given = f"sample_rate={frame.sample_rate}:sample_fmt={frame.format.name}:{placed}:time_base=1/{form.rate}"
        even = f"sample_fmts={form.sample_format}:sample_rates={form.rate}:channel_layouts=stereo"
        named: list[Filter] = [("abuffer", given), *self._filters, ("aformat", even), ("abuffersink", "")]
        steps: list[FilterContext] = [graph.add(name, arguments or None) for name, arguments in named]
        for first, second in pairwise(steps):
            first.link_to(second)
        graph.configure()
        return graph
