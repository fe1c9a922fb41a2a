"""Units of H.264 and H.265 in packets, and the parameter sets that lie beside them (ring 2).

Layouts after ISO/IEC 14496-15 (``avcC``, ``hvcC``), ITU-T H.264 and H.265, clause 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

H264_IDR, H264_SPS, H264_PPS = 5, 7, 8
HEVC_IDR, HEVC_CRA, HEVC_BLA_N_LP = (19, 20), 21, 18
HEVC_ENTRIES = (16, 17, 18, *HEVC_IDR, HEVC_CRA)
MOST_SPS_ID = 31


class BoxError(ValueError):
    """A parameter box is not what its standard says."""


@dataclass(frozen=True)
class AvcBox:
    """An ``avcC``: profile, compatibility and level, the width of lengths in bytes, parameter sets, what follows."""

    kind: bytes
    width: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    rest: bytes = b""

    @property
    def profile(self) -> int:
        """``profile_idc``."""
        return self.kind[0]

    @property
    def level(self) -> int:
        """Ten times the level."""
        return self.kind[2]

    @property
    def ids(self) -> set[int]:
        """All numbers that its parameter sets have."""
        return {read_ue(unit[4:]) for unit in self.sps} | {read_ue(unit[1:]) for unit in self.pps}

    def to_bytes(self) -> bytes:
        """Return the box as a file holds it."""
        head = bytes((1, *self.kind, 0xFC | (self.width - 1), 0xE0 | len(self.sps)))
        return head + _sized16(self.sps) + bytes((len(self.pps),)) + _sized16(self.pps) + self.rest

    def with_sets(self, units: list[bytes]) -> AvcBox:
        """Return the box with further parameter sets, whose numbers it has not."""
        more = {kind: tuple(unit for unit in units if unit[0] & 31 == kind) for kind in (H264_SPS, H264_PPS)}
        level = max([self.kind[2], *(unit[3] for unit in more[H264_SPS])])
        kind = self.kind[:2] + bytes((level,))
        return replace(self, kind=kind, sps=self.sps + more[H264_SPS], pps=self.pps + more[H264_PPS])


@dataclass(frozen=True)
class HevcBox:
    """An ``hvcC``: the width of lengths in bytes, and its parameter sets."""

    width: int
    units: tuple[bytes, ...]


def read_avc(data: bytes) -> AvcBox:
    """Read an ``avcC``; raise BoxError for anything else."""
    if len(data) < 7 or data[0] != 1:
        raise BoxError("no avcC")
    try:
        sps, at = _take16(data, 6, data[5] & 31)
        pps, at = _take16(data, at + 1, data[at])
    except IndexError as error:
        raise BoxError("avcC is cut short") from error
    if not sps or not pps:
        raise BoxError("avcC without parameter sets")
    return AvcBox(data[1:4], (data[4] & 3) + 1, tuple(sps), tuple(pps), data[at:])


def read_hevc(data: bytes) -> HevcBox:
    """Read an ``hvcC``; raise BoxError for anything else."""
    if len(data) < 23 or data[0] != 1:
        raise BoxError("no hvcC")
    units: list[bytes] = []
    at = 23
    try:
        for _ in range(data[22]):
            some, at = _take16(data, at + 3, int.from_bytes(data[at + 1 : at + 3], "big"))
            units += some
    except IndexError as error:
        raise BoxError("hvcC is cut short") from error
    if not units:
        raise BoxError("hvcC without parameter sets")
    return HevcBox((data[21] & 3) + 1, tuple(units))


def iter_sized(data: bytes, width: int) -> Iterator[bytes]:
    """Yield the units of a packet whose units follow their lengths; raise BoxError where those do not add up."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + width], "big")
        at += width
        if not size or at + size > len(data):
            raise BoxError("lengths of units do not add up")
        yield data[at : at + size]
        at += size


def join_sized(units: list[bytes], width: int) -> bytes:
    """Return a packet of units behind their lengths."""
    return b"".join(len(unit).to_bytes(width, "big") + unit for unit in units)


def split_start_codes(data: bytes) -> list[bytes]:
    """Return the units of a stream with start codes."""
    return [unit for part in re.split(rb"\x00\x00\x01", data) if (unit := part.rstrip(b"\x00"))]


def h264_kind(unit: bytes) -> int:
    """Return ``nal_unit_type``."""
    return unit[0] & 31


def hevc_kind(unit: bytes) -> int:
    """Return ``nal_unit_type``."""
    return unit[0] >> 1 & 63


def with_hevc_kind(unit: bytes, kind: int) -> bytes:
    """Return the unit as one of another type, whose slices are written alike."""
    return bytes((unit[0] & 0x81 | kind << 1,)) + unit[1:]


def read_ue(data: bytes) -> int:
    """Return the Exp-Golomb number that data begins with (clause 9.1), the emulation bytes taken out."""
    bits = "".join(f"{byte:08b}" for byte in data[:12].replace(b"\x00\x00\x03", b"\x00\x00"))
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1


def _sized16(units: tuple[bytes, ...]) -> bytes:
    return join_sized(list(units), 2)


def _take16(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(data[at : at + 2], "big")
        unit = data[at + 2 : at + 2 + size]
        if not size or len(unit) != size:
            raise IndexError
        units.append(unit)
        at += 2 + size
    return units, at
