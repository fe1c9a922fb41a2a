"""The one interface of all that fetches media by link, and what it is set up with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tasks.config import WorkerSettings
from tasks.contracts.samples import CreatorInfo, LinkInfo, LinkOrder
from tasks.errors import PermanentError, TransientError

Tick = Callable[[float, float], None]
"""Hears bytes done and in all (0: unknown); what it raises ends the fetch."""


class LinkFetcher(Protocol):
    """Asks services about links.

    Errors, permanent: ``link.unsupported dead private geo_blocked live too_long too_large playlist unreadable``,
    ``url.refused``; transient: ``link.unavailable``.
    """

    @property
    def name(self) -> str:
        """What it is called."""

    def resolve(self, order: LinkOrder) -> LinkInfo:
        """Return what the service tells of the media."""

    def creator(self, info: LinkInfo) -> CreatorInfo:
        """Return what the service tells of who made it."""

    def download(self, order: LinkOrder, folder: Path, tick: Tick) -> Path:
        """Write the media into an empty folder and return the file."""


@dataclass(frozen=True)
class FetchSettings:
    """How fetchers go out.

    :param inside: also reach inner networks, on any port: for tests and closed installations.
    :param sandbox: as REELYARD_SANDBOX. :param extractors: yt-dlp's names of what it may read.
    """

    extractors: tuple[str, ...]
    inside: bool = False
    proxy: str = ""
    sandbox: str = "auto"
    rapidapi_url: str = ""
    rapidapi_key: str = field(default="", repr=False)


def settings_of(settings: WorkerSettings) -> FetchSettings:
    """Return what the environment says of fetching."""
    return FetchSettings(
        extractors=settings.link_extractors,
        inside=settings.link_inside,
        proxy=settings.fetch_proxy,
        sandbox=settings.sandbox,
        rapidapi_url=settings.rapidapi_url,
        rapidapi_key=settings.rapidapi_key,
    )


def check_length(duration_s: float | None, order: LinkOrder) -> None:
    """Raise ``link.too_long`` for media whose length is told and too long."""
    if duration_s is not None and duration_s > order.max_duration_s:
        raise PermanentError(
            "link.too_long",
            f"The media lasts {duration_s:.0f} seconds; at most {order.max_duration_s:.0f} are taken",
            {"duration_s": round(duration_s, 1), "limit_s": order.max_duration_s},
        )


def unavailable(why: str) -> TransientError:
    """Return ``link.unavailable``."""
    return TransientError("link.unavailable", f"The service does not answer as it should: {why[:300]}")
