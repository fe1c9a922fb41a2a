"""S-10: ids in bodies and queries follow the one rule, too; the list of them is taken from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import CLIP, Caller, Farm, announce, ingest
from tests.api.teams import found

pytestmark = pytest.mark.security("S-10")
UPLOAD = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 5}
CAPTIONS = "1\n00:00:00,000 --> 00:00:01,000\nHello\n"
HOOK = {"url": "https://example.com/hook"}
BODIES: dict[str, dict[str, Any]] = {
    "POST /uploads organisation_id": UPLOAD,
    "POST /webhooks organisation_id": HOOK,
    "POST /uploads/complete upload_id": {},
    "POST /transcripts asset_id": {"format": "srt", "content": CAPTIONS, "language": "en"},
    "POST /renders source_asset_id": {"scenario": None},
    "POST /renders/estimate source_asset_id": {"scenario": None},
    "POST /renders/validate source_asset_id": {"scenario": None, "wait_s": 0},
    "POST /stills source_asset_id": {"scenario": None, "t": 0.1, "wait_s": 0},
    "POST /songs asset_id": {},
    "POST /samples organisation_id": {"url": "https://vimeo.com/76979871"},
    "POST /process/submit organisation_id": {"url": "https://vimeo.com/76979871"},
    "POST /extractions organisation_id": {"url": "https://vimeo.com/76979871"},
    "POST /sounds asset_id": {},
    "POST /sounds/tts organisation_id": {"text": "Hello"},
    "POST /projects asset_id": {},
    "POST /playlists organisation_id": {"name": "Friday"},
    "POST /player/load playlist_id": {},
}
"""What else a good body has, by operation and id; a scenario is put in where there is to be one."""
ELSEWHERE = {
    "POST /playlists/{playlist_id}/items sound_id": "tests/api/test_player.py",
    "POST /player/play item_id": "tests/api/test_player.py",
    "POST /organisations/{organisation_id}/transfer user_id": "tests/api/test_organisations.py",
    "POST /transcripts/{transcript_id}/rebase onto": "tests/api/test_transcripts_edit.py",
    "POST /projects/{project_id}/jobs shorts": "tests/api/test_shorts.py",
    "POST /projects/{project_id}/jobs target_id": "tests/api/test_publishing.py",
    "POST /publish-targets organisation_id": "tests/api/test_publishing.py",
    "POST /publications asset_id": "tests/api/test_publishing.py",
    "POST /publications target_id": "tests/api/test_publishing.py",
}
"""Ids whose bodies need more; who tries them instead."""
FILTERS = {"asset_id", "target_id", "job_id"}
"""Queries that choose among what is the caller's own: what is another's is never among it."""


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def is_id(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    schema = resolve(document, schema)
    return schema.get("format") == "uuid" or ("items" in schema and is_id(document, schema["items"]))


def asked(document: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield method, path, ``body`` or ``query``, and name of every id that is not part of a path."""
    for path, item in document["paths"].items():
        if path.startswith("/api/v1/admin/") or not path.startswith("/api/v1/"):
            continue
        short = path.removeprefix("/api/v1")
        for method, operation in item.items():
            if isinstance(operation, dict):
                yield from ((method.upper(), short, where, name) for where, name in ids_of(document, operation))


def ids_of(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where and by what name an operation takes ids."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for name, schema in (resolve(document, body).get("properties") or {}).items():
        if is_id(document, schema):
            yield "body", name
    for told in operation.get("parameters", []):
        if told.get("in") == "query" and is_id(document, told.get("schema", {})):
            yield "query", told["name"]


@pytest.fixture
def document(client: Any) -> dict[str, Any]:
    told: dict[str, Any] = client.get("/api/openapi.json").get_json()
    return told


def test_every_id_of_a_body_is_tried(document: dict[str, Any]) -> None:
    bodies = {f"{method} {path} {name}" for method, path, where, name in asked(document) if where == "body"}

    assert bodies - set(BODIES) - set(ELSEWHERE) == set()


def test_another_ones_id_in_a_body_or_query_is_not_found(
    document: dict[str, Any], user: Caller, other: Caller, farm: Farm
) -> None:
    upload, asset_id = announce(user, CLIP), ingest(user, farm)
    [transcript] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    scenario = {"scenario": user.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")}
    theirs = {
        "organisation_id": found(user),
        "upload_id": upload["id"],
        "asset_id": asset_id,
        "source_asset_id": asset_id,
    }
    wrong = []
    for method, path, where, name in asked(document):
        key = f"{method} {path} {name}"
        if "{" in path or (where == "body" and key not in BODIES):
            continue
        told = []
        for value in (theirs.get(name, str(uuid4())), str(uuid4())):
            url = path if where == "body" else f"{path}?{name}={value}" + ("&q=x" if path.endswith("/search") else "")
            more = BODIES.get(key, {})
            body = {**more, **(scenario if "scenario" in more else {}), name: value} if where == "body" else None
            answer = other.call(method, url, body)
            given = answer.get_json()
            told.append((answer.status_code, given.get("code", given)))
        is_filter = where == "query" and name in FILTERS
        if told[0] != told[1] or (told[0][0] != 404 and not (is_filter and told[0][0] == 200)):
            wrong.append((key, told))

    assert wrong == []
