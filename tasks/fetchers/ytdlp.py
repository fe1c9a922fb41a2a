"""yt-dlp, in a process of its own: no network but the gate, no programs, no files but an empty folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tasks.children import current_children, kill_tree
from tasks.contracts.samples import NAME_LENGTH, TEXT_LENGTH, TITLE_LENGTH, CreatorInfo, LinkInfo, LinkOrder
from tasks.errors import PermanentError, ReelyardError, TransientError
from tasks.fetchers.base import FetchSettings, Tick, check_length, unavailable
from tasks.fetchers.values import number_of, seconds_of, spell_moment, text_of, web_address
from tasks.fetching import FetchLimits
from tasks.fetching.gate import Gate
from tasks.fetching.links import read_link
from tasks.sandbox import clean_environment, confine

PAGE_BYTES = 64 << 20
"""Most that looking at a link, without its media, may bring."""
ASK_S, DOWNLOAD_S, WAIT_S = 90.0, 1800.0, 20.0
SPARE_S = 10.0
"""Between the end of the gate, which lets the reader say why, and that of the reader."""
PROGRAM = "tasks.fetchers.reader"
_LONGEST_LINE = 4 << 20


class YtDlp:
    """Reads links with yt-dlp.

    :param program: module that is run; tests run one with an extractor of their own.
    """

    name = "yt-dlp"

    def __init__(
        self, settings: FetchSettings, *, program: str = PROGRAM, ask_s: float = ASK_S, wait_s: float = WAIT_S
    ) -> None:
        self._settings, self._program = settings, program
        self._ask_s, self._wait_s = ask_s, wait_s

    def resolve(self, order: LinkOrder) -> LinkInfo:
        """Return what yt-dlp finds on the page."""
        with tempfile.TemporaryDirectory(prefix="link-") as folder:
            told = self._run("resolve", order, Path(folder), cap=FetchLimits(PAGE_BYTES, self._ask_s))
        info = read_info(told)
        check_length(info.duration_s, order)
        return info

    def creator(self, info: LinkInfo) -> CreatorInfo:
        """Return what the creator's page tells, over what the media's page told; that alone without such a page."""
        known = info.creator
        if not known.url:
            return known
        with tempfile.TemporaryDirectory(prefix="link-") as folder:
            try:
                told = self._run(
                    "creator", LinkOrder(known.url), Path(folder), cap=FetchLimits(PAGE_BYTES, self._ask_s)
                )
            except PermanentError:
                return known
        found = read_creator(told)
        return CreatorInfo(
            ref=known.ref,
            handle=known.handle or found.handle,
            name=known.name or found.name,
            url=known.url,
            description=text_of(told.get("description"), TEXT_LENGTH),
            followers=found.followers if found.followers is not None else known.followers,
        )

    def download(self, order: LinkOrder, folder: Path, tick: Tick) -> Path:
        """Have yt-dlp write the best sound there is."""
        cap = FetchLimits(order.max_bytes + PAGE_BYTES, DOWNLOAD_S)
        name = str(self._run("download", order, folder, cap=cap, tick=tick))
        path = folder / name
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            raise unavailable("nothing was written")
        if path.stat().st_size > order.max_bytes:
            raise PermanentError("link.too_large", f"The media has more than {order.max_bytes} bytes")
        return path

    def _run(self, what: str, order: LinkOrder, folder: Path, *, cap: FetchLimits, tick: Tick | None = None) -> Any:
        """Run the process with a gate of its own; return its result, raise its refusal or the gate's."""
        settings = self._settings
        url = read_link(order.url, inside=settings.inside).url
        asked = {
            "what": what,
            "url": url,
            "extractors": settings.extractors,
            "max_bytes": order.max_bytes,
            "max_duration_s": order.max_duration_s,
            "wait_s": self._wait_s,
        }
        with tempfile.TemporaryDirectory(prefix="gate-") as place:
            gate_path = Path(place) / "gate"
            command = [sys.executable, "-m", self._program, json.dumps(asked), str(folder), str(gate_path)]
            walled = confine(settings.sandbox, command, reads=Path(place), writes=folder)
            with Gate(gate_path, cap, inside=settings.inside, proxy=settings.proxy) as gate:
                told, said = run_child(walled, tick or (lambda done, total: None), limit_s=cap.total_s)
                if gate.refusal is not None and "result" not in told:
                    code = "link.too_large" if gate.refusal.code == "url.too_large" else gate.refusal.code
                    raise PermanentError(code, gate.refusal.detail)
        if "result" in told:
            return told["result"]
        raise refusal_of(told, said)


