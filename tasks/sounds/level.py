"""Bringing a sound to a loudness (EBU R 128): measure, one gain for all, a limiter for the peaks, measure again.

FFmpeg's ``loudnorm`` in two passes falls back to changing the gain within the sound whenever the peaks leave no room,
which pumps. One gain and a limiter that sees what lies between the samples (at 192 kHz, ITU-R BS.1770-4, annex 2) does
not; what it takes away in loudness is given back by another round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.contracts.music import Loudness
from tasks.media.limits import MediaLimits
from tasks.media.loudness import measure_loudness
from tasks.media.sound_file import Filter, SoundForm, write_sound

ROUNDS = 6
NEAR_LU = 0.2
"""Near enough: a fifth of what EBU R 128 allows programmes (±1 LU), below what anybody hears."""
MAX_GAIN_DB = 40.0
"""Hiss that is lifted further than this is no sound any more."""
_OVERSAMPLED = 192_000
_ROOM_DB = 0.3
_SPARE_DB = 0.05
_LIMITED_STEP = 1.6
"""The limiter takes part of each gain away again."""


@dataclass(frozen=True)
class Level:
    """What is asked for: LUFS, and the highest true peak in dBTP."""

    target_lufs: float = -14.0
    ceiling_dbtp: float = -1.0


@dataclass(frozen=True)
class Levelled:
    """What was done. ``reason`` says why the target was not reached; ``gain_db`` is then what was done instead."""

    before: Loudness
    after: Loudness
    gain_db: float
    limited: bool
    reason: str = ""


def level_sound(
    source: Path,
    target: Path,
    form: SoundForm,
    *,
    level: Level,
    limits: MediaLimits | None = None,
    tick: Callable[[float], None] | None = None,
) -> Levelled:
    """Write a sound anew at the level asked for, and say what was reached, measured in the file written.

    :param tick: hears now and then the share that is done, 0 to 1.
    """
    tell = tick or (lambda share: None)
    before = measure_loudness(source, limits)
    tell(0.2)
    if before.integrated_lufs is None:
        write_sound(source, target, form, limits=limits)
        return Levelled(before, measure_loudness(target, limits), 0.0, False, before.reason)
    gain = min(level.target_lufs - before.integrated_lufs, MAX_GAIN_DB)
    ceiling, after, limited = level.ceiling_dbtp - _SPARE_DB, before, False
    for done in range(1, ROUNDS + 1):
        limited = (before.true_peak_dbtp or 0.0) + gain > ceiling
        write_sound(source, target, form, filters=_filters(gain, ceiling if limited else None), limits=limits)
        after = measure_loudness(target, limits)
        tell(0.2 + 0.8 * done / ROUNDS)
        assert after.integrated_lufs is not None
        missed = level.target_lufs - after.integrated_lufs
        over = (after.true_peak_dbtp or -120.0) - level.ceiling_dbtp
        if (abs(missed) <= NEAR_LU or gain >= MAX_GAIN_DB) and over <= 0:
            break
        gain = min(gain + missed * (_LIMITED_STEP if limited else 1.0), MAX_GAIN_DB)
        ceiling -= max(0.0, over) + (_ROOM_DB if over > 0 else 0.0)
    return Levelled(before, after, round(gain, 2), limited, _shortfall(level, after, gain))


def _filters(gain_db: float, ceiling_dbtp: float | None) -> list[Filter]:
    steps: list[Filter] = [("aresample", str(_OVERSAMPLED)), ("volume", f"{gain_db:.3f}dB:precision=double")]
    if ceiling_dbtp is not None:
        steps.append(("alimiter", f"limit={10 ** (ceiling_dbtp / 20):.5f}:level=0:attack=2:release=60:latency=1"))
    return steps


def _shortfall(level: Level, after: Loudness, gain_db: float) -> str:
    missed = level.target_lufs - (after.integrated_lufs or 0.0)
    if abs(missed) <= NEAR_LU:
        return ""
    if gain_db >= MAX_GAIN_DB:
        return f"It is so quiet that {MAX_GAIN_DB:.0f} dB leave it {missed:.1f} LU under the target"
    return f"Its peaks stand out so far that it stays {missed:.1f} LU under the target"
