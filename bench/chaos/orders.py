"""What a run is about: jobs by number, and how each of them means to end."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.chaos import poisons

FINE, POISON, BROKEN, CANCELLED, ROUGH = "fine", "poison", "broken", "cancelled", "rough"
"""Fates: does what it should; takes down what works on it each time; is refused for good; is cancelled by its owner;
a twentieth of its pieces kills its first worker."""
UPLOAD, RENDER, LONG, WIDE = "upload", "render", "long", "wide"
"""Kinds: three steps of which two run side by side; one step; pieces on several workers, and the joining of them; the
same of many pieces, on a farm that cuts into pieces of a second."""
BROKEN_CODE = "media.unsupported"
REASONS = frozenset({BROKEN_CODE}) | poisons.REASONS
"""The closed list: no accepted job may fail for any other reason."""

HEADER = b"\x00\x00\x00\x18ftypmp42"
DURATIONS_S = (0.02, 0.05, 0.1, 0.3, 0.8)
SHORT_S = 10.0
PIECES = {LONG: 4, WIDE: 40}
SECONDS = {LONG: 60.0, WIDE: 40.0}
"""Pieces and length of the kinds that are cut; the others are one piece and short."""
MARK = "chaos:"


@dataclass(frozen=True)
class Order:
    """One job that a client wants; ``work_s`` is how long each of its steps takes, ``poison`` of which kind it is."""

    number: int
    kind: str
    fate: str
    user: int
    work_s: float
    poison: str = ""

    def to_text(self) -> str:
        """Return it as bodies read it."""
        return MARK + json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    def to_bytes(self) -> bytes:
        """Return a file whose content is the order."""
        return HEADER + self.to_text().encode()


def read_order(text: str) -> Order:
    """Read what :meth:`Order.to_text` wrote, with anything before it."""
    return Order(**json.loads(text.partition(MARK)[2]))


def plan_orders(count: int, *, seed: int, users: int) -> list[Order]:
    """Return the orders of a run, the same for the same arguments; one in fifty is poison."""
    chance = random.Random(f"orders {seed}")
    orders = []
    for number in range(count):
        kind = chance.choices((UPLOAD, RENDER, LONG), (4, 5, 1))[0]
        fate = fate_of(number, chance)
        if fate == BROKEN:
            kind = UPLOAD  # what is wrong with a file is found as it comes in
        poison = poisons.KINDS[number // 50 % len(poisons.KINDS)] if fate == POISON else ""
        orders.append(Order(number, kind, fate, chance.randrange(users), chance.choice(DURATIONS_S), poison))
    return orders


def fate_of(number: int, chance: random.Random) -> str:
    """Return how an order shall end; each fifty hold one poison, one broken file and two that are cancelled."""
    fixed = {25: POISON, 10: BROKEN, 17: CANCELLED, 40: CANCELLED}
    chance.random()
    return fixed.get(number % 50, FINE)


def scenario_of(order: Order, *, duration_s: float) -> dict[str, Any]:
    """Return a scenario that says nothing but its order."""
    return {
        "version": "1",
        "canvas": {"width": 1080, "height": 1920},
        "tracks": [{"id": "t", "type": "captions", "cues": cues_of(order, duration_s)}],
    }


def cues_of(order: Order, duration_s: float) -> list[dict[str, Any]]:
    """Return one caption for each piece, so that no two pieces are the same."""
    count = PIECES.get(order.kind, 1)
    each_s = duration_s / count
    cues = []
    for number in range(count):
        start, end = number * each_s, (number + 1) * each_s - 0.1
        word = {"id": f"w{number}", "text": order.to_text(), "start": start, "end": end}
        cues.append({"id": f"c{number}", "start": start, "end": end, "words": [word]})
    return cues


def find_text(scenario: dict[str, Any]) -> str:
    """Return the first word of a scenario."""
    tracks: Sequence[dict[str, Any]] = scenario["tracks"]
    return str(tracks[0]["cues"][0]["words"][0]["text"])
