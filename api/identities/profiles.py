"""Who somebody is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """Who somebody is at a provider; ``email`` is None unless the provider has proven it."""

    provider: str
    subject: str
    email: str | None
