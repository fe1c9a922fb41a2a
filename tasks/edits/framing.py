"""Where a crop looks at each moment: it follows a face or what moves, calmly, and never jumps to and fro.

A crop rests while its subject stays near its middle. It then moves with bounded speed and acceleration, and brakes in
time. To another subject it cuts at once, and only when that one has long been the larger.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tasks.contracts.media import VideoInfo
from tasks.contracts.outputs import ASPECTS
from tasks.contracts.shorts import CropKey, Face, FrameOverride, Framing, Reframing, SceneFrame, Sighting, Turn
from tasks.edits.speaking import cast_voices, lead_by_voice
from tasks.errors import InvalidInputError

MOST_SPEED, MOST_ACCELERATION = 0.35, 0.5
"""Widths of the picture a second, and a second squared."""
REST = 0.12
"""How far a subject may be off the crop's middle, in widths of the crop, before the crop follows."""
SWITCH_AFTER_S = 1.2
"""For so long another subject must be better before the crop goes over to it."""
SWITCH_PAUSE_S = 2.0
"""The least time between two changes of the subject."""
LARGER = 1.35
LOST_S = 1.0
NEAR = 0.12
"""A face this near to where one was is the same one, in widths of the picture."""
TICK_S, TICKS_A_KEY = 0.04, 3
LEAST_MOTION = 0.15
HEADROOM = 4.5
"""Height of a crop in layout ``split`` by its face's."""
SMALLEST_SPLIT = 0.4
MOST_ENLARGED = 1.8


@dataclass(frozen=True)
class Shape:
    """What is framed: ratio of the source's sides and of the output's, and the layout wished for."""

    source: Fraction
    aspect: str
    layout: str = "fill"

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS or self.layout not in ("fill", "fit", "split"):
            raise InvalidInputError(
                "shorts.invalid_framing", f"aspect must be one of {', '.join(ASPECTS)}, layout fill, fit or split"
            )

    def crop(self, *, height: float = 1.0, halves: bool = False) -> tuple[float, float]:
        """Return width and height of the crop in fractions of the picture, no higher than ``height``."""
        ratio = float(ASPECTS[self.aspect] * (2 if halves else 1) / self.source)
        height = min(height, 1.0, 1.0 / ratio)
        return round(height * ratio, 6), round(height, 6)


def plan_framing(
    sightings: Sequence[Sighting],
    shape: Shape,
    *,
    span: tuple[float, float],
    scene_cuts: Sequence[float] = (),
    overrides: Sequence[FrameOverride] = (),
    turns: Sequence[Turn] = (),
) -> Framing:
    """Frame what lies between two times (``span``, seconds), scene by scene; overrides are kept to the letter.

    :param turns: who speaks when: where faces can be told to be theirs, the crop shows who speaks.
    """
    edges = {*span, *(cut for cut in scene_cuts if span[0] < cut < span[1])}
    for each in overrides:
        edges |= {edge for edge in (each.start, each.end) if span[0] < edge < span[1]}
    scenes = []
    for start, end in itertools.pairwise(sorted(edges)):
        seen = [sighting for sighting in sightings if start <= sighting.t < end]
        middle = (start + end) / 2
        manual = next((each for each in reversed(overrides) if each.start <= middle < each.end), None)
        scenes.append(_frame_scene(seen, shape, (start, end), manual, turns=turns))
    return Framing(shape.aspect, tuple(scenes))


def crop_at(keys: Sequence[CropKey], t: float) -> tuple[float, float]:
    """Return the centre of a crop at a moment, in fractions of the picture."""
    before = next((key for key in reversed(keys) if key.t <= t + 1e-9), keys[0])
    after = next((key for key in keys if key.t > t + 1e-9), before)
    if after.jump or after.t <= before.t or t <= before.t:
        return before.x, before.y
    part = (t - before.t) / (after.t - before.t)
    return before.x + (after.x - before.x) * part, before.y + (after.y - before.y) * part


