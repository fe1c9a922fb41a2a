"""R11: the sweep against random worlds: it removes what no row needs and is old, nothing else, wherever it is killed.

``TEST_SWEEP_STATES=100000`` for the long run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.assets.cleanup import SWEEP_AGE, sweep_objects
from api.assets.models import Asset, AssetState
from api.extensions import db
from api.fonts.models import Font, FontState
from api.jobs.models import Job
from api.jobs.states import TERMINAL, JobState
from api.samples.models import Sample
from api.songs.models import Song
from api.sounds.models import Sound
from api.uploads.models import Upload, UploadState
from api.videos.models import MusicVideo, VideoClip
from tasks.storage.base import ObjectInfo
from tests.apps import empty_tables

STATES = int(os.environ.get("TEST_SWEEP_STATES", "3000"))
WORLD = 2000
"""States of one world: several batches of a sweep."""
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
AGES = [timedelta(0), timedelta(hours=1), SWEEP_AGE - timedelta(seconds=1), SWEEP_AGE]
AGES += [SWEEP_AGE + timedelta(seconds=1), timedelta(days=30)]


class KilledError(BaseException):
    """The process ends here: nothing of it catches this."""


class Shelf:
    """Objects with the ages that they are given, and a place to be killed at: before or after any call, or within one.

    Deleting is not atomic in any store: a sweep that is killed within a call has removed half of what it asked for.
    """

    def __init__(self, ages: dict[str, timedelta], *, killed_at: int = -1) -> None:
        self.objects = {key: ObjectInfo(key, 1, "etag", "text/plain", NOW - age) for key, age in ages.items()}
        self.killed_at, self.places = killed_at, 0

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield self.objects[key]
        self.place()

    def delete(self, keys: Sequence[str]) -> None:
        self.place()
        half = len(keys) // 2
        for part in (keys[:half], keys[half:]):
            for key in part:
                self.objects.pop(key, None)
            self.place()

    def place(self) -> None:
        self.places += 1
        if self.places == self.killed_at:
            raise KilledError


@dataclass(frozen=True)
class Made:
    """Rows with a key of theirs, by table, and whether they need it."""

    key: str
    needed: bool
    rows: tuple[tuple[Any, dict[str, Any]], ...] = ()


Make = Callable[[random.Random], Made]


def some_id(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def upload_key(chance: random.Random) -> str:
    return f"uploads/{some_id(chance)}/{some_id(chance)}/source"


def job_key(chance: random.Random, job: UUID | None = None) -> str:
    return f"jobs/{job or some_id(chance)}/step/{chance.randrange(99)}/out.bin"


def any_key(chance: random.Random) -> str:
    return chance.choice((upload_key, job_key))(chance)


def nobody(chance: random.Random) -> Made:
    odd = f"jobs/{chance.choice(('x', 'x/y', str(some_id(chance))))}"
    return Made(chance.choice((any_key(chance), f"{odd}/{chance.getrandbits(64)}")), needed=False)


def elsewhere(chance: random.Random) -> Made:
    return Made(f"{chance.choice(('models', 'chunks', 'upload', 'job'))}/{some_id(chance)}", needed=True)


def asset(chance: random.Random) -> Made:
    """An asset's file or poster; one that is refused for its content has lost its bytes for good."""
    state, code = chance.choice(list(AssetState)), chance.choice((None, "media.truncated", "job.poison"))
    key, other = any_key(chance), any_key(chance)
    file, poster = (key, None) if chance.random() < 0.5 else (other, key)
    about = {"kind": "video", "filename": "a", "content_type": "video/mp4", "size_bytes": 1, "refused_code": code}
    row = {"owner_id": some_id(chance), "object_key": file, "poster_key": poster, "state": state.value, **about}
    gone = state == AssetState.DELETED or (state == AssetState.REFUSED and code == "media.truncated")
    return Made(key, not gone, ((Asset, row),))


def upload(chance: random.Random) -> Made:
    state, key = chance.choice(list(UploadState)), upload_key(chance)
    row = {"owner_id": some_id(chance), "asset_id": some_id(chance), "size_bytes": 1, "content_type": "video/mp4"}
    row |= {"object_key": key, "expires_at": NOW, "state": state.value}
    return Made(key, state == UploadState.PENDING, ((Upload, row),))


def font(chance: random.Random) -> Made:
    state, key, source = chance.choice(list(FontState)), any_key(chance), chance.random() < 0.5
    keys = {"source_key": key} if source else {"source_key": "uploads/old", "object_key": key}
    row = {"owner_id": some_id(chance), "filename": "a", "reserved_bytes": 1, "state": state.value, **keys}
    return Made(key, not source or state == FontState.CHECKING, ((Font, row),))


