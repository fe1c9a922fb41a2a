"""What each action costs: one table, every line of it open to configuration (``REELYARD_PRICES``).

Prices are exact decimals per unit; what is charged is whole credits, rounded up once for the whole action.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType

from tasks.errors import InvalidInputError

MAX_PRICE = Decimal(1_000_000)
DECIMALS = 6


class Unit(StrEnum):
    """What a price is for."""

    MINUTE = "minute"
    PIECE = "piece"


class Action(StrEnum):
    """Everything that has a price; renders are priced by the size of their picture."""

    RENDER_720 = "render.720p"
    RENDER_1080 = "render.1080p"
    RENDER_1440 = "render.1440p"
    RENDER_2160 = "render.2160p"
    RENDER_4320 = "render.4320p"
    TRANSCRIPTION = "transcription"
    ANALYSIS = "analysis"
    CUTTING = "cutting"
    CLIPS = "clips"
    COMPOSITION = "composition"
    STILL = "still"
    PLAY = "play"
    SPEECH = "speech"
    SAMPLE = "sample"
    EXTRACTION = "extraction"


BY_PIECE = (Action.STILL, Action.PLAY, Action.SPEECH, Action.SAMPLE, Action.EXTRACTION)
UNITS: Mapping[Action, Unit] = MappingProxyType(
    {action: Unit.PIECE if action in BY_PIECE else Unit.MINUTE for action in Action}
)

DEFAULT_PRICES: Mapping[Action, Decimal] = MappingProxyType(
    {
        Action.RENDER_720: Decimal(5),
        Action.RENDER_1080: Decimal(10),
        Action.RENDER_1440: Decimal(20),
        Action.RENDER_2160: Decimal(40),
        Action.RENDER_4320: Decimal(160),
        Action.TRANSCRIPTION: Decimal(2),
        Action.ANALYSIS: Decimal(1),
        Action.CUTTING: Decimal(1),
        Action.CLIPS: Decimal(2),
        Action.COMPOSITION: Decimal(2),
        Action.STILL: Decimal(0),
        Action.PLAY: Decimal(1),
        Action.SPEECH: Decimal(1),
        Action.SAMPLE: Decimal(1),
        Action.EXTRACTION: Decimal(1),
    }
)
"""Credits per unit; a still is free, since it is how one avoids a wrong render."""

SIZES: tuple[tuple[int, Action], ...] = (
    (1280 * 720, Action.RENDER_720),
    (1920 * 1080, Action.RENDER_1080),
    (2560 * 1440, Action.RENDER_1440),
    (3840 * 2160, Action.RENDER_2160),
)
"""Most pixels of a picture for each price, whatever its shape; larger ones cost the last price."""


def parse_prices(text: str) -> Mapping[Action, Decimal]:
    """Read ``render.1080p=10,transcription=1.5`` over the defaults; raise ValueError with what was expected."""
    prices = dict(DEFAULT_PRICES)
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in list(Action) or not equals:
            raise ValueError(f"must be like 'render.1080p=10,transcription=2' with names of {', '.join(Action)}")
        prices[Action(name)] = parse_price(value)
    return MappingProxyType(prices)


def parse_price(value: str) -> Decimal:
    """Read one price: credits per unit, at most six decimals."""
    try:
        price = Decimal(value)
        exact = price == round(price, DECIMALS)
    except InvalidOperation:
        price, exact = Decimal(-1), False
    if not (exact and 0 <= price <= MAX_PRICE):
        raise ValueError(f"must give prices from 0 to {MAX_PRICE} with at most {DECIMALS} decimals")
    return price


def price_of(prices: Mapping[Action, Decimal], action: Action | str, quantity: float) -> int:
    """Return the credits for a quantity of an action, rounded up.

    :param quantity: seconds for actions priced by the minute, pieces otherwise.

    Raises ``credits.unknown_action`` or, for less than nothing, ``credits.bad_quantity``.
    """
    if action not in list(Action):
        raise InvalidInputError("credits.unknown_action", f"Nothing called {action} has a price")
    if not (math.isfinite(quantity) and quantity >= 0):
        raise InvalidInputError("credits.bad_quantity", "A quantity is a number that is not negative")
    kind = Action(action)
    amount = Decimal(str(round(quantity, 3))) * prices[kind]
    return math.ceil(amount / 60 if UNITS[kind] is Unit.MINUTE else amount)


def render_action(width: int, height: int) -> Action:
    """Name the price that a picture of this size falls under."""
    return next((action for pixels, action in SIZES if width * height <= pixels), Action.RENDER_4320)
