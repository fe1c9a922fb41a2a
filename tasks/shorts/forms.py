"""How pictures of each codec are put behind each other in one track: where one may begin, what a decoder is told.

H.264 gets the parameter sets of both in its header, under different numbers; a key frame of an open group of pictures
becomes an IDR picture, and what follows is numbered anew (:mod:`tasks.media.avc`). H.265 gets them in the stream, at
each seam, and its open groups of pictures begin as broken links (ITU-T H.265, 7.4.2.2). VP9 and AV1 carry theirs in
every key frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tasks.media.avc import allow_gaps, begin, follower, is_open_entry, read_picture_sets, shift_of
from tasks.media.nals import (
    H264_IDR,
    H264_PPS,
    H264_SPS,
    HEVC_BLA_N_LP,
    HEVC_CRA,
    HEVC_ENTRIES,
    MOST_SPS_ID,
    BoxError,
    h264_kind,
    hevc_kind,
    iter_sized,
    join_sized,
    read_avc,
    read_hevc,
    split_start_codes,
    with_hevc_kind,
)

PROFILES = {66: "baseline", 77: "main", 100: "high", 110: "high10", 122: "high422", 244: "high444"}
_SLICES = range(32)
_AV1_SEQUENCE = 1


class Form(Protocol):
    """What a codec needs at seams; ``tag`` is the sample entry in mp4 of a track with frames of two encoders."""

    encoder: str
    options: dict[str, str]
    tag: str

    def is_entry(self, data: bytes) -> bool:
        """Tell whether decoding may begin with a packet that is marked as a key frame; BoxError if it is broken."""

    def is_open(self, data: bytes) -> bool:
        """Tell whether what follows such a packet has to change where decoding really begins with it."""

    def begin(self, data: bytes) -> bytes:
        """Return the first packet of a copied run as it follows frames of another encoder, or is open."""

    def follow(self, first: bytes) -> Callable[[bytes], bytes]:
        """Return what changes the packets after an open one, given one after the other."""

    def adopt(self, data: bytes) -> bytes:
        """Return an encoder's packet as the file holds packets."""

    def header(self, told: bytes, *, is_open: bool) -> bytes:
        """Return the header of a track with frames of both, given the encoder's own if there is any."""


class H264Form:
    """Its ``avcC`` must be there, with a number left for parameter sets of ours."""

    encoder, tag = "libx264", ""

    def __init__(self, header: bytes) -> None:
        self._box = read_avc(header)
        free = next((number for number in range(MOST_SPS_ID + 1) if number not in self._box.ids), None)
        profile = PROFILES.get(self._box.profile)
        if free is None or profile is None or self._box.width < 4:
            raise BoxError("parameter sets that nothing can stand beside")
        self.options = {"preset": "superfast", "crf": "14", "bf": "0", "profile": profile}
        self.options |= {"level": str(self._box.level), "x264-params": f"sps-id={free}"}
        self._pictures = read_picture_sets([*self._box.sps, *self._box.pps])

    def is_entry(self, data: bytes) -> bool:
        units = self._units(data)
        return any(h264_kind(unit) == H264_IDR for unit in units) or is_open_entry(units, self._pictures)

    def is_open(self, data: bytes) -> bool:
        return is_open_entry(self._units(data), self._pictures)

    def begin(self, data: bytes) -> bytes:
        if not self.is_open(data):
            return data
        return join_sized(begin(self._units(data), self._pictures), self._box.width)

    def follow(self, first: bytes) -> Callable[[bytes], bytes]:
        change = follower(shift_of(self._units(first), self._pictures), self._pictures)
        return lambda data: join_sized(change(self._units(data)), self._box.width)

    def adopt(self, data: bytes) -> bytes:
        return join_sized(split_start_codes(data), self._box.width)

    def header(self, told: bytes, *, is_open: bool) -> bytes:
        units = [unit for unit in split_start_codes(told) if h264_kind(unit) in (H264_SPS, H264_PPS)]
        box = replace(self._box, sps=tuple(map(allow_gaps, self._box.sps))) if is_open else self._box
        return box.with_sets(units).to_bytes()

    def _units(self, data: bytes) -> list[bytes]:
        return list(iter_sized(data, self._box.width))


class _Closed:
    """What follows an entry never has to change."""

    def is_open(self, data: bytes) -> bool:
        return False

    def follow(self, first: bytes) -> Callable[[bytes], bytes]:
        return lambda data: data


class HevcForm(_Closed):
    """Its ``hvcC`` must be there."""

    encoder, tag = "libx265", "hev1"

    def __init__(self, header: bytes) -> None:
        self._header, self._box = header, read_hevc(header)
        told = "bframes=0:repeat-headers=1:open-gop=0:log-level=error:info=0"
        self.options = {"preset": "superfast", "crf": "14", "x265-params": told}

    def is_entry(self, data: bytes) -> bool:
        kinds = [kind for unit in self._units(data) if (kind := hevc_kind(unit)) in _SLICES]
        return bool(kinds) and all(kind in HEVC_ENTRIES for kind in kinds)

    def begin(self, data: bytes) -> bytes:
        units = [
            with_hevc_kind(unit, HEVC_BLA_N_LP) if hevc_kind(unit) == HEVC_CRA else unit for unit in self._units(data)
        ]
        return join_sized([*self._box.units, *units], self._box.width)

    def adopt(self, data: bytes) -> bytes:
        return join_sized(split_start_codes(data), self._box.width)

    def header(self, told: bytes, *, is_open: bool) -> bytes:
        return self._header

    def _units(self, data: bytes) -> list[bytes]:
        return list(iter_sized(data, self._box.width))


class PlainForm(_Closed):
    """VP9: key frames say all there is to say."""

    tag = ""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self.encoder = "libvpx-vp9"
        self.options = {"crf": "10", "b": "0", "deadline": "realtime", "cpu-used": "5"}
        self.options |= {"lag-in-frames": "0", "auto-alt-ref": "0", "row-mt": "1"}

    def is_entry(self, data: bytes) -> bool:
        return bool(data)

    def begin(self, data: bytes) -> bytes:
        return data

    def adopt(self, data: bytes) -> bytes:
        return data

    def header(self, told: bytes, *, is_open: bool) -> bytes:
        return self._header


class Av1Form(PlainForm):
    """AV1: every key frame that is copied must bring its sequence header, as the standard of its files asks."""

    def __init__(self, header: bytes) -> None:
        super().__init__(header)
        self.encoder = "libsvtav1"
        self.options = {"preset": "8", "crf": "18", "svtav1-params": "pred-struct=1"}

    def is_entry(self, data: bytes) -> bool:
        return _AV1_SEQUENCE in list_obus(data)


FORMS: dict[str, type[H264Form] | type[HevcForm] | type[PlainForm]] = {
    "h264": H264Form,
    "hevc": HevcForm,
    "vp9": PlainForm,
    "av1": Av1Form,
}


def list_obus(data: bytes) -> list[int]:
    """Return the types of a temporal unit's parts (AV1, section 5.3); as far as their sizes add up."""
    found, at = [], 0
    while at < len(data):
        head = data[at]
        found.append(head >> 3 & 15)
        at += 2 if head & 4 else 1
        if not head & 2:
            break
        size = shift = 0
        while at < len(data) and shift < 56:
            byte = data[at]
            size |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                break
        at += size
    return found