def _frame_scene(
    seen: Sequence[Sighting],
    shape: Shape,
    span: tuple[float, float],
    manual: FrameOverride | None,
    *,
    turns: Sequence[Turn],
) -> SceneFrame:
    layout = (manual.layout if manual else "") or shape.layout
    if layout == "fit":
        return SceneFrame(
            *span, "fit", 1.0, 1.0, (CropKey(span[0], 0.5, 0.5),), source="manual" if manual else "middle"
        )
    if layout == "split" and (pair := _pair(seen)):
        return _split(seen, pair, shape, span)
    width, height = shape.crop()
    if manual and manual.x is not None:
        x, y = _inside(manual.x, width), _inside(0.5 if manual.y is None else manual.y, height)
        return SceneFrame(*span, "fill", width, height, (CropKey(span[0], x, y),), source="manual")
    casting = cast_voices(seen, turns) if seen and turns else None
    if casting is not None:
        led = list(calm(lead_by_voice(seen, turns, casting)))
        keys = _follow(led, span, (width, height))
        return SceneFrame(*span, "fill", width, height, keys, source="speaker", certainty=casting.certainty)
    targets, source = list(_subjects(seen, width)), "faces"
    if not targets:
        targets, source = [(s.t, s.motion_x, s.motion_y, False) for s in seen if s.motion >= LEAST_MOTION], "motion"
    if not targets:
        targets, source = [(span[0], 0.5, 0.5, False)], "middle"
    return SceneFrame(*span, "fill", width, height, _follow(targets, span, (width, height)), source=source)


Target = tuple[float, float, float, bool]
"""When, where (x, y), and whether it is another subject than before."""


def calm(targets: Iterable[Target]) -> Iterator[Target]:
    """Yield targets without those of another subject that come too soon after the last change: the crop stays."""
    shown_x, changed_s = math.nan, -math.inf
    for t, x, y, _ in targets:
        jumps = abs(x - shown_x) > NEAR
        if jumps and t - changed_s < SWITCH_PAUSE_S:
            continue
        if jumps:
            changed_s = t
        shown_x = x
        yield t, x, y, jumps


def _subjects(seen: Sequence[Sighting], width: float) -> Iterator[Target]:
    """Yield where the subject is: the largest face at first, then the same one until another is better for long."""
    subject: _Subject | None = None
    for sighting in seen:
        if not sighting.faces:
            continue
        if subject is None:
            subject = _Subject(_middle(max(sighting.faces, key=_weight)), sighting.t)
        before = subject.at
        changed = subject.look(sighting)
        if subject.seen_s == sighting.t:
            yield sighting.t, *subject.at, changed and abs(subject.at[0] - before[0]) > width / 2


class _Subject:
    """The face that is followed, and since when another one is better."""

    def __init__(self, at: tuple[float, float], t: float) -> None:
        self.at, self.seen_s = at, t
        self._changed_s, self._rival_s = -math.inf, math.inf

    def look(self, sighting: Sighting) -> bool:
        """Find the face again, or go over to another; tell whether it went over."""
        largest = max(sighting.faces, key=_weight)
        nearest = min(sighting.faces, key=lambda face: abs(_middle(face)[0] - self.at[0]))
        reach = NEAR * (1 + min(1.0, sighting.t - self.seen_s))
        own = nearest if abs(_middle(nearest)[0] - self.at[0]) <= reach else None
        if own is not None and _weight(largest) <= LARGER * _weight(own):
            self._rival_s = math.inf
        elif sighting.t < self._rival_s:
            self._rival_s = sighting.t
        patience = SWITCH_AFTER_S if own is not None else LOST_S
        if sighting.t - self._rival_s >= patience and sighting.t - self._changed_s >= SWITCH_PAUSE_S:
            self.at, self.seen_s = _middle(largest), sighting.t
            self._changed_s, self._rival_s = sighting.t, math.inf
            return True
        if own is not None:
            self.at, self.seen_s = _middle(own), sighting.t
        return False


def _weight(face: Face) -> float:
    return face.height * face.score


def _middle(face: Face) -> tuple[float, float]:
    return face.x + face.width / 2, face.y + face.height / 2


def _inside(centre: float, size: float) -> float:
    return round(min(max(centre, size / 2), 1 - size / 2), 6)


