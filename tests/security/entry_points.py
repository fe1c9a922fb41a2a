"""Every way in which a URL of somebody else's leads to a connection of ours, each as a call with that URL."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from tasks.delivery.bucket import Bucket
from tasks.delivery.hook import Hook
from tasks.delivery.parcel import Memory, Parcel
from tasks.errors import PermanentError
from tasks.fetching import Fetcher

Entry = Callable[[str], Any]


def entry_points(fetcher: Fetcher, folder: Path, gate: Path) -> dict[str, Entry]:
    """Return what fetches, by what it is for.

    :param gate: the socket file of a gate, which programs that fetch by themselves stand behind.
    """
    clip = folder / "clip.mp4"
    clip.write_bytes(b"clip")
    parcel = Parcel("ref", clip, "clip.mp4", "video/mp4", 4, "https://example.com/clip", "Clip")
    memory, names = Memory(), count()
    secret = {"signing_secret": f"whsec_{b64encode(bytes(24)).decode()}"}
    keys = {"access_key_id": "a", "secret_access_key": "b"}

    def fetch(url: str) -> Any:
        path = folder / f"entry-{next(names)}"
        try:
            return fetcher.fetch(url, path)
        finally:
            path.unlink(missing_ok=True)

    def to_hook(url: str) -> Any:
        return Hook(fetcher, {"url": url}, secret).publish(parcel, memory, lambda done: None)

    def to_bucket(url: str) -> Any:
        settings = {"endpoint_url": url, "bucket": "b"}
        return Bucket(fetcher, settings, keys).publish(parcel, memory, lambda done: None)

    return {
        "link": fetch,
        "webhook": lambda url: fetcher.post(url, b"{}", {}),
        "upload": lambda url: fetcher.put(url, clip, {}, tick=lambda done: None),
        "delivery to a webhook": to_hook,
        "delivery to a bucket": to_bucket,
        "program behind the gate": lambda url: ask(gate, f"GET {url} HTTP/1.1"),
        "tunnel through the gate": lambda url: ask(gate, f"CONNECT {authority_of(url)} HTTP/1.1"),
    }


def authority_of(url: str) -> str:
    """Return host and port, as a careless client would take them."""
    host = url.partition("//")[2].partition("/")[0].rpartition("@")[2]
    return f"{host}:443" if host.endswith("]") or ":" not in host else host


def ask(gate: Path, request: str) -> int:
    """Send a request to a gate; raise ``url.refused`` unless it lets it pass."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(gate))
        client.sendall(f"{request}\r\nHost: example.com\r\n\r\n".encode("utf-8", "replace"))
        status = client.makefile("rb").readline().split()
    if status[1:2] != [b"200"]:
        raise PermanentError("url.refused", "The gate refuses")
    return 200
