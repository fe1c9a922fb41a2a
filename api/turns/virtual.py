"""Start-time fair queueing: in which order work of many users is begun, so that each gets its share. Pure.

Every piece of work has a start tag on the virtual clock of its line: the later of the clock and the end of what its
user asked for before. The user's end moves on by cost / weight. Work is begun by the smallest tag, and the clock
follows the tags of what is begun. So a user who asks for one thing stands before the rest of somebody's thousand,
while a user alone has everything; what one used while nobody else waited is never held against them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

AGED_EVERY = 4
"""One of so many turns goes to a lower class in which somebody has waited too long."""


@dataclass(frozen=True)
class Arrival:
    """Work that has come to stand in line.

    :param cost: how much it is, in any unit that is the same for all. :param weight: share of its user, above 0.
    :param paid: it was begun once already and came back: it is not charged again, and is next.
    """

    user: str
    cost: float
    weight: float = 1.0
    paid: bool = False


def stamp(arrivals: Iterable[Arrival], *, clock: float, ends: dict[str, float]) -> list[float]:
    """Return the start tag of each arrival in order, and move the users' ends in ``ends`` on."""
    tags = []
    for arrival in arrivals:
        if arrival.paid:
            tags.append(clock)
            continue
        start = max(clock, ends.get(arrival.user, clock))
        ends[arrival.user] = start + arrival.cost / arrival.weight
        tags.append(start)
    return tags


def choose(classes: Sequence[Sequence[Item]], aged: Sequence[bool], *, count: int, turn: int) -> list[Item]:
    """Return the next ``count`` of the lines of several classes, the most urgent class first.

    :param aged: by class, whether somebody in it has waited too long: then each AGED_EVERY-th turn is the class's, so
        that no class waits for ever.
    :param turn: number of turns given so far.
    """
    lines = [list(line) for line in classes]
    chosen: list[Item] = []
    while len(chosen) < count and any(lines):
        number = turn + len(chosen)
        late = [line for line, old in zip(lines[1:], aged[1:], strict=True) if old and line]
        others = late if late and number % AGED_EVERY == AGED_EVERY - 1 else []
        line = others[number // AGED_EVERY % len(others)] if others else next(line for line in lines if line)
        chosen.append(line.pop(0))
    return chosen


def credit(*, slots: int, rate: float, ahead_s: float, unknown: int) -> int:
    """Return how many bells of a queue may be out: rung and not answered by a claim.

    One for each slot, so that whoever finishes finds the next one waiting; more where steps are so short that slots
    would run dry between two rounds of the dispatcher.

    :param slots: of the nodes that consume the queue; 0 when none is known, then ``unknown`` counts.
    :param rate: claims per second lately. :param ahead_s: seconds of claims to ring ahead.
    """
    return max(slots or unknown, int(rate * ahead_s))
