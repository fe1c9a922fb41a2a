"""Makes a picture of an open group in H.264 the beginning of a sequence, and what follows it fit that (ring 2).

Layouts after ITU-T H.264, clauses 7.3 and 7.4. A picture that decoding may begin with (a recovery point, D.2.8) becomes
an IDR picture; the numbers of the pictures that follow count from it. Pictures that are left out in between, because
they are shown before it, leave gaps in these numbers, which the sequence then allows (7.4.2.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tasks.media.nals import H264_IDR, H264_PPS, H264_SPS, BoxError, h264_kind

SLICE, SEI = 1, 6
RECOVERY_POINT = 6
_INTRA, _BOTH_WAYS = (2, 7), (1, 6)
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_HEAD = 384
"""Bytes that hold any head of a slice that is read here."""
_SECOND_IDR = "011"
"""``idr_pic_id`` 2: encoders say 0, or 0 and 1 in turn, and two in a row must differ."""
_ESCAPED = re.compile(rb"\x00\x00(?=[\x00-\x03])")


class StrayReferenceError(BoxError):
    """A picture that was to follow a new beginning names one from before it."""


@dataclass(frozen=True)
class SequenceSet:
    """What heads of slices need of a sequence parameter set; ``gaps_at`` is the bit that allows gaps in numbers."""

    number_bits: int
    order_bits: int
    gaps_at: int
    has_colour: bool


@dataclass(frozen=True)
class PictureSet:
    """What heads of slices need of a picture parameter set.

    :param counts: how many references slices have in each direction that do not say it themselves.
    :param weighs: P slices bring weights, :param weighs_both: as for B slices.
    """

    sequence: SequenceSet
    is_arithmetic: bool
    tells_deblocking: bool
    counts: tuple[int, int]
    weighs: bool
    weighs_both: bool


@dataclass(frozen=True)
class Shift:
    """By how much the numbers and the order counts of pictures go down."""

    number: int
    order: int


@dataclass(frozen=True)
class _Head:
    """The head of a slice as bits; ``order_at`` is where the order count is, or would be."""

    bits: _Bits
    kind: int
    picture: PictureSet
    number_at: int

    @property
    def order_at(self) -> int:
        return self.number_at + self.picture.sequence.number_bits

    @property
    def number(self) -> int:
        return self.bits.value(self.number_at, self.picture.sequence.number_bits)

    @property
    def order(self) -> int:
        return self.bits.value(self.order_at, self.picture.sequence.order_bits)

    def shifted_number(self, shift: Shift) -> int:
        return (self.number - shift.number) % (1 << self.picture.sequence.number_bits)


@dataclass(frozen=True)
class _Marking:
    """References that are let go, by their distance in numbers, and the bit after it."""

    let_go: tuple[int, ...]
    end: int


class _Bits:
    """Bits that are read one value after the other."""

    def __init__(self, data: bytes) -> None:
        self.text = f"{int.from_bytes(data):0{8 * len(data)}b}" if data else ""
        self.at = 0

    def value(self, at: int, count: int) -> int:
        return int(self.text[at : at + count] or "0", 2)

    def take(self, count: int = 1) -> int:
        if self.at + count > len(self.text):
            raise BoxError("bits end too early")
        self.at += count
        return self.value(self.at - count, count)

    def ue(self) -> int:
        """Take an Exp-Golomb number (clause 9.1)."""
        one = self.text.find("1", self.at)
        if one < 0 or one - self.at > 32:
            raise BoxError("no number where one has to be")
        zeros = one - self.at
        self.at = one
        return self.take(zeros + 1) - 1

    def skip(self, count: int) -> None:
        """Pass over so many Exp-Golomb numbers."""
        for _ in range(count):
            self.ue()


def unescape(unit: bytes) -> bytes:
    """Return a unit without the bytes that keep start codes from appearing in it."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


def escape(unit: bytes) -> bytes:
    """Return a unit with those bytes."""
    made = _ESCAPED.sub(b"\x00\x00\x03", unit)
    return made + b"\x03" if made.endswith(b"\x00") else made


def read_sequence_set(unit: bytes) -> SequenceSet | None:
    """Return a sequence parameter set, None for one with fields or with order counts of type 1."""
    bits = _Bits(unescape(unit)[: _HEAD * 4])
    bits.take(8)
    profile = bits.take(24) >> 16
    bits.ue()
    colours = 1 if profile not in _HIGH else _read_high(bits)
    if colours is None:
        return None
    number_bits, order_type = bits.ue() + 4, bits.ue()
    order_bits = bits.ue() + 4 if order_type == 0 else 0
    bits.ue()
    gaps_at = bits.at
    bits.take()
    bits.skip(2)
    is_known = bits.take() and order_type in (0, 2)
    return SequenceSet(number_bits, order_bits, gaps_at, colours > 0) if is_known else None


def _read_high(bits: _Bits) -> int | None:
    """Return the form of the colours that high profiles tell of, None where something follows that is not read here."""
    colours = bits.ue()
    if colours == 3 and bits.take():
        return None  # three pictures in one
    bits.skip(2)
    bits.take()
    return None if bits.take() else colours  # scaling matrices: rare, and long to read


