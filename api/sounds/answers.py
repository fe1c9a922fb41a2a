"""What sounds look like from outside, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.extensions import get_storage
from api.sounds.models import Sound
from api.sounds.service import favourites_among
from api.users.models import User

COLUMNS = (
    "id",
    "organisation_id",
    "asset_id",
    "job_id",
    "type",
    "title",
    "tags",
    "duration_s",
    "speech",
    "plays",
    "created_at",
    "updated_at",
)


def describe_sounds(session: Session, user: User, sounds: Sequence[Sound]) -> list[dict[str, Any]]:
    """Return what sounds look like to somebody."""
    liked = favourites_among(session, user, sounds)
    return [describe_sound(sound, favourite=sound.id in liked) for sound in sounds]


def describe_sound(sound: Sound, *, favourite: bool) -> dict[str, Any]:
    """Return what a sound looks like from outside."""
    own = f"/api/v1/sounds/{sound.id}"
    return {
        **{name: getattr(sound, name) for name in COLUMNS},
        "state": sound.state.value,
        "error": sound.job.error if sound.job is not None else None,
        "level": sound.levelled,
        "favourite": favourite,
        "waveform_url": get_storage().presign_get(
            sound.waveform_key, filename="waveform.json", content_type="application/json", inline=True
        )
        if sound.waveform_key
        else None,
        "links": {
            "self": own,
            "file": f"{own}/file",
            "original": f"/api/v1/assets/{sound.asset_id}/download" if sound.asset_id else None,
            "job": f"/api/v1/jobs/{sound.job_id}" if sound.job_id else None,
        },
    }
