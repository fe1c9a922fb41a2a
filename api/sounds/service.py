"""Use cases of sounds: take, list, change, like, play, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, cast, func, select
from sqlalchemy.dialects.postgresql import REGCONFIG, insert
from sqlalchemy.orm import Session

from api.assets.cleanup import delete_objects_after_commit
from api.assets.models import Asset, AssetKind
from api.assets.service import Download, expiry, require_ready
from api.config import ApiSettings
from api.errors import ConflictError
from api.ids import get_owned, get_visible, new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import in_place, placed_in, visible_to
from api.sounds.models import (
    TITLE_LENGTH,
    ListenerDay,
    Sound,
    SoundDay,
    SoundFavourite,
    SoundPlay,
    SoundState,
    SoundType,
)
from api.users.models import User
from tasks.contracts.sounds import SoundOrder
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.storage.base import Storage
from tasks.workflows.sounds import build_sound_steps

JOB_KIND = "sound"
SIMPLE = "simple"
CONTENT_TYPE = "audio/mpeg"


def select_sounds(
    user: User,
    *,
    organisation_id: UUID | None = None,
    types: Sequence[str] = (),
    tag: str | None = None,
    q: str | None = None,
    favourite: bool = False,
    sha256: str | None = None,
) -> Select[tuple[Sound]]:
    """Select the sounds that the caller may see: of any of the types, with the tag, with all the words."""
    query = select(Sound).where(visible_to(Sound, organisation_id))
    if types:
        query = query.where(Sound.type.in_(types))
    if tag:
        query = query.where(Sound.tags.contains([tag]))
    if q:
        query = query.where(Sound.words.op("@@")(func.websearch_to_tsquery(cast(SIMPLE, REGCONFIG), q)))
    if sha256:
        query = query.where(Sound.sha256 == sha256)
    if favourite:
        query = query.join(SoundFavourite, SoundFavourite.sound_id == Sound.id)
        query = query.where(SoundFavourite.user_id == user.id)
    return query


def get_sound(sound_id: UUID) -> Sound:
    """Return the caller's sound as the request's method may treat it; it outlives the file it was made of."""
    return get_owned(Sound, sound_id)


def see_sound(sound_id: UUID) -> Sound:
    """Return a sound that the caller may read, whatever the request's method."""
    return get_visible(Sound, sound_id)


def lock_sound(session: Session, sound_id: UUID) -> Sound:
    """Return the caller's sound, locked and as it is now."""
    sound = get_sound(sound_id)
    session.refresh(sound, with_for_update=True)
    return sound


def create_sound(session: Session, user: User, body: dict[str, Any], *, settings: ApiSettings) -> tuple[Sound, Job]:
    """Make a sound of an uploaded file, and order its levelling.

    Raises ``asset.*``, ``sound.not_audio``, ``sound.too_long``, ``sound.duplicate``, ``organisation.forbidden``.
    """
    asset = require_ready(get_visible(Asset, body["asset_id"]))
    placed_in(asset.organisation_id)
    media = asset.media_info
    if asset.kind not in (AssetKind.AUDIO, AssetKind.VIDEO) or media is None or media.audio is None:
        raise InvalidInputError("sound.not_audio", "The file has no sound")
    if media.duration_s > settings.max_sound_s:
        raise InvalidInputError(
            "sound.too_long",
            f"The sound lasts {media.duration_s:.0f} seconds; at most {settings.max_sound_s:.0f} are allowed",
            {"duration_s": media.duration_s, "limit_s": settings.max_sound_s},
        )
    sound_id = new_id()
    title = (body["title"].strip() or asset.filename.rpartition(".")[0] or asset.filename)[:TITLE_LENGTH]
    tags = clean_tags(body["tags"])
    row = {
        "id": sound_id,
        "owner_id": user.id,
        "organisation_id": asset.organisation_id,
        "asset_id": asset.id,
        "type": SoundType.SDB.value,
        "title": title,
        "tags": tags,
        "words": searched(title, tags),
        "sha256": asset.sha256,
        "duration_s": media.duration_s,
    }
    # Of two that come at the same moment the second waits for the first to commit, and then finds it there.
    if session.execute(insert(Sound).values(row).on_conflict_do_nothing().returning(Sound.id)).scalar() is None:
        refuse_duplicate(session, user, asset)
    sound = session.get_one(Sound, sound_id)
    return sound, order_level(session, user, sound, settings=settings)