def run_child(command: list[str], tick: Tick, *, limit_s: float) -> tuple[dict[str, Any], str]:
    """Run the reader; return its last line, and the end of what it complained."""
    children = current_children()
    with tempfile.TemporaryFile() as complaints:
        process = children.start(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=clean_environment()
        )
        assert process.stdout is not None
        ending = threading.Timer(limit_s + SPARE_S, kill_tree, (process.pid,))
        ending.start()
        try:
            told = listen(process.stdout, tick)
        finally:
            ending.cancel()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0 if sys.exc_info()[0] else 5)
            kill_tree(process.pid)
            process.wait()
            process.stdout.close()
            children.forget(process.pid)
        complaints.seek(0)
        return told, complaints.read()[-2000:].decode(errors="replace")


def listen(answers: IO[bytes], tick: Tick) -> dict[str, Any]:
    """Pass progress on as it comes; return the last line, empty when it cannot be understood."""
    while line := answers.readline(_LONGEST_LINE):
        try:
            told = json.loads(line)
        except ValueError:
            return {}
        if not isinstance(told, dict):
            return {}
        if "progress" not in told:
            return told
        done, total = told["progress"]
        tick(float(done), float(total))
    return {}


def refusal_of(told: dict[str, Any], said: str) -> ReelyardError:
    """Return the error that the reader told of, or that it told nothing."""
    refusal = told.get("refusal")
    if not isinstance(refusal, dict):
        return unavailable(f"reading it ended without an answer {said.strip()[-200:]}")
    code, detail = str(refusal.get("code", "")), str(refusal.get("detail", ""))[:500]
    if not re.fullmatch(r"link\.[a-z_]{1,40}", code):
        return unavailable("reading it ended with a strange answer")
    return (TransientError if refusal.get("transient") else PermanentError)(code, detail)


def read_info(told: Any) -> LinkInfo:
    """Return what the reader told, cut to size: it read pages of strangers."""
    if not isinstance(told, dict):
        raise unavailable("what it tells cannot be understood")
    url = web_address(told.get("webpage_url"))
    service = (read_link(url, inside=True).service if url else "") or text_of(told.get("extractor_key"), 40).lower()
    stamp = number_of(told.get("timestamp"))
    return LinkInfo(
        service=service,
        media_ref=text_of(told.get("id"), NAME_LENGTH),
        url=url,
        title=text_of(told.get("title"), TITLE_LENGTH) or text_of(told.get("id"), TITLE_LENGTH),
        fetcher=f"yt-dlp {text_of(told.get('version'), 20)}",
        creator=read_creator(told),
        description=text_of(told.get("description"), TEXT_LENGTH),
        duration_s=seconds_of(told.get("duration")),
        published_at=spell_moment(stamp, text_of(told.get("upload_date"), 8)),
        views=number_of(told.get("view_count")),
        likes=number_of(told.get("like_count")),
        comments=number_of(told.get("comment_count")),
        shares=number_of(told.get("repost_count")),
        thumbnail_url=web_address(told.get("thumbnail")),
    )


def read_creator(told: Any) -> CreatorInfo:
    """Return who made it."""
    first = _first_of(told if isinstance(told, dict) else {})
    return CreatorInfo(
        ref=first("channel_id", "uploader_id", "uploader"),
        handle=first("uploader_id", "uploader", "channel"),
        name=first("channel", "uploader", "uploader_id"),
        url=web_address(first("uploader_url", "channel_url")),
        followers=number_of(told.get("channel_follower_count")) if isinstance(told, dict) else None,
    )


def _first_of(told: dict[str, Any]) -> Callable[..., str]:
    return lambda *names: next((found for name in names if (found := text_of(told.get(name), NAME_LENGTH))), "")
