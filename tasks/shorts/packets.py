"""The packets of a video's pictures: when each is shown, and where decoding may begin."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tasks.errors import PermanentError
from tasks.media.container import media_start, open_media
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
    """

    samples: tuple[Sample, ...]
    base: Fraction
    zero: Fraction
    step: Fraction
    form: Form | None
    problem: str = ""

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
        samples, seen = [], set()
        for packet in container.demux(stream):
            if not packet.size or packet.pts is None:
                continue
            if packet.is_discard or packet.is_corrupt or packet.pts in seen:
                problem = problem or "packets"
            if packet.is_discard or packet.pts in seen:
                continue
            seen.add(packet.pts)
            try:
                is_entry = form is not None and packet.is_keyframe and form.is_entry(bytes(packet))
            except BoxError:
                is_entry, problem = False, problem or "packets"
            samples.append(Sample(packet.pts, is_entry))
        base, step = stream.time_base or Fraction(1, av.time_base), 1 / Fraction(stream.average_rate or 30)
        return Track(tuple(samples), base, media_start(container), step, None if problem else form, problem)


def find_form(codec: str, header: bytes) -> tuple[Form | None, str]:
    """Return how a codec's packets are put together anew; else None, and ``codec`` or ``header`` for the reason."""
    kind = FORMS.get(codec)
    if kind is None:
        return None, "codec"
    try:
        return kind(header), ""
    except BoxError:
        return None, "header"
