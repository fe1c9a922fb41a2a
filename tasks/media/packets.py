"""What the packets of a file really hold, whatever its header says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from tasks.errors import PermanentError
from tasks.media.container import media_start, packets_of
from tasks.media.limits import MediaLimits, spell_s

_CHECK_EVERY = 256


@dataclass
class StreamScan:
    """Packets of one stream; times in its ``time_base``."""

    time_base: Fraction
    count: int = 0
    end: int = 0
    times: list[int] = field(default_factory=list)

    @property
    def end_s(self) -> Fraction:
        """End of the last packet in seconds, on the file's own clock."""
        return self.end * self.time_base


@dataclass(frozen=True)
class PacketScan:
    """All packets of a file: the real duration, and each stream's part of it."""

    duration_s: float
    streams: dict[int, StreamScan]


def scan_packets(
    container: InputContainer, limits: MediaLimits, *, video: Stream | None, progress: Callable[[float], None] | None
) -> PacketScan:
    """Read every packet without decoding; raise ``media.too_long`` as soon as they pass the limit.

    :param progress: called with the seconds seen so far.
    """
    zero = media_start(container)
    scans: dict[int, StreamScan] = {}
    latest_s = Fraction(0)
    # Disposition and duration of subtitles and data say nothing about how long the film lasts.
    streams = [stream for stream in container.streams if stream.type in ("audio", "video")]
    for number, packet in enumerate(packets_of(container, *streams)):
        scan = _note(scans, packet, keep_times=packet.stream is video)
        if scan is not None:
            latest_s = max(latest_s, scan.end_s - zero)
        if number % _CHECK_EVERY == 0:
            _check_length(latest_s, limits)
            if progress is not None:
                progress(float(latest_s))
    _check_length(latest_s, limits)
    return PacketScan(float(latest_s), scans)


def _note(scans: dict[int, StreamScan], packet: Packet[Stream], *, keep_times: bool) -> StreamScan | None:
    time = packet.pts if packet.pts is not None else packet.dts
    if time is None or packet.size == 0 or packet.time_base is None:
        return None
    scan = scans.setdefault(packet.stream.index, StreamScan(packet.time_base))
    scan.count += 1
    scan.end = max(scan.end, time + (packet.duration or 0))
    if keep_times:
        scan.times.append(time)
    return scan


def _check_length(latest_s: Fraction, limits: MediaLimits) -> None:
    if latest_s > limits.max_duration_s:
        raise PermanentError("media.too_long", f"The file lasts longer than {spell_s(limits.max_duration_s)}")


def is_variable_rate(scan: StreamScan) -> bool:
    """Tell whether frames come at uneven times: over 1 % of the gaps differ from the usual one by more than a fifth."""
    if len(scan.times) < 3:
        return False
    gaps = np.diff(np.sort(np.asarray(scan.times, dtype=np.float64)))
    usual = float(np.median(gaps))
    uneven = np.abs(gaps - usual) > max(2.0, 0.2 * usual)
    return float(np.mean(uneven)) > 0.01


def measured_rate(scan: StreamScan) -> Fraction:
    """Return frames per second from the packets' times; 0 when there are too few."""
    if len(scan.times) < 2:
        return Fraction(0)
    span = (max(scan.times) - min(scan.times)) * scan.time_base
    return Fraction((len(scan.times) - 1) / span).limit_denominator(1001) if span else Fraction(0)
