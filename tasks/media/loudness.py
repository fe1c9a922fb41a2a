"""Loudness of a file by EBU R 128, measured on its own channels by FFmpeg's meter."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import av.filter
from av.audio.stream import AudioStream
from av.filter.context import FilterContext

from tasks.contracts.music import Loudness
from tasks.errors import PermanentError
from tasks.media.apart import Budget, Errand, call
from tasks.media.audio import SOUND_S_PER_CPU_S
from tasks.media.container import open_media, packets_of
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

GATE_S = 0.4
"""Shorter sounds have no loudness: it is measured in blocks of this length."""
_SILENCE_LUFS = -69.9
_SPREAD_FROM_S = 3.0


def measure_loudness(path: Path, limits: MediaLimits | None = None) -> Loudness:
    """Return the loudness of the first sound track; raise ``media.*`` for what cannot be read or has none."""
    if limits is not None and limits.walls:
        budget = Budget(cpu_s=60 + round(limits.max_duration_s / SOUND_S_PER_CPU_S))
        return Loudness.from_json(call(Errand("tasks.media.loudness:tell_loudness", path, limits, budget=budget)))
    numbers: dict[str, str] = {}
    length_s = 0.0
    with open_media(path, limits) as container:
        if not container.streams.audio:
            raise PermanentError("media.no_audio", "The file has no sound")
        stream = container.streams.audio[0]
        meter = _Meter(stream)
        for packet in packets_of(container, stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                length_s += frame.samples / (frame.sample_rate or 1)
                numbers = meter.push(frame) or numbers
        numbers = meter.finish() or numbers
    return _read(numbers, length_s)


def tell_loudness(
    path: Path, _: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller
) -> dict[str, Any]:
    """Return the loudness as JSON."""
    return measure_loudness(path, limits).to_json()


class _Meter:
    """The filter graph; built anew when frames change their form, since the meter cannot."""

    def __init__(self, stream: AudioStream) -> None:
        self._graph: av.filter.Graph | None = None
        self._form: tuple[object, ...] = ()

    def push(self, frame: av.AudioFrame) -> dict[str, str]:
        """Measure one more frame; return the newest numbers, if there are any."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None:
            self._graph, self._form = self._open(frame), form
        if form != self._form:
            return {}  # a file that changes its form midway is measured up to there
        frame.pts = None
        self._graph.push(frame)
        return self._pull()

    def finish(self) -> dict[str, str]:
        """Return the last numbers."""
        if self._graph is None:
            return {}
        self._graph.push(None)
        return self._pull()

    def _pull(self) -> dict[str, str]:
        assert self._graph is not None
        numbers: dict[str, str] = {}
        while True:
            try:
                numbers = dict(self._graph.pull().metadata)
            except (av.error.BlockingIOError, av.error.EOFError):
                return numbers

    @staticmethod
    def _open(frame: av.AudioFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        layout = f"channel_layout={frame.layout.name}" if frame.layout.name else f"channels={frame.layout.nb_channels}"
        if frame.layout.name.endswith(" channels"):
            layout = f"channels={frame.layout.nb_channels}"
        rate = frame.sample_rate
        given = f"sample_rate={rate}:sample_fmt={frame.format.name}:{layout}:time_base=1/{rate}"
        steps: list[FilterContext] = [
            graph.add("abuffer", given),
            graph.add("ebur128", "peak=true:metadata=1"),
            graph.add("abuffersink"),
        ]
        for first, second in pairwise(steps):
            first.link_to(second)
        graph.configure()
        return graph


def _read(numbers: dict[str, str], length_s: float) -> Loudness:
    integrated = _number(numbers, "I")
    if length_s < GATE_S or integrated is None:
        return Loudness(None, None, None, "The sound is shorter than 0.4 seconds")
    peak = _number(numbers, "true_peak") or 0.0
    peak_dbtp = round(20 * math.log10(peak), 2) if peak > 0 else None
    if integrated <= _SILENCE_LUFS:
        return Loudness(None, None, peak_dbtp, "Nothing is loud enough to be measured")
    spread = _number(numbers, "LRA") if length_s >= _SPREAD_FROM_S else None
    return Loudness(round(integrated, 2), None if spread is None else round(spread, 2), peak_dbtp)


def _number(numbers: dict[str, str], name: str) -> float | None:
    value = float(numbers.get(f"lavfi.r128.{name}", "nan"))
    return value if math.isfinite(value) else None
