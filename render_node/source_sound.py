"""Sound on its way to the outputs: the source's packets as they are or decoded once, or a mix made for some of them."""

from __future__ import annotations

from typing import Any, cast

import av
import av.error

from render_node.footage import Footage
from render_node.lanes import Outlet
from render_node.sound import RATE, SoundPlan, iter_sound

AHEAD_S = 0.5
"""How far sound is written ahead of the picture, so that players find both in one place."""


class SourceSound:
    """Hands the packets of a file's sound to the outputs that want them, once these have begun."""

    def __init__(self, footage: Footage) -> None:
        streams = footage.container.streams.audio
        self._stream = streams[0] if streams else None
        self._zero = footage.zero
        self._waiting: list[av.Packet[Any]] = []
        self._outlets: list[Outlet] = []

    def declare(self, outlet: Outlet) -> None:
        """Add the sound to an output that keeps it."""
        if self._stream is not None:
            outlet.writer.copy_audio(self._stream, zero=self._zero)
            self._outlets.append(outlet)

    def take(self, packet: av.Packet[Any], *, is_open: bool) -> None:
        """Write a packet, or hold it until all outputs have begun."""
        self._waiting.append(packet)
        if is_open:
            self.release()

    def release(self) -> None:
        """Write what was held."""
        for packet in self._waiting:
            self._write(packet)
        self._waiting.clear()

    def _write(self, packet: av.Packet[Any]) -> None:
        encoding = [each.writer for each in self._outlets if each.writer.audio_mode not in ("none", "copy")]
        if encoding:
            for frame in self._decode(packet):
                for writer in encoding:
                    writer.write_sound(frame)
        for outlet in self._outlets:
            if outlet.writer.audio_mode == "copy":
                outlet.writer.write_audio(packet)

    def _decode(self, packet: av.Packet[Any]) -> list[av.AudioFrame]:
        try:
            frames = cast("list[av.AudioFrame]", packet.decode())
        except av.error.InvalidDataError:
            return []  # the gap shows in the times of the frames around it
        for frame in frames:
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(self._zero / frame.time_base)
        return frames


class MadeSound:
    """Writes one mix to the outputs that ordered it, in step with the picture."""

    def __init__(self, plan: SoundPlan) -> None:
        self._frames = iter_sound(plan)
        self._outlets: list[Outlet] = []
        self._reached_s = 0.0

    def declare(self, outlet: Outlet) -> None:
        """Add the mix to an output."""
        outlet.writer.make_audio()
        self._outlets.append(outlet)

    def write(self, until_s: float) -> None:
        """Write the mix up to a little after a time of the picture."""
        while self._reached_s < until_s + AHEAD_S:
            frame = next(self._frames, None)
            if frame is None:
                self._reached_s = float("inf")
                return
            assert frame.pts is not None and frame.time_base is not None
            self._reached_s = float(frame.pts * frame.time_base) + frame.samples / RATE
            for outlet in self._outlets:
                outlet.writer.write_sound(frame)
