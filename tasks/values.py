"""What an environment variable is, and what its value may be: each function reads text, or raises ValueError.

The table of :mod:`tasks.environment` is written with them (ring 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    :param parse: turns the text into a value or raises ValueError with what was expected.
    :param default: used when unset; ``None`` together with ``required`` means it must be set.
    :param secret: never logged, never shown by ``reelyard doctor``.
    """

    name: str
    parse: Callable[[str], Any]
    help: str
    default: Any = None
    required: bool = False
    secret: bool = False


def text(value: str) -> str:
    """Accept any text that is not blank."""
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def secret_text(value: str) -> str:
    """Accept a secret of at least 32 bytes, so that nobody runs on a guessable one."""
    if len(value.encode()) < 32:
        raise ValueError("must be at least 32 bytes long")
    return value


def url(*schemes: str) -> Callable[[str], str]:
    """Accept a URL with one of the schemes; a trailing slash is dropped."""

    def parse(value: str) -> str:
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with {' or '.join(s + '://' for s in schemes)}")
        return value.rstrip("/")

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    """Accept a whole number in [low, high]."""

    def parse(value: str) -> int:
        number = int(value) if value.strip().lstrip("-").isdigit() else None
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Accept a number of seconds in [low, high]."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return number

    return parse


def choice(*options: str) -> Callable[[str], str]:
    """Accept one of the options."""

    def parse(value: str) -> str:
        if value not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return value

    return parse


def flag(value: str) -> bool:
    """Accept true/false, yes/no, on/off, 1/0."""
    lowered = value.strip().lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def decibels(low: float, high: float) -> Callable[[str], float]:
    """Accept a level in [low, high]."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"must be a level from {low:g} to {high:g}")
        return number

    return parse


def numbers(value: str) -> tuple[float, ...]:
    """Accept a comma-separated list of rising numbers above 0."""
    try:
        read = tuple(float(part) for part in words(value))
    except ValueError:
        read = ()
    if not read or not 0 < read[0] <= read[-1] < float("inf") or list(read) != sorted(set(read)):
        raise ValueError("must be rising numbers above 0, like 5,10")
    return read


def dollars(value: str) -> float:
    """Accept an amount from 0 to 100000 US dollars."""
    try:
        amount = float(value)
    except ValueError:
        amount = float("nan")
    if not 0 <= amount <= 100_000:
        raise ValueError("must be an amount of US dollars from 0 to 100000")
    return amount


def words(value: str) -> tuple[str, ...]:
    """Accept a comma-separated list."""
    return tuple(part.strip() for part in value.split(",") if part.strip())
