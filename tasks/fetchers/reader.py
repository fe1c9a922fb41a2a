"""The process that runs yt-dlp: ``python -m tasks.fetchers.reader ORDER FOLDER GATE``; see :mod:`tasks.fetchers.ytdlp`.

Its answers are lines of JSON: any number of ``{"progress": [done, total]}``, then one ``{"result": …}`` or
``{"refusal": {code, detail, transient}}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

os.environ["YTDLP_NO_PLUGINS"] = "1"  # before the import: code of others that lies about is not run

from yt_dlp import YoutubeDL
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import YoutubeDLError
from yt_dlp.version import __version__

from tasks.fetchers.bridge import open_bridge
from tasks.fetchers.verdict import Verdict, judge_error, verdict_of
from tasks.progress import Throttle
from tasks.sandbox import Limits, limit_self

MEMORY_BYTES = 3 << 30
CPU_S = 600
SPARE_BYTES = 16 << 20
NAME = "media"
_LIVE = ("is_live", "is_upcoming", "post_live")
_TELL_EVERY_S = 0.2
_FIELDS = (
    "extractor_key",
    "id",
    "webpage_url",
    "title",
    "description",
    "duration",
    "timestamp",
    "upload_date",
    "view_count",
    "like_count",
    "comment_count",
    "repost_count",
    "thumbnail",
    "uploader",
    "uploader_id",
    "uploader_url",
    "channel",
    "channel_id",
    "channel_url",
    "channel_follower_count",
)


class RefusedError(Exception):
    """Raised inside of yt-dlp to end with a verdict; it lets pass what is no error of its own."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict


class Silence:
    """Hears what yt-dlp has to say."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    info = warning = error = debug


def main(arguments: Sequence[str], *, extractors: Sequence[type[InfoExtractor]] = ()) -> int:
    """Do what is ordered; 0 also when it was refused. :param extractors: more of them than yt-dlp has."""
    order, folder, gate = json.loads(arguments[0]), Path(arguments[1]), arguments[2]
    limit_self(Limits(MEMORY_BYTES, CPU_S, order["max_bytes"] + SPARE_BYTES))
    throttle = Throttle(_TELL_EVERY_S)

    def watch(told: dict[str, Any]) -> None:
        done = told.get("downloaded_bytes") or 0
        if done > order["max_bytes"]:
            refuse("link.too_large")
        if throttle.ready():
            tell({"progress": [done, told.get("total_bytes") or told.get("total_bytes_estimate") or 0]})

    try:
        params = options(order, folder, open_bridge(gate))
        with YoutubeDL({**params, "progress_hooks": [watch]}, auto_init=not extractors) as ydl:
            for extractor in extractors:
                ydl.add_info_extractor(extractor())
            tell({"result": WORK[order["what"]](ydl, order, folder)})
    except RefusedError as error:
        tell_refusal(error.verdict)
    except (YoutubeDLError, OSError, ValueError) as error:
        tell_refusal(judge_error(error))
    return 0


def options(order: dict[str, Any], folder: Path, port: int) -> dict[str, Any]:
    """Return how yt-dlp is to work: through the gate, into the folder, with nothing but its own code."""
    return {
        "proxy": f"http://127.0.0.1:{port}",
        "allowed_extractors": order["extractors"],
        "logger": Silence(),
        "noprogress": True,
        "cachedir": False,
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "playlistend": 2,
        "ignore_no_formats_error": order["what"] != "download",
        "format": "bestaudio/best",
        "outtmpl": {"default": str(folder / f"{NAME}.%(ext)s")},
        "max_filesize": order["max_bytes"],
        "socket_timeout": order["wait_s"],
        "retries": 1,
        "fragment_retries": 1,
        "extractor_retries": 0,
        "file_access_retries": 0,
        "fixup": "never",
        "hls_prefer_native": True,
        "external_downloader": {"default": "native"},
        "ffmpeg_location": str(folder / "none"),
        "js_runtimes": {},
        "match_filter": lambda info, incomplete=False: check(info, order),
        "usenetrc": False,
        "updatetime": False,
    }


def check(info: dict[str, Any], order: dict[str, Any]) -> None:
    """Raise unless media is one whole thing of a length that is taken."""
    if info.get("is_live") or info.get("live_status") in _LIVE:
        refuse("link.live")
    duration_s = info.get("duration")
    if isinstance(duration_s, (int, float)) and duration_s > order["max_duration_s"]:
        limit_s = order["max_duration_s"]
        detail = f"The media lasts {duration_s:.0f} seconds; at most {limit_s:.0f} are taken"
        raise RefusedError(Verdict("link.too_long", detail))


def resolve(ydl: YoutubeDL, order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what is told of a link."""
    info = ydl.extract_info(order["url"], download=False) or {}
    if info.get("_type", "video") != "video":
        refuse("link.playlist")
    check(info, order)
    return {**{name: info.get(name) for name in _FIELDS}, "version": __version__}


def creator(ydl: YoutubeDL, order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what is told of a page of somebody's."""
    info = ydl.extract_info(order["url"], download=False, process=False) or {}
    return {name: info.get(name) for name in _FIELDS}


def download(ydl: YoutubeDL, order: dict[str, Any], folder: Path) -> str:
    """Download the media of a link; return the file's name."""
    info = ydl.extract_info(order["url"], download=True) or {}
    if info.get("_type", "video") != "video":
        refuse("link.playlist")
    found = [path for path in folder.iterdir() if path.is_file() and path.suffix not in (".part", ".ytdl")]
    if len(found) != 1:
        refuse("link.unreadable" if found else "link.too_large")  # yt-dlp leaves what announces too much, silently
    return found[0].name


def refuse(code: str) -> NoReturn:
    """End with a verdict."""
    raise RefusedError(verdict_of(code))


def tell(document: dict[str, Any]) -> None:
    """Print a line for the process that waits."""
    print(json.dumps(document), flush=True)  # noqa: T201 -- its way to answer


def tell_refusal(verdict: Verdict) -> None:
    """Tell why there is nothing."""
    tell({"refusal": {"code": verdict.code, "detail": verdict.detail, "transient": verdict.transient}})


WORK = {"resolve": resolve, "creator": creator, "download": download}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