def _follow(targets: Sequence[Target], span: tuple[float, float], size: tuple[float, float]) -> tuple[CropKey, ...]:
    """Return keys of a path after the targets, within the limits on speed and acceleration; it jumps where they do."""
    width, height = size
    goals = [(t, _inside(x, width), _inside(y, height), jump) for t, x, y, jump in targets]
    first = goals[0]
    xs, ys = _Axis(first[1], REST * width), _Axis(first[2], REST * height)
    keys, place = [CropKey(span[0], round(xs.at, 6), round(ys.at, 6))], 1
    ticks = max(1, math.ceil((span[1] - span[0]) / TICK_S))
    for tick in range(1, ticks + 1):
        t = min(span[1], span[0] + tick * TICK_S)
        jump = False
        while place < len(goals) and goals[place][0] <= t:
            _, x, y, jumps = goals[place]
            xs.aim(x, jump=jumps)
            ys.aim(y, jump=jumps)
            jump, place = jump or jumps, place + 1
        xs.step(0.0 if jump else TICK_S)
        ys.step(0.0 if jump else TICK_S)
        if jump or tick % TICKS_A_KEY == 0 or tick == ticks:
            keys.append(CropKey(round(t, 4), round(xs.at, 6), round(ys.at, 6), jump))
    return tuple(_thin(keys))


class _Axis:
    """One coordinate of a crop: rests, or moves towards its goal and brakes in time to stand there."""

    def __init__(self, at: float, rest: float) -> None:
        self.at, self._rest = at, rest
        self._goal, self._speed = at, 0.0

    def aim(self, target: float, *, jump: bool) -> None:
        if jump:
            self.at, self._goal, self._speed = target, target, 0.0
        elif abs(target - self._goal) > self._rest:
            self._goal = target

    def step(self, step_s: float) -> None:
        left = self._goal - self.at
        most = MOST_ACCELERATION * step_s
        wanted = math.copysign(min(MOST_SPEED, math.sqrt(2 * MOST_ACCELERATION * abs(left)) * 0.85), left)
        self._speed += min(most, max(-most, wanted - self._speed))
        if abs(left) <= abs(self._speed) * step_s and abs(self._speed) <= 2 * most:
            self.at, self._speed = self._goal, 0.0
        self.at += self._speed * step_s


def _thin(keys: Sequence[CropKey]) -> Iterator[CropKey]:
    """Leave out keys between two at the same place."""
    for number, key in enumerate(keys):
        if 0 < number < len(keys) - 1:
            before, after = keys[number - 1], keys[number + 1]
            if (key.x, key.y) == (before.x, before.y) == (after.x, after.y) and not (key.jump or after.jump):
                continue
        yield key


def _pair(seen: Sequence[Sighting]) -> tuple[float, float] | None:
    """Return where two faces are for most of a scene, left and right."""
    both = [sorted((_middle(f)[0] for f in _two(s)), key=float) for s in seen if len(s.faces) >= 2]
    if not both or len(both) < len(seen) / 2:
        return None
    left, right = (sorted(pair[side] for pair in both)[len(both) // 2] for side in (0, 1))
    return (left, right) if right - left > NEAR else None


def _two(sighting: Sighting) -> list[Face]:
    return sorted(sighting.faces, key=_weight, reverse=True)[:2]


def _split(seen: Sequence[Sighting], pair: tuple[float, float], shape: Shape, span: tuple[float, float]) -> SceneFrame:
    faces = [sorted(_two(s), key=lambda f: f.x) for s in seen if len(s.faces) >= 2]
    tallest = max(face.height for two in faces for face in two)
    size = shape.crop(height=max(SMALLEST_SPLIT, HEADROOM * tallest), halves=True)
    paths = []
    for side in (0, 1):
        targets = [(s.t, *_middle(f), False) for s in seen for f in s.faces if abs(_middle(f)[0] - pair[side]) <= NEAR]
        paths.append(_follow(targets, span, size))
    return SceneFrame(*span, "split", *size, paths[0], paths[1], source="faces")


def output_size(framing: Framing, width: int, height: int, *, widest: int) -> tuple[int, int]:
    """Return the clip's even size for a source as shown: at most ``widest``, and enlarged by no more than 1.8."""
    ratio = ASPECTS[framing.aspect]
    shown = min(Fraction(width), height * ratio)
    made = min(widest, int(shown * Fraction(MOST_ENLARGED)))
    unit = max(1, made // (2 * ratio.numerator)) * 2
    return unit * ratio.numerator, unit * ratio.denominator


def framed_info(video: VideoInfo, order: Reframing) -> VideoInfo:
    """Return what the picture is once it is framed."""
    width, height = output_size(order.framing, video.display_width, video.display_height, widest=order.width)
    return replace(
        video, width=width, height=height, rotation=0, sample_aspect_num=1, sample_aspect_den=1, chroma_location="left"
    )