def refuse_duplicate(session: Session, user: User, asset: Asset) -> None:
    """Raise ``sound.duplicate``, naming the sound that is there already."""
    place = in_place(Sound, user.id, asset.organisation_id)
    existing = session.scalars(select(Sound).where(place, Sound.sha256 == asset.sha256)).one()
    raise ConflictError(
        "sound.duplicate",
        f"The same file is there already, as {existing.title}",
        {"sound_id": str(existing.id), "title": existing.title},
    )


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Return tags trimmed, in lower case, each once, in their order."""
    return list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))


def order_level(session: Session, user: User, sound: Sound, *, settings: ApiSettings) -> Job:
    """Order a sound's levelling; the sound waits for this job from now on."""
    assert sound.asset is not None
    asset = require_ready(sound.asset)
    order = SoundOrder(asset.object_key, asset.size_bytes, settings.sound_lufs, settings.sound_ceiling_dbtp)
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=sound.organisation_id,
        kind=JOB_KIND,
        steps=build_sound_steps(order),
        priority=Priority.NORMAL,
        subject={"sound_id": str(sound.id), "asset_id": str(asset.id)},
    )
    sound.job_id = job.id
    session.flush()
    session.refresh(sound)
    return job


def change_sound(sound: Sound, body: dict[str, Any]) -> None:
    """Rename a sound or give it other tags."""
    if "title" in body:
        sound.title = body["title"].strip()
    if "tags" in body:
        sound.tags = clean_tags(body["tags"])
    sound.words = searched(sound.title, sound.tags)


def searched(title: str, tags: Sequence[str]) -> ColumnElement[Any]:
    """Return the words that a sound is found by, in no language's grammar."""
    return func.to_tsvector(cast(SIMPLE, REGCONFIG), " ".join([title, *tags]))


def like(session: Session, user: User, sound: Sound) -> None:
    """Make a sound a favourite of somebody's; again changes nothing."""
    session.execute(insert(SoundFavourite).values(user_id=user.id, sound_id=sound.id).on_conflict_do_nothing())


def unlike(session: Session, user: User, sound: Sound) -> None:
    """Make it no favourite any more."""
    favourite = session.get(SoundFavourite, (user.id, sound.id))
    if favourite is not None:
        session.delete(favourite)


def favourites_among(session: Session, user: User, sounds: Sequence[Sound]) -> set[UUID]:
    """Return the ids of those that somebody likes."""
    ids = [sound.id for sound in sounds]
    liked = select(SoundFavourite.sound_id).where(SoundFavourite.user_id == user.id, SoundFavourite.sound_id.in_(ids))
    return set(session.scalars(liked))


def count_play(session: Session, *, sound: Sound, user_id: UUID) -> None:
    """Count that somebody heard a sound, by the database's day (UTC)."""
    today = func.date(func.timezone("UTC", func.now()))
    place_id = sound.organisation_id or sound.owner_id
    for model, key in (
        (SoundPlay, {"sound_id": sound.id, "user_id": user_id}),
        (SoundDay, {"sound_id": sound.id}),
        (ListenerDay, {"place_id": place_id, "user_id": user_id}),
    ):
        counted = insert(model).values(**key, day=today, plays=1)
        more = {"plays": model.plays + 1}
        session.execute(counted.on_conflict_do_update(index_elements=[*key, "day"], set_=more))
    session.query(Sound).filter(Sound.id == sound.id).update({Sound.plays: Sound.plays + 1})


def require_playable(sound: Sound) -> Sound:
    """Return a sound that can be played, or raise ``sound.not_ready``."""
    if sound.state is not SoundState.READY:
        raise ConflictError("sound.not_ready", f"The sound is {sound.state.value}", {"state": sound.state.value})
    return sound


def sign_file(sound: Sound, *, storage: Storage, settings: ApiSettings) -> Download:
    """Return a URL that plays a sound at its loudness; raise ``sound.not_ready``."""
    require_playable(sound)
    assert sound.object_key is not None and sound.levelled is not None
    filename = f"{sound.title}.mp3"
    url = storage.presign_get(sound.object_key, filename=filename, content_type=CONTENT_TYPE, inline=True)
    return Download(url, filename, CONTENT_TYPE, sound.levelled["size_bytes"], expiry(settings))


def delete_sound(session: Session, sound: Sound, *, storage: Storage) -> None:
    """Delete a locked sound; the uploaded file stays. Raises ``sound.levelling``."""
    if sound.state is SoundState.LEVELLING:
        raise ConflictError(
            "sound.levelling", "The sound is being levelled; cancel that first", {"job_id": str(sound.job_id)}
        )
    delete_objects_after_commit(session, storage, [sound.object_key, sound.waveform_key])
    session.delete(sound)
