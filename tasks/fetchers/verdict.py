"""What a yt-dlp error means to whoever sent the link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import (
    ContentTooShortError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
    UserNotLive,
)

from tasks.fetchers.sentences import SENTENCES

_NETWORK = (RequestError, ContentTooShortError, ConnectionError, TimeoutError)
_BY_KIND: tuple[tuple[type[BaseException], str], ...] = (
    (UnsupportedError, "link.unsupported"),
    (GeoRestrictedError, "link.geo_blocked"),
    (UserNotLive, "link.live"),
)
_BY_STATUS = {401: "link.private", 403: "link.private", 404: "link.dead", 410: "link.dead", 451: "link.geo_blocked"}
_BY_TEXT = (
    ("link.unavailable", r"giving up after|incomplete ?read|bytes read|timed out|connection|any data blocks"),
    ("link.unsupported", r"no suitable extractor|unsupported url"),
    ("link.geo_blocked", r"geo.?restrict|geo.?block|(?:available|blocked|allowed) (?:in|from|for) your "),
    ("link.live", r"live event|premieres in|live stream|livestream|is offline|not currently live"),
    (
        "link.private",
        r"\bprivate\b|log.?in|sign.?in|members.only|subscri|password|permission|confirm your age|cookies",
    ),
    (
        "link.dead",
        r"unavailable|not available|no longer|removed|deleted|terminated|does ?n.t exist|not exist|not found|no video",
    ),
)


@dataclass(frozen=True)
class Verdict:
    """A stable code, one sentence, and whether trying again makes sense."""

    code: str
    detail: str
    transient: bool = False


def verdict_of(code: str) -> Verdict:
    """Return a verdict with its usual sentence."""
    return Verdict(code, SENTENCES[code], transient=code == "link.unavailable")


def judge_error(error: BaseException) -> Verdict:
    """Return what an error of yt-dlp's means."""
    chain = list(chain_of(error))
    for one in chain:
        if code := next((code for kind, code in _BY_KIND if isinstance(one, kind)), ""):
            return verdict_of(code)
    for one in chain:
        if isinstance(one, HTTPError):
            return verdict_of(_BY_STATUS.get(one.status, "link.unavailable"))
    if any(isinstance(one, _NETWORK) for one in chain):
        return verdict_of("link.unavailable")
    text = " ".join(str(getattr(one, "orig_msg", one)) for one in chain)
    said = (code for code, pattern in _BY_TEXT if re.search(pattern, text, re.IGNORECASE))
    expected = any(isinstance(one, ExtractorError) and one.expected for one in chain)
    return verdict_of(next(said, "link.dead" if expected else "link.unreadable"))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came of, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = getattr(one, "exc_info", None)
        waiting += [inner[1] if inner else None, getattr(one, "cause", None), one.__cause__]
