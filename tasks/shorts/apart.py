"""Looking at and cutting a stranger's video in a process apart (see :mod:`tasks.media.apart`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.contracts.shorts import MediaFeatures
from tasks.media.apart import Budget, Errand, call
from tasks.media.limits import MediaLimits

if TYPE_CHECKING:
    from tasks.media.walled import Teller

LOOK_CPU_S, MAKE_CPU_S = 10, 120
"""CPU seconds that any machine needs at most for a second of video: to see every frame, and to encode it as well."""
MAKE_BUDGET = {"memory_bytes": 8 << 30, "file_bytes": 8 << 30, "cores": 32}
Tick = Callable[[float], None]


def look_apart(path: Path, duration_s: float, limits: MediaLimits, tick: Tick | None) -> MediaFeatures:
    """Return what :func:`tasks.shorts.watching.listen_and_look` does."""
    budget = Budget(cpu_s=60 + round(duration_s * LOOK_CPU_S), cores=32)
    errand = Errand("tasks.shorts.apart:look_there", path, limits, {"duration_s": duration_s}, budget=budget)
    return MediaFeatures.from_json(call(errand, None if tick is None else lambda done, _: tick(done)))


def look_there(path: Path, _: Path, limits: MediaLimits, arguments: dict[str, Any], teller: Teller) -> dict[str, Any]:
    """Look and listen in the process apart."""
    from tasks.shorts.watching import listen_and_look

    tick: Tick = lambda t: teller.progress(t, 0.0)  # noqa: E731
    return listen_and_look(path, duration_s=arguments["duration_s"], limits=limits, tick=tick).to_json()


def make_apart(
    source: Path, out: Path, order: dict[str, Any], length_s: float, *, limits: MediaLimits, tick: Tick | None
) -> dict[str, Any]:
    """Have :func:`tasks.shorts.making.make_there` write a clip; return what it told."""
    budget = Budget(cpu_s=120 + round(length_s * MAKE_CPU_S), **MAKE_BUDGET)
    errand = Errand("tasks.shorts.making:make_there", source, limits, order, target=out, budget=budget)
    told: dict[str, Any] = call(errand, None if tick is None else lambda done, _: tick(done))
    return told
