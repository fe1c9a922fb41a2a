"""Bodies of the ingest steps: plain functions of a step's context."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tasks.attempt import StepContext
from tasks.contracts import MediaInfo
from tasks.media.checksum import sha256_of
from tasks.media.limits import limits_of
from tasks.media.picture import clean_picture
from tasks.media.poster import extract_poster
from tasks.media.probe import probe_file


def probe(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and return its MediaInfo."""
    context.plan_stages(download=5, probe=5)
    with context.source_copy() as path:
        info = probe_file(
            path,
            limits_of(context.settings),
            progress=lambda seen_s, total_s: context.progress(seen_s, total_s, stage="probe", unit="s"),
        )
    return info.to_json()


def poster(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and store a still of it; without video the key is null."""
    if context.results.get("probe", {}).get("video", ...) is None:
        return {"object_key": None}
    context.plan_stages(download=5, poster=4, upload=1)
    picture = context.scratch / "poster.png"
    with context.source_copy() as path:
        width, height = extract_poster(path, picture, limits=limits_of(context.settings))
    context.progress(1, 1, stage="poster", unit="frames")
    key = context.put_output("poster.png", picture, content_type="image/png")
    return {"object_key": key, "width": width, "height": height}


def image(context: StepContext) -> dict[str, Any]:
    """Fetch a picture, store its pixels alone as PNG; return the copy's key and the picture's MediaInfo."""
    context.plan_stages(download=3, image=3, upload=1)
    clean = context.scratch / "image.png"
    with context.source_copy() as path:
        found = replace(clean_picture(path, clean), clean_sha256=sha256_of(clean))
        media = MediaInfo(found.format, 0.0, path.stat().st_size, sha256_of(path), image=found)
    context.progress(1, 1, stage="image", unit="pictures")
    key = context.put_output("image.png", clean, content_type="image/png")
    return {"object_key": key, "media": media.to_json()}
