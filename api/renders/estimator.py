"""How long a render takes, told from what renders took: a plain model, corrected by its own measured errors. Pure.

The model guesses seconds from frames and pixels; each finished render tells by which factor the guess was wrong, and
what that has to do with captions, codec, size and length. p50 is the corrected guess; p90 is what nine in ten renders
stayed below when each was told from the others (cross-conformal prediction: no shape of the errors is assumed, only
that the next one is like the last).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

START_S = 3.0
FRAME_S = 0.004
MEGAPIXEL_S = 0.010
"""What two slow cores took for x264 medium: the guess where nothing was measured."""
LATE_FACTOR = 3.0
"""How far off the guess may be where nothing was measured."""
LEAST_HISTORY = 9
"""With fewer renders, their worst one is no bound that nine in ten stay below."""
RECENT = 200
CONFIDENCE = 0.9
KINDS = ("style", "codec", "size")
ROUNDS, FOLDS = 2, 3
SHRINK = 2.0


@dataclass(frozen=True)
class Work:
    """What decides how long a render takes.

    :param style: how its captions move, :param codec: what is written.
    """

    frames: int
    width: int
    height: int
    style: str = ""
    codec: str = ""

    @property
    def size(self) -> int:
        """Class of the picture's size: doubles with the pixels."""
        return round(math.log2(max(1, self.width * self.height)))


@dataclass(frozen=True)
class Measured:
    """A finished render: its work and the seconds from claim to end."""

    work: Work
    seconds: float


@dataclass(frozen=True)
class Prediction:
    """Seconds of work, without waiting; ``basis`` is ``history`` of ``n`` renders or ``default``."""

    p50_s: float
    p90_s: float
    basis: str
    n: int


def predict(work: Work, history: Sequence[Measured]) -> Prediction:
    """Return what a render will take.

    :param history: finished renders, newest first.
    """
    known, guess = history[:RECENT], guess_s(work)
    if len(known) < LEAST_HISTORY:
        return Prediction(round(guess, 2), round(guess * LATE_FACTOR, 2), "default", len(known))
    expected = guess * math.exp(fit(known).at(work))
    errors = sorted(held_out_errors(known))
    high = errors[min(len(errors), math.ceil(CONFIDENCE * (len(errors) + 1))) - 1]
    middle, high_s = expected * math.exp(median(errors)), expected * math.exp(high)
    return Prediction(round(middle, 2), round(max(middle, high_s), 2), "history", len(known))


@dataclass(frozen=True)
class Fit:
    """By which factor the guess is wrong, as a logarithm: for all work, for each kind of it, and with its length."""

    base: float
    effects: dict[tuple[str, object], float]
    slope: float
    centre: float

    def at(self, work: Work) -> float:
        """Return the logarithm of the factor for some work; kinds never seen add nothing."""
        kinds = sum(self.effects.get((key, getattr(work, key)), 0.0) for key in KINDS)
        return self.base + kinds + self.slope * (math.log(work.frames) - self.centre)


def fit(known: Sequence[Measured]) -> Fit:
    """Learn the factors of finished renders, each kind's drawn towards none while there are few of it."""
    lengths = [math.log(one.work.frames) for one in known]
    centre = sum(lengths) / len(lengths)
    rest = [math.log(max(one.seconds, 0.01) / guess_s(one.work)) for one in known]
    base = median(rest)
    rest = [value - base for value in rest]
    effects: dict[tuple[str, object], float] = {}
    slope = 0.0
    for _ in range(ROUNDS):
        for key in KINDS:
            changes = mean_by([getattr(one.work, key) for one in known], rest)
            for value, change in changes.items():
                effects[key, value] = effects.get((key, value), 0.0) + change
            rest = [one_rest - changes[getattr(one.work, key)] for one, one_rest in zip(known, rest, strict=True)]
        steps = [length - centre for length in lengths]
        change = sum(step * value for step, value in zip(steps, rest, strict=True))
        change /= sum(step * step for step in steps) + SHRINK
        slope += change
        rest = [value - change * step for step, value in zip(steps, rest, strict=True)]
    return Fit(base, effects, slope, centre)


def mean_by(kinds: Sequence[object], values: Sequence[float]) -> dict[object, float]:
    """Return the mean of the values of each kind, drawn towards 0 by SHRINK values of 0."""
    sums: dict[object, tuple[float, int]] = {}
    for kind, value in zip(kinds, values, strict=True):
        total, count = sums.get(kind, (0.0, 0))
        sums[kind] = (total + value, count + 1)
    return {kind: total / (count + SHRINK) for kind, (total, count) in sums.items()}


def held_out_errors(known: Sequence[Measured]) -> list[float]:
    """Return by how much each render was above what the others told of it, as logarithms of factors."""
    errors = []
    for fold in range(FOLDS):
        told = fit([one for number, one in enumerate(known) if number % FOLDS != fold])
        held = known[fold::FOLDS]
        errors += [math.log(max(one.seconds, 0.01) / guess_s(one.work)) - told.at(one.work) for one in held]
    return errors


def guess_s(work: Work) -> float:
    """Return the plain model's seconds."""
    megapixels = work.width * work.height / 1e6
    return START_S + work.frames * (FRAME_S + MEGAPIXEL_S * megapixels)


@dataclass(frozen=True)
class Told:
    """A prediction that was given, and what came of it."""

    p50_s: float
    p90_s: float
    seconds: float


@dataclass(frozen=True)
class Accuracy:
    """The service's own recent error: how far off p50 was, in per cent, and how often p90 held. None without any."""

    n: int
    median_error_percent: float | None
    p90_held_percent: float | None


def judge(told: Sequence[Told]) -> Accuracy:
    """Return how good predictions were."""
    if not told:
        return Accuracy(0, None, None)
    errors = [abs(one.p50_s - one.seconds) / one.seconds for one in told if one.seconds > 0]
    held = sum(one.seconds <= one.p90_s for one in told) / len(told)
    return Accuracy(len(told), round(100 * median(errors), 1) if errors else None, round(100 * held, 1))


def wait_s(*, queued: int, running: int, workers: int, usual_s: float, pickup_s: float) -> float:
    """Return the seconds until a worker takes the next render: those before it, shared by all workers.

    :param usual_s: length of a usual render, :param pickup_s: what claiming takes when a worker is free.
    """
    free = max(0, workers - running)
    if queued < free:
        return pickup_s
    rounds = (queued - free + 1) / max(1, workers)
    return pickup_s + usual_s * max(0.5, rounds - 0.5)
