"""Values out of what services tell, cut to size and never believed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from tasks.contracts.samples import URL_LENGTH


def text_of(value: Any, longest: int) -> str:
    """Return a text without control characters, cut to size; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable() or letter == "\n").strip()[:longest]


def number_of(value: Any) -> int | None:
    """Return a count, None for anything else."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(value) if usable else None


def seconds_of(value: Any) -> float | None:
    """Return a length, None for anything else."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e9
    return float(value) if usable else None


def web_address(value: Any) -> str:
    """Return an address of the web, empty for anything else."""
    text = value if isinstance(value, str) else ""
    return text if re.match(r"https?://", text) and len(text) <= URL_LENGTH else ""


def spell_moment(stamp: int | None, day: str) -> str:
    """Return ISO 8601 of seconds since 1970, or of a day like 20261121."""
    if stamp:
        return datetime.fromtimestamp(min(stamp, 4_000_000_000), UTC).isoformat()
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day) else ""
