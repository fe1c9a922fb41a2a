"""Sizes of named limits as the settings give them. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase

UNNAMED_SIZE = 1
"""Size of a limit that nobody has sized: safe, and seen to be waited for."""


def parse_limits(value: str) -> list[tuple[str, int]]:
    """Read ``pattern=size, …``. Raise ValueError for anything else."""
    sizes = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        pattern, equals, size = part.rpartition("=")
        if not equals or not pattern.strip() or not size.strip().isdigit():
            raise ValueError(f"must be like 'provider:*=4, host:*=2' (it has {part!r})")
        sizes.append((pattern.strip(), int(size)))
    return sizes


def default_size(value: str, name: str) -> int:
    """Return the size of the first pattern that fits a name."""
    return next((size for pattern, size in parse_limits(value) if fnmatchcase(name, pattern)), UNNAMED_SIZE)
