"""S-10: ids in bodies and queries follow the one rule, too; the list of them is taken from the OpenAPI document."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest

from api.admin.service import ban
from api.extensions import db
from api.users.models import User
from tests.api.documented import ADMIN, METHODS, PREFIX, Told, read_document, resolve, send
from tests.api.farm import Caller, Farm
from tests.api.worlds import World, by_token, make_world, nothing_changes

pytestmark = pytest.mark.security("S-10")
UPLOAD = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 5}
CAPTIONS = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"
LINK = {"url": "https://vimeo.com/76979871"}
TARGET = {"kind": "youtube", "name": "Channel", "secrets": {"refresh_token": "r"}}
SCENARIO, OWN = object(), object()
"""Stand for a scenario of the caller's, and for an id of the caller's own."""
ORDER = {"source_asset_id": OWN, "scenario": SCENARIO}
BODIES: dict[str, dict[str, Any]] = {
    "POST /organisations/{organisation_id}/transfer": {},
    "POST /uploads": UPLOAD,
    "POST /uploads/complete": {},
    "POST /transcripts": {"format": "srt", "content": CAPTIONS, "language": "en"},
    "POST /transcripts/{transcript_id}/rebase": {},
    "POST /renders": ORDER,
    "POST /renders/estimate": ORDER,
    "POST /renders/validate": {**ORDER, "wait_s": 0},
    "POST /stills": {**ORDER, "t": 0.1, "wait_s": 0},
    "POST /songs": {},
    "POST /samples": LINK,
    "POST /process/submit": LINK,
    "POST /extractions": LINK,
    "POST /sounds": {},
    "POST /sounds/tts": {"text": "Hello"},
    "POST /playlists": {"name": "Friday"},
    "POST /playlists/{playlist_id}/items": {},
    "POST /player/load": {},
    "POST /player/play": {},
    "POST /projects": {},
    "POST /publish-targets": TARGET,
    "POST /publications": {"asset_id": OWN, "target_id": OWN},
    "POST /webhooks": {"url": "https://example.com/hook"},
}
"""What else a good body has, by operation."""
JOBS = "POST /projects/{project_id}/jobs"
JOB_OF: dict[str, list[dict[str, Any]]] = {
    "shorts": [{"type": "cutting"}, {"type": "delivery", "target_id": OWN}],
    "target_id": [{"type": "delivery"}],
}
"""The jobs that take each id."""
CALLED = {
    "source_asset_id": "asset_id",
    "target_id": "publish_target_id",
    "onto": "transcript_id",
    "shorts": "short_id",
}
"""What a world calls the thing that a field names."""
FILTERS = {"asset_id", "target_id", "job_id"}
"""Queries that choose among what is the caller's own: what is another's is never among it."""
OPEN_TO_VIEWERS = {
    "POST /renders/estimate",
    "POST /renders/validate",
    "POST /stills",
    "POST /player/load",
    "POST /player/play",
}
"""Operations that change nothing, or only what is the viewer's own."""
Schema = dict[str, Any]


