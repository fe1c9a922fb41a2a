"""The source's own sound on its way to the outputs: packets as they are, or decoded once for all that encode it."""

from __future__ import annotations

from typing import Any, cast

import av
import av.error

from render_node.footage import Footage
from render_node.lanes import Outlet


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
