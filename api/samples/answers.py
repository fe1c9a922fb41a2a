"""What samples look like from outside, put together."""

from __future__ import annotations

from typing import Any

from api.assets.service import keep_s
from api.extensions import get_storage
from api.samples.models import DownloadForm, Sample
from tasks.contracts.music import UNKNOWN

COLUMNS = (
    "id",
    "organisation_id",
    "job_id",
    "url",
    "service",
    "media_ref",
    "title",
    "tags",
    "creator",
    "duration_s",
    "bpm",
    "loops",
    "duplicate",
    "sha256",
    "downloads",
    "created_at",
    "updated_at",
)
SHOWN = {
    "waveform_url": ("waveform", "waveform.png", "image/png"),
    "peaks_url": ("peaks", "peaks.json", "application/json"),
    "thumbnail_url": ("thumbnail", "thumbnail.png", "image/png"),
    "listen_url": ("mp3", "sample.mp3", "audio/mpeg"),
}
"""Field of the answer: which file, its name, and its type."""


def describe_sample(sample: Sample) -> dict[str, Any]:
    """Return what a sample looks like from outside."""
    own = f"/api/v1/samples/{sample.id}"
    job = f"/api/v1/jobs/{sample.job_id}" if sample.job_id else None
    heard = sample.heard or {}
    return {
        **{name: getattr(sample, name) for name in COLUMNS},
        "status": sample.state,
        "error": sample.job.error if sample.job is not None else None,
        "source": sample.told,
        "key": None if sample.key == UNKNOWN else sample.key,
        "bpm_confidence": heard["tempo"]["confidence"] if heard else None,
        "key_confidence": heard["key"]["confidence"] if heard else None,
        "loudness": heard.get("loudness"),
        "forms": [form.value for form in DownloadForm if form.value in sample.files],
        **{field: shown_url(sample, *shown) for field, shown in SHOWN.items()},
        "links": {
            "self": own,
            "download": f"{own}/download",
            "job": job,
            "events": f"{job}/events" if job else None,
        },
    }


def shown_url(sample: Sample, name: str, filename: str, content_type: str) -> str | None:
    """Return a URL that shows one of a sample's files, None where there is none."""
    file = sample.files.get(name)
    if file is None:
        return None
    storage, cache_s = get_storage(), keep_s(content_type)
    return storage.presign_get(file["key"], filename=filename, content_type=content_type, inline=True, cache_s=cache_s)