@dataclass(frozen=True)
class Slot:
    """A place for an id in a body or a query: ``path`` leads there, ``[]`` into a list."""

    method: str
    url: str
    where: str
    path: tuple[str, ...]
    more: dict[str, Any] = field(default_factory=dict)
    """What else a good body has."""

    @property
    def operation(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def name(self) -> str:
        return next(name for name in reversed(self.path) if name != "[]")

    @property
    def thing(self) -> str:
        return CALLED.get(self.name, self.name)


def slots(document: Schema) -> Iterator[Slot]:
    """Yield every place for an id that is not part of a path."""
    for path, item in document["paths"].items():
        url = path.removeprefix(PREFIX)
        if not path.startswith(f"{PREFIX}/") or url.startswith(ADMIN):
            continue
        for method in METHODS:
            if method in item:
                for where, way in places(document, item[method]):
                    slot = Slot(method.upper(), url, where, way)
                    yield from (replace(slot, more=more) for more in good_bodies(slot))


def good_bodies(slot: Slot) -> list[dict[str, Any]]:
    """Return the good bodies that have such a place; an operation that nobody listed is an error of the test."""
    if slot.where == "query":
        return [{}]
    return JOB_OF[slot.name] if slot.operation == JOBS else [BODIES[slot.operation]]


def places(document: Schema, operation: Schema) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield where an operation takes ids: ``body`` or ``query``, and the way there."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield from (("body", path) for path in ids_in(document, content["schema"], ()))
    for told in operation.get("parameters", []):
        if told.get("in") == "query":
            yield from (("query", (told["name"], *path)) for path in ids_in(document, told["schema"], ()))


def ids_in(document: Schema, schema: Schema, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the ways to all ids in a schema, however deep they lie."""
    schema = resolve(document, schema)
    assert len(way) < 10, way
    if schema.get("format") == "uuid":
        yield way
    for choice in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
        yield from ids_in(document, choice, way)
    for name, inner in (schema.get("properties") or {}).items():
        yield from ids_in(document, inner, (*way, name))
    if isinstance(schema.get("items"), dict):
        yield from ids_in(document, schema["items"], (*way, "[]"))


@pytest.fixture(scope="module")
def document(application: Any) -> Schema:
    return read_document(application)


def test_every_id_of_a_body_or_query_is_tried(document: Schema) -> None:
    found = list(slots(document))

    assert {slot.operation for slot in found if slot.where == "body"} == {*BODIES, JOBS}
    assert len([slot for slot in found if slot.where == "query"]) > 20
    assert ("output", "sound", "music", "asset_id") in {slot.path for slot in found}


def ask(caller: Caller, slot: Slot, own: World, value: str) -> Told:
    """Call an operation with an id in a place; all other ids are those of a world."""
    path = re.sub(r"{(\w+)}", lambda found: own.ids[found[1]], slot.url)
    if slot.where == "query":
        words = "&q=Hello" if path.endswith("/search") else ""
        return send(caller, "GET", f"{path}?{slot.name}={value}{words}", None)
    body = {name: fill(name, told, own) for name, told in slot.more.items()}
    return send(caller, slot.method, path, put(body, slot.path, value), {"If-Match": '"1"'})


def fill(name: str, told: Any, own: World) -> Any:
    """Return what stands in a field of a good body."""
    if told is OWN:
        return own.ids[CALLED.get(name, name)]
    if told is SCENARIO:
        return own.editor.get(f"/transcripts/{own.ids['transcript_id']}/scenario?preset=pop")
    return copy.deepcopy(told)


def put(body: Any, path: tuple[str, ...], value: str) -> Any:
    """Return a body with a value at the end of a way."""
    if not path:
        return value
    first, *rest = path
    if first == "[]":
        return [put({}, tuple(rest), value)]
    return {**body, first: put(body.get(first, {}), tuple(rest), value)}


@pytest.fixture
def own(client: Any, farm: Farm) -> World:
    """The callers' own, whose owner has a playlist in the player."""
    made = make_world(client, farm)
    made.owner.post("/player/load", {"playlist_id": made.ids["playlist_id"]}, expect=200)
    return made


def test_another_ones_id_in_a_body_or_query_is_not_found(document: Schema, own: World, client: Any, farm: Farm) -> None:
    theirs = make_world(client, farm, "otto@example.com")
    program = by_token(own.owner)
    program.get("/assets")  # notes that the token is in use
    wrong = []
    with nothing_changes():
        for slot in slots(document):
            is_filter = slot.where == "query" and slot.name in FILTERS
            for caller in (own.owner, program):
                foreign, nothing = (ask(caller, slot, own, one) for one in (theirs.ids[slot.thing], str(uuid4())))
                if foreign != nothing or foreign.status != (200 if is_filter else 404):
                    wrong.append((slot.operation, slot.path, foreign, nothing))

    assert wrong == []


def test_an_id_of_ones_own_is_found(document: Schema, own: World) -> None:
    told = [(slot, ask(own.owner, slot, own, own.ids[slot.thing])) for slot in sorted(slots(document), key=is_last)]

    wrong = [(slot, answer) for slot, answer in told if answer.status in (401, 403, 404, 422)]
    assert [(slot.operation, answer.code) for slot, answer in wrong] == [("POST /songs", "song.not_audio")]


def is_last(slot: Slot) -> bool:
    """Tell what takes the caller's own rights away."""
    return slot.url.endswith("/transfer")


def test_a_viewer_reads_by_such_ids_and_writes_nowhere(document: Schema, own: World) -> None:
    wrong = []
    for slot in slots(document):
        told = ask(own.viewer, slot, own, own.ids[slot.thing])
        if slot.where == "query" or slot.operation in OPEN_TO_VIEWERS:
            good = told.status in (200, 202)
        else:
            good = (told.status, told.code) == (403, "organisation.forbidden")
        if not good:
            wrong.append((slot.operation, slot.path, told))

    assert wrong == []


def test_the_banned_and_the_nameless_get_in_by_no_id(document: Schema, own: World) -> None:
    program, anonymous = by_token(own.viewer), Caller(own.owner.client, "", "")
    program.get("/assets")
    ban(db.session(), db.session.get_one(User, own.viewer.id), "a test")
    db.session.commit()

    with nothing_changes():
        statuses = {
            ask(caller, slot, own, own.ids[slot.thing]).status
            for slot in slots(document)
            for caller in (own.viewer, program, anonymous)
        }

    assert statuses == {401}
