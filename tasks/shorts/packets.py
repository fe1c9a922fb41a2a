"""The packets of a video's pictures: when each is shown, and where decoding may begin."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tasks.errors import PermanentError
from tasks.media.container import media_start, open_media, packets_of
from tasks.media.limits import MediaLimits
from tasks.media.nals import BoxError
from tasks.media.probe import find_video
from tasks.shorts.forms import FORMS, Form
from tasks.shorts.runs import Sample


@dataclass(frozen=True)
class Track:
    """Pictures of a file; ``samples`` in the order of decoding, with times in units of ``base``.

    :param zero: the timestamp in seconds that counts as time zero, :param step: the usual seconds between two frames.
    :param form: how they are put together anew; None with the reason in ``problem`` where that is impossible.
    :param odd_keys: key frames that decoding cannot be made to begin with.
    """

    samples: tuple[Sample, ...]
    base: Fraction
    zero: Fraction
    step: Fraction
    form: Form | None
    problem: str = ""
    odd_keys: int = 0

    @property
    def times(self) -> list[Fraction]:
        """The exact times of all frames in seconds."""
        return sorted({each.pts * self.base - self.zero for each in self.samples})


def read_track(path: Path, limits: MediaLimits | None = None) -> Track:
    """Read all packets without decoding; raise ``shorts.no_video``."""
    with open_media(path, limits) as container:
        stream = find_video(container)
        if stream is None:
            raise PermanentError("shorts.no_video", "The file has no pictures")
        form, problem = find_form(stream.codec_context.codec.canonical_name, stream.codec_context.extradata or b"")
        samples, seen, odd_keys = [], set(), 0
        for packet in packets_of(container, stream):
            if not packet.size or packet.pts is None:
                continue
            if packet.is_discard or packet.is_corrupt or packet.pts in seen:
                problem = problem or "packets"
            if packet.is_discard or packet.pts in seen:
                continue
            seen.add(packet.pts)
            try:
                samples.append(look_at(packet, form))
            except BoxError:
                samples.append(Sample(packet.pts))
                problem = problem or "packets"
            odd_keys += packet.is_keyframe and not samples[-1].is_entry
        base, step = stream.time_base or Fraction(1, av.time_base), 1 / Fraction(stream.average_rate or 30)
        whole = None if problem else form
        return Track(tuple(samples), base, media_start(container), step, whole, problem, odd_keys)


def look_at(packet: av.Packet[Any], form: Form | None) -> Sample:
    """Return what a packet is; raise BoxError for one that is broken."""
    assert packet.pts is not None
    if form is None or not packet.is_keyframe:
        return Sample(packet.pts)
    data = bytes(packet)
    is_entry = form.is_entry(data)
    return Sample(packet.pts, is_entry, is_entry and form.is_open(data))


def find_form(codec: str, header: bytes) -> tuple[Form | None, str]:
    """Return how a codec's packets are put together anew; else None, and ``codec`` or ``header`` for the reason."""
    kind = FORMS.get(codec)
    if kind is None:
        return None, "codec"
    try:
        return kind(header), ""
    except BoxError:
        return None, "header"
