"""Bodies of the ingest steps: plain functions of a step's context; files are read in a process of their own."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts import MediaInfo
from tasks.ingest.confined import read_confined


def probe(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and return its MediaInfo."""
    context.plan_stages(download=5, probe=5)
    with context.source_copy() as path:
        info, _ = read_confined(
            context,
            "probe",
            path,
            progress=lambda seen_s, total_s: context.progress(seen_s, total_s, stage="probe", unit="s"),
        )
    return MediaInfo.from_json(info).to_json()


def poster(context: StepContext) -> dict[str, Any]:
    """Fetch the upload and store a still of it; without video the key is null."""
    if context.results.get("probe", {}).get("video", ...) is None:
        return {"object_key": None}
    context.plan_stages(download=5, poster=4, upload=1)
    with context.source_copy() as path:
        size, picture = read_confined(context, "poster", path)
    context.progress(1, 1, stage="poster", unit="frames")
    key = context.put_output("poster.png", picture, content_type="image/png")
    return {"object_key": key, "width": size["width"], "height": size["height"]}


def image(context: StepContext) -> dict[str, Any]:
    """Fetch a picture, store its pixels alone as PNG; return the copy's key and the picture's MediaInfo."""
    context.plan_stages(download=3, image=3, upload=1)
    with context.source_copy() as path:
        told, clean = read_confined(context, "image", path, kind="image")
    media = MediaInfo.from_json(told)
    context.progress(1, 1, stage="image", unit="pictures")
    key = context.put_output("image.png", clean, content_type="image/png")
    return {"object_key": key, "media": media.to_json()}
