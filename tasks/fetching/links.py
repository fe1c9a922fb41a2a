"""Which service a link leads to, and which of its media: read off the address alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tasks.fetching.urls import read_url

SERVICES = ("youtube", "soundcloud", "vimeo", "dailymotion", "tiktok", "twitter", "instagram")
"""Services whose sounds are extracted."""

_HOSTS = {
    "youtube.com": "youtube",
    "youtu.be": "youtube",
    "youtube-nocookie.com": "youtube",
    "soundcloud.com": "soundcloud",
    "vimeo.com": "vimeo",
    "dailymotion.com": "dailymotion",
    "dai.ly": "dailymotion",
    "tiktok.com": "tiktok",
    "twitter.com": "twitter",
    "x.com": "twitter",
    "instagram.com": "instagram",
}
_PATHS = {
    "youtube": re.compile(r"/(?:shorts|embed|live|v)/(?P<ref>[\w-]{11})(?:[/?]|$)"),
    "soundcloud": re.compile(r"/(?P<ref>[\w-]+/(?!sets/)[\w-]+)/?(?:\?|$)"),
    "vimeo": re.compile(r"/(?:video/|channels/[\w-]+/)?(?P<ref>\d+)(?:[/?]|$)"),
    "dailymotion": re.compile(r"/(?:(?:embed/)?video/)?(?P<ref>[A-Za-z0-9]{5,12})(?:[/?_]|$)"),
    "tiktok": re.compile(r"/(?:@[\w.-]*/(?:video|photo)|v|embed(?:/v2)?)/(?P<ref>\d{6,25})(?:[/?.]|$)"),
    "twitter": re.compile(r"/[\w/]+/status(?:es)?/(?P<ref>\d{1,25})(?:[/?]|$)"),
    "instagram": re.compile(r"/(?:[\w.]+/)?(?:p|tv|reels?)/(?P<ref>[\w-]+)(?:[/?]|$)"),
}


@dataclass(frozen=True)
class Link:
    """A link taken apart; ``service`` is empty for other hosts than ours, ``media_ref`` where only asking tells."""

    url: str
    service: str
    media_ref: str

    @property
    def site(self) -> str:
        """Whose machines answer: a service, whatever hosts it has, else the host."""
        return self.service or urlsplit(self.url).hostname or ""


def read_link(text: str, *, inside: bool = False) -> Link:
    """Take a link apart; raise PermanentError ``url.refused`` for what is never fetched."""
    url = read_url(text.strip(), inside=inside).url
    parts = urlsplit(url)
    service = service_of(parts.hostname or "")
    return Link(url, service, _media_ref(service, parts.hostname or "", parts.path, parts.query) if service else "")


def service_of(host: str) -> str:
    """Return the service that a host belongs to, empty when to none of ours."""
    labels = host.split(".")
    return next((_HOSTS[name] for n in range(len(labels)) if (name := ".".join(labels[n:])) in _HOSTS), "")


def _media_ref(service: str, host: str, path: str, query: str) -> str:
    if service == "youtube" and path == "/watch":
        found = parse_qs(query).get("v", [""])[0]
        return found if re.fullmatch(r"[\w-]{11}", found) else ""
    if service == "youtube" and host.endswith("youtu.be"):
        found = path.strip("/")
        return found if re.fullmatch(r"[\w-]{11}", found) else ""
    if host.startswith(("vm.", "vt.", "on.")):
        return ""
    matched = _PATHS[service].match(path)
    return matched["ref"] if matched else ""
