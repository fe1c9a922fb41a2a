"""Every way in which a URL of somebody else's leads to a connection of ours, each as a call with that URL."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from tasks.delivery.bucket import Bucket
from tasks.delivery.hook import Hook
from tasks.delivery.parcel import Memory, Parcel
from tasks.fetching import Fetcher

Entry = Callable[[str], Any]


def entry_points(fetcher: Fetcher, folder: Path) -> dict[str, Entry]:
    """Return what fetches, by what it is for."""
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
    }
