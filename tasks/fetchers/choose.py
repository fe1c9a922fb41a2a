"""Who asks about a link."""

from __future__ import annotations

from tasks.fetchers.base import FetchSettings, LinkFetcher
from tasks.fetchers.rapidapi import RapidApi
from tasks.fetchers.ytdlp import YtDlp
from tasks.fetching.links import read_link


def choose_fetcher(url: str, settings: FetchSettings) -> LinkFetcher:
    """Return RapidAPI's service for TikTok where there is a key for it, else yt-dlp; raise ``url.refused``."""
    link = read_link(url, inside=settings.inside)
    if settings.rapidapi_key and link.service == "tiktok":
        return RapidApi(settings)
    return YtDlp(settings)