def song(chance: random.Random) -> Made:
    key = any_key(chance)
    row = {"owner_id": some_id(chance), "asset_id": some_id(chance), "title": "a", "duration_s": 1.0}
    return Made(key, True, ((Song, {**row, "waveform_key": key}),))


def sound(chance: random.Random) -> Made:
    key = any_key(chance)
    row = {"owner_id": some_id(chance), "title": "a", "sha256": f"{chance.getrandbits(256):064x}", "duration_s": 1.0}
    row["words"] = ""
    return Made(key, True, ((Sound, {**row, chance.choice(("object_key", "waveform_key")): key}),))


def sample(chance: random.Random) -> Made:
    """A sample's files lie under the job that made it, which has ended; others of that job are needed by nobody."""
    job = some_id(chance)
    key, other = job_key(chance, job), job_key(chance, job)
    row = {"owner_id": some_id(chance), "url": "https://example.com", "job_id": job, "media_ref": str(job), "words": ""}
    listed = chance.random() < 0.5
    return Made(key, listed, ((Sample, {**row, "files": {"wav": {"key": key if listed else other + ".wav"}}}),))


def video(chance: random.Random) -> Made:
    key = any_key(chance)
    row = {"owner_id": some_id(chance), "title": "a", "provider": "local", "wish": {}, "song": {}, "plan": {}}
    return Made(key, True, ((MusicVideo, {**row, "cap_usd": 0, chance.choice(("score_key", "sheet_key")): key}),))


def clip(chance: random.Random) -> Made:
    key = any_key(chance)
    row = {"video_id": some_id(chance), "number": 1, "section": 1, "planned": {}, "content": "a"}
    return Made(key, True, ((VideoClip, {**row, chance.choice(("object_key", "still_key")): key}),))


def job(chance: random.Random) -> Made:
    state, own = chance.choice(list(JobState)), some_id(chance)
    row = {"id": own, "owner_id": some_id(chance), "kind": "x", "state": state.value}
    row["finished_at"] = NOW if state in TERMINAL else None
    return Made(job_key(chance, own), state not in TERMINAL, ((Job, row),))


MAKERS: tuple[Make, ...] = (nobody, elsewhere, asset, upload, font, song, sound, sample, video, clip, job)


@dataclass
class World:
    """Rows that are in the database; the objects' ages; and which of them must go."""

    ages: dict[str, timedelta]
    doomed: set[str]


def make_world(chance: random.Random, count: int) -> World:
    """Fill the database with so many random states, past foreign keys: each row stands for itself."""
    empty_tables()
    made = [chance.choice(MAKERS)(chance) for _ in range(count)]
    db.session.execute(db.text("SET LOCAL session_replication_role = replica"))
    for table in {table for one in made for table, _ in one.rows}:
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for one in made:
            for owner, row in one.rows:
                if owner is table:
                    groups.setdefault(tuple(sorted(row)), []).append(row)
        for rows in groups.values():
            db.session.execute(db.insert(table), rows)
    db.session.commit()
    ages = {one.key: chance.choice(AGES) for one in made}
    return World(ages, {one.key for one in made if not one.needed and ages[one.key] > SWEEP_AGE})


@pytest.mark.timeout(0)
def test_whatever_the_rows_and_ages_exactly_what_nobody_needs_goes(app: Any) -> None:
    chance, doomed = random.Random(11), 0
    for first in range(0, STATES, WORLD):
        world = make_world(chance, min(WORLD, STATES - first))
        shelf = Shelf(world.ages)

        removed = sweep_objects(db.session(), storage=shelf, now=NOW)  # type: ignore[arg-type]

        assert set(world.ages) - set(shelf.objects) == world.doomed
        assert removed == len(world.doomed)
        assert sweep_objects(db.session(), storage=shelf, now=NOW) == 0  # type: ignore[arg-type]
        doomed += removed
    assert 0.05 * STATES < doomed < 0.5 * STATES


@pytest.mark.timeout(0)
def test_a_sweep_that_is_killed_anywhere_has_removed_nothing_that_is_needed_and_the_next_one_ends_it(app: Any) -> None:
    world = make_world(random.Random(12), 4 * WORLD)
    whole = Shelf(world.ages)
    sweep_objects(db.session(), storage=whole, now=NOW)  # type: ignore[arg-type]
    assert whole.places >= 14  # both prefixes, one of them in several batches of three places each

    for place in range(1, whole.places + 1):
        shelf = Shelf(world.ages, killed_at=place)
        with pytest.raises(KilledError):
            sweep_objects(db.session(), storage=shelf, now=NOW)  # type: ignore[arg-type]
        db.session.remove()  # as the database does when a process is gone
        assert set(world.ages) - set(shelf.objects) <= world.doomed
        sweep_objects(db.session(), storage=shelf, now=NOW)  # type: ignore[arg-type]
        assert set(world.ages) - set(shelf.objects) == world.doomed