def read_picture_sets(units: Iterable[bytes]) -> dict[int, PictureSet]:
    """Return the picture parameter sets by their numbers, those that can be worked with: no fields, nothing twice."""
    sequences, found = {}, {}
    for unit in units:
        if h264_kind(unit) == H264_SPS:
            sequences[_Bits(unescape(unit)[4:12]).ue()] = read_sequence_set(unit)
    for unit in units:
        if h264_kind(unit) != H264_PPS:
            continue
        bits = _Bits(unescape(unit)[1:_HEAD])
        number, sequence = bits.ue(), sequences.get(bits.ue())
        arithmetic, bottom = bits.take(), bits.take()
        groups = bits.ue()
        if sequence is None or bottom or groups:
            continue
        counts = bits.ue() + 1, bits.ue() + 1
        weighs, weighs_both = bits.take(), bits.take(2)
        bits.skip(3)
        deblocking, _, is_redundant = bits.take(), bits.take(), bits.take()
        if not is_redundant:
            how = bool(arithmetic), bool(deblocking), counts, bool(weighs), weighs_both == 1
            found[number] = PictureSet(sequence, *how)
    return found


def allow_gaps(unit: bytes) -> bytes:
    """Return a sequence parameter set that allows gaps in the numbers of pictures."""
    sequence, plain = read_sequence_set(unit), bytearray(unescape(unit))
    if sequence is not None:
        plain[sequence.gaps_at // 8] |= 128 >> sequence.gaps_at % 8
    return escape(bytes(plain))


def has_recovery_point(units: Iterable[bytes]) -> bool:
    """Tell whether a packet says that pictures shown from its own on are whole when decoding begins with it."""
    for unit in units:
        if h264_kind(unit) != SEI:
            continue
        plain, at = unescape(unit), 1
        while at + 2 < len(plain):
            kind, at = _take_ff(plain, at)
            size, at = _take_ff(plain, at)
            if kind == RECOVERY_POINT:
                return _Bits(plain[at : at + size]).ue() == 0
            at += size
    return False


def _take_ff(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(data) and data[at] == 255:
        value, at = value + 255, at + 1
    return value + (data[at] if at < len(data) else 0), at + 1


def is_open_entry(units: Iterable[bytes], pictures: dict[int, PictureSet]) -> bool:
    """Tell whether a packet is of an intra picture with a recovery point that :func:`begin` can work on."""
    units = list(units)
    slices = [unit for unit in units if 1 <= h264_kind(unit) <= H264_IDR]
    if not slices or not has_recovery_point(units):
        return False
    try:
        heads = [_read_head(unit, pictures) for unit in slices if h264_kind(unit) == SLICE and unit[0] & 0x60]
    except BoxError:
        return False
    return len(heads) == len(slices) and all(head.kind in _INTRA for head in heads)


def _read_head(unit: bytes, pictures: dict[int, PictureSet]) -> _Head:
    bits = _Bits(unescape(unit[: _HEAD * 2])[1:_HEAD])
    bits.ue()
    kind, picture = bits.ue(), pictures.get(bits.ue())
    if picture is None:
        raise BoxError("a slice of a kind that is not worked with")
    return _Head(bits, kind, picture, bits.at)


def shift_of(units: Iterable[bytes], pictures: dict[int, PictureSet]) -> Shift:
    """Return by how much numbers go down where this picture becomes the first."""
    head = next(_read_head(unit, pictures) for unit in units if h264_kind(unit) == SLICE)
    return Shift(head.number, head.order)


def begin(units: Iterable[bytes], pictures: dict[int, PictureSet]) -> list[bytes]:
    """Return the units of an IDR picture with the same content; for packets of which :func:`is_open_entry` holds."""
    return [_as_idr(unit, pictures) if h264_kind(unit) == SLICE else unit for unit in units]


def _as_idr(unit: bytes, pictures: dict[int, PictureSet]) -> bytes:
    head = _read_head(unit, pictures)
    sequence = head.picture.sequence
    head.bits.at = head.order_at + sequence.order_bits
    rest = _read_marking(head.bits).end
    text = head.bits.text[: head.number_at] + "0" * sequence.number_bits + _SECOND_IDR + "0" * sequence.order_bits
    return _rebuild(unit, head, text + "00", rest, kind=H264_IDR)


def _rebuild(unit: bytes, head: _Head, text: str, rest: int, *, kind: int) -> bytes:
    """Return a slice whose head is other up to how it marks references, which ends at bit ``rest``."""
    bits, body = head.bits, unescape(unit)[1:]
    bits.at = rest
    bits.skip(2 if head.picture.is_arithmetic and head.kind not in _INTRA else 1)
    if head.picture.tells_deblocking and bits.ue() != 1:
        bits.skip(2)
    text += bits.text[rest : bits.at]
    first = bytes([unit[0] & 0xE0 | kind])
    if head.picture.is_arithmetic:
        text += "1" * (-len(text) % 8)
        return escape(first + _to_bytes(text) + body[-(-bits.at // 8) :])
    return escape(first + _join_bits(text, body, bits.at))


def _to_bytes(text: str) -> bytes:
    return int(text, 2).to_bytes(len(text) // 8) if text else b""


def _join_bits(text: str, body: bytes, at: int) -> bytes:
    """Return bits followed by those of a body from bit ``at`` on, up to its stop bit, filled up with zeros."""
    whole = int.from_bytes(body)
    count = 8 * len(body) - at
    tail = whole & ((1 << count) - 1)
    zeros = (tail & -tail).bit_length() - 1 if tail else 0
    tail, count = tail >> zeros, count - zeros
    total = len(text) + count
    value, fill = (int(text, 2) << count) | tail, -total % 8
    return (value << fill).to_bytes((total + fill) // 8)


def follower(shift: Shift, pictures: dict[int, PictureSet]) -> Callable[[list[bytes]], list[bytes]]:
    """Return what makes the pictures after a new beginning count from it, given one packet's units after the other.

    From the next IDR picture on nothing has to change.
    """
    is_over = is_done = False
    latest = 0

    def change(unit: bytes) -> bytes:
        nonlocal is_over, latest
        head = _read_head(unit, pictures)
        number = head.shifted_number(shift)
        is_over = is_over or number < latest // 2  # they began anew: all that can be named came after the beginning
        latest = max(latest, number)
        return _shifted(unit, head, shift, first=-(1 << 32) if is_over else 0)

    def follow(units: list[bytes]) -> list[bytes]:
        nonlocal is_done
        is_done = is_done or any(h264_kind(unit) == H264_IDR for unit in units)
        return units if is_done else [change(unit) if h264_kind(unit) == SLICE else unit for unit in units]

    return follow


def _shifted(unit: bytes, head: _Head, shift: Shift, *, first: int) -> bytes:
    """Return a slice with other numbers; it lets go nothing from before number ``first``, where nothing is any more."""
    sequence, number = head.picture.sequence, head.shifted_number(shift)
    text = head.bits.text[: head.number_at] + f"{number:0{sequence.number_bits}b}"
    if sequence.order_bits:
        order = (head.order - shift.order) % (1 << sequence.order_bits)
        text += f"{order:0{sequence.order_bits}b}"
    _read_lists(head, number, first)
    start = head.bits.at
    marking = _read_marking(head.bits) if unit[0] & 0x60 else _Marking((), start)
    kept = [distance for distance in marking.let_go if number + distance >= first]
    if len(kept) < len(marking.let_go):
        told = "".join(_ue(1) + _ue(-distance - 1) for distance in kept)
        text += head.bits.text[len(text) : start] + "1" + told + _ue(0)
        return _rebuild(unit, head, text, marking.end, kind=SLICE)
    whole = -(-len(text) // 8)
    text += head.bits.text[len(text) : 8 * whole]
    return escape(unit[:1] + _to_bytes(text) + unescape(unit)[1 + whole :])


def _read_lists(head: _Head, number: int, first: int) -> None:
    """Pass over the references of a slice; raise StrayReferenceError where it names any from before ``first``."""
    bits, picture = head.bits, head.picture
    is_both = head.kind in _BOTH_WAYS
    bits.at = head.order_at + picture.sequence.order_bits
    if head.kind in _INTRA:
        return
    bits.take(1 if is_both else 0)
    counts = list(picture.counts)[: 2 if is_both else 1]
    if bits.take():
        counts = [bits.ue() + 1 for _ in counts]
    named = [distance for _ in counts for distance in _read_order(bits, head)]
    if min(named, default=0) + number < first:
        raise StrayReferenceError("a picture needs one that was cut away")
    if picture.weighs_both if is_both else picture.weighs:
        _skip_weights(bits, counts, has_colour=picture.sequence.has_colour)


def _read_order(bits: _Bits, head: _Head) -> list[int]:
    """Return what the order of references names (7.3.3.1)."""
    found: list[int] = []
    if not bits.take():
        return found
    at, span = 0, 1 << head.picture.sequence.number_bits
    while (operation := bits.ue()) != 3:
        if operation > 1:
            raise StrayReferenceError("long-term references are not followed")
        by = bits.ue() + 1
        at = (at + (by if operation else -by)) % span
        found.append(at - span)
    return found


def _skip_weights(bits: _Bits, counts: list[int], *, has_colour: bool) -> None:
    """Pass over weights of references (7.3.3.2)."""
    bits.skip(2 if has_colour else 1)
    for _ in range(sum(counts)):
        for parts in (2, 4) if has_colour else (2,):
            if bits.take():
                bits.skip(parts)


def _read_marking(bits: _Bits) -> _Marking:
    """Read which references are let go (7.3.3.3)."""
    found: list[int] = []
    if bits.take():
        while operation := bits.ue():
            if operation != 1:
                raise StrayReferenceError("long-term references are not followed")
            found.append(-bits.ue() - 1)
    return _Marking(tuple(found), bits.at)


def _ue(value: int) -> str:
    """Return a number as Exp-Golomb bits."""
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text
