"""TikTok through a service on RapidAPI (``tiktok-scraper7`` and those that answer alike)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tasks.contracts.samples import TEXT_LENGTH, TITLE_LENGTH, CreatorInfo, LinkInfo, LinkOrder
from tasks.errors import PermanentError, ReelyardError
from tasks.fetchers.base import FetchSettings, Tick, check_length, unavailable
from tasks.fetchers.sentences import SENTENCES
from tasks.fetchers.values import number_of, seconds_of, spell_moment, text_of, web_address
from tasks.fetching import Fetcher, FetchLimits
from tasks.fetching.links import read_link

ASK_S, DOWNLOAD_S = 45.0, 900.0
_MOST_JSON = 4 << 20


class RapidApi:
    """Asks the service for what a link leads to; media comes from where it says, through the one fetcher."""

    name = "rapidapi"

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings

    def resolve(self, order: LinkOrder) -> LinkInfo:
        """Return what the service tells of a video."""
        info = read_video(self._look_up(order), order.url)
        check_length(info.duration_s, order)
        return info

    def creator(self, info: LinkInfo) -> CreatorInfo:
        """Return what the service tells of a user, over what it told with the video."""
        known = info.creator
        if not known.handle:
            return known
        told = self._ask("/user/info", {"unique_id": known.handle})
        user, stats = dict_of(told.get("user")), dict_of(told.get("stats"))
        return CreatorInfo(
            ref=known.ref,
            handle=text_of(user.get("uniqueId"), 200) or known.handle,
            name=text_of(user.get("nickname"), 200) or known.name,
            url=known.url,
            description=text_of(user.get("signature"), TEXT_LENGTH),
            followers=number_of(stats.get("followerCount")),
        )

    def download(self, order: LinkOrder, folder: Path, tick: Tick) -> Path:
        """Fetch the video without the mark of the service; its address lives for some hours only."""
        told = self._look_up(order)
        check_length(seconds_of(told.get("duration")), order)
        address = next((found for name in ("hdplay", "play") if (found := web_address(told.get(name)))), "")
        if not address:
            raise PermanentError("link.unreadable", SENTENCES["link.unreadable"])
        limits = FetchLimits(order.max_bytes, DOWNLOAD_S)
        fetcher = Fetcher(limits, inside=self._settings.inside, proxy=self._settings.proxy)
        path = folder / "media.mp4"
        try:
            fetched = fetcher.fetch(address, path)
        except PermanentError as error:
            if error.code == "url.too_large":
                raise PermanentError("link.too_large", error.detail) from error
            raise
        tick(fetched.size_bytes, fetched.size_bytes)
        return path

    def _look_up(self, order: LinkOrder) -> dict[str, Any]:
        link = read_link(order.url, inside=self._settings.inside)
        return self._ask("/", {"url": link.url, "hd": "1"})

    def _ask(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """Return the data of an answer; raise what its status, or the code in it, means."""
        settings = self._settings
        base = settings.rapidapi_url.rstrip("/")
        headers = {"X-RapidAPI-Key": settings.rapidapi_key, "X-RapidAPI-Host": urlsplit(base).hostname or ""}
        fetcher = Fetcher(FetchLimits(_MOST_JSON, ASK_S), inside=settings.inside, proxy=settings.proxy)
        try:
            told = read_json(fetcher.read(f"{base}{path}?{urlencode(query)}", headers))
        except ReelyardError as error:
            if error.code.startswith("link."):
                raise
            raise unavailable(f"RapidAPI: {error.detail}") from error
        if told.get("code") != 0:
            raise refusal_of(text_of(told.get("msg"), 300))
        return dict_of(told.get("data"))


def read_json(data: bytes) -> dict[str, Any]:
    """Return an answer that is an object."""
    try:
        return dict_of(json.loads(data))
    except ValueError as error:
        raise unavailable("RapidAPI answers no JSON") from error


def refusal_of(said: str) -> Exception:
    """Return the error of what the service says in words."""
    words = said.lower()
    for code, marks in (
        ("link.private", ("private", "login")),
        ("link.unsupported", ("parsing is failed", "invalid", "check url")),
        ("link.dead", ("not exist", "removed", "not found", "unavailable", "deleted")),
    ):
        if any(mark in words for mark in marks):
            return PermanentError(code, SENTENCES[code])
    return unavailable(f"RapidAPI says {said}")


def read_video(told: dict[str, Any], url: str) -> LinkInfo:
    """Return what is told of a video."""
    author = dict_of(told.get("author"))
    handle = text_of(author.get("unique_id"), 200)
    media_ref = text_of(str(told.get("id") or ""), 200)
    if not media_ref:
        raise PermanentError("link.unreadable", SENTENCES["link.unreadable"])
    page = f"https://www.tiktok.com/@{handle}"
    title = text_of(told.get("title"), TEXT_LENGTH)
    return LinkInfo(
        service="tiktok",
        media_ref=media_ref,
        url=f"{page}/video/{media_ref}" if handle else url,
        title=title.splitlines()[0][:TITLE_LENGTH] if title else media_ref,
        fetcher="rapidapi",
        creator=CreatorInfo(
            ref=text_of(author.get("id"), 200),
            handle=handle,
            name=text_of(author.get("nickname"), 200),
            url=page if handle else "",
        ),
        description=title,
        duration_s=seconds_of(told.get("duration")),
        published_at=spell_moment(number_of(told.get("create_time")), ""),
        views=number_of(told.get("play_count")),
        likes=number_of(told.get("digg_count")),
        comments=number_of(told.get("comment_count")),
        shares=number_of(told.get("share_count")),
        thumbnail_url=web_address(told.get("origin_cover")) or web_address(told.get("cover")),
    )


def dict_of(value: Any) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}
