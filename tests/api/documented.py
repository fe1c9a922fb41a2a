"""The operations of the API as its own document tells them, and calls of them with given ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from api.links import METHODS
from tests.api.farm import Caller

PREFIX = "/api/v1"
ADMIN = "/admin/"
BODIES: dict[str, dict[str, Any]] = {
    "PUT /transcripts/{transcript_id}": {"document": {"language": "en", "segments": []}},
    "POST /transcripts/{transcript_id}/revert": {"version": 1},
    "POST /transcripts/{transcript_id}/edits": {"ops": [{"op": "delete", "word": "w1"}]},
    "POST /transcripts/{transcript_id}/rebase": {"onto": str(uuid4())},
    "POST /transcripts/{transcript_id}/cut": {"cuts": []},
    "POST /transcripts/{transcript_id}/timeline": {"cuts": []},
    "POST /transcripts/{transcript_id}/file": {"format": "txt", "content": "Hello"},
    "POST /transcripts/{transcript_id}/translations": {"to": "de"},
    "PATCH /publish-targets/{publish_target_id}": {"name": "Mine"},
    "PATCH /songs/{song_id}/analysis": {"key": "C major"},
    "POST /songs/{song_id}/sections": {"suggested": True},
    "PATCH /songs/{song_id}/sections/{section_id}": {"note": "x"},
    "PATCH /sounds/{sound_id}": {"title": "x"},
    "PATCH /samples/{sample_id}": {"title": "x"},
    "POST /samples/{sample_id}/download": {"form": "wav"},
    "PATCH /playlists/{playlist_id}": {"name": "x"},
    "POST /playlists/{playlist_id}/items": {"sound_id": str(uuid4())},
    "PATCH /playlists/{playlist_id}/items/{item_id}": {"position": 0},
    "PATCH /projects/{project_id}": {"name": "Mine"},
    "POST /projects/{project_id}/jobs": {"type": "analysis"},
    "PATCH /projects/{project_id}/shorts/{short_id}": {"title": "x"},
    "POST /projects/{project_id}/shorts": {"start_s": 0.0, "end_s": 1.5, "snap": False},
    "POST /webhooks/{webhook_id}/replay": {"since": "2026-01-01T00:00:00Z"},
    "PATCH /organisations/{organisation_id}": {"name": "Mine"},
    "PATCH /organisations/{organisation_id}/members/{user_id}": {"role": "owner"},
    "POST /organisations/{organisation_id}/transfer": {"user_id": str(uuid4())},
    "POST /organisations/{organisation_id}/invitations": {"email": "eve@example.com", "role": "owner"},
}
"""Bodies that pass their schema, so that the answer tells about the id and nothing else."""
QUERIES = {"GET /renders/{render_id}/still": "?t=0.1&wait_s=0", "GET /transcripts/search": "?q=Hello"}
NUMBERS = {"number": "0", "version": "1"}
"""Places in a path that count instead of naming a thing."""
OF_VIDEOS = {"section_id": "video_section_id"}
"""Videos have sections of their own, which are not their song's."""


@dataclass(frozen=True)
class Operation:
    """One operation: what the document says of it."""

    method: str
    path: str
    ids: dict[str, str]
    """The places of its path that name a thing, and what a world calls that thing."""
    is_guarded: bool
    lists: bool

    @property
    def name(self) -> str:
        """What tests call it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Told:
    """What an answer says, but for the name of its request."""

    status: int
    code: str
    body: str


def read_document(application: Any) -> dict[str, Any]:
    """Return the document as a client gets it."""
    served: dict[str, Any] = application.test_client().get("/api/openapi.json").get_json()
    return served


def operations(document: dict[str, Any]) -> list[Operation]:
    """Return every operation of the API's version."""
    found = [
        read_operation(document, method, path, item)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item and path.startswith(f"{PREFIX}/")
    ]
    assert len(found) > 200
    return found


def operations_on_things(document: dict[str, Any]) -> list[Operation]:
    """Return every operation whose path has an id, but those for administrators."""
    found = [one for one in operations(document) if one.ids and not one.path.startswith(ADMIN)]
    assert len(found) > 100
    return found


def read_operation(document: dict[str, Any], method: str, path: str, item: dict[str, Any]) -> Operation:
    """Read one operation."""
    told = item[method]
    placed = [*item.get("parameters", []), *told.get("parameters", [])]
    names = [one["name"] for one in placed if one.get("in") == "path" and one["schema"].get("format") == "uuid"]
    answer = told["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        method=method.upper(),
        path=path.removeprefix(PREFIX),
        ids={name: OF_VIDEOS.get(name, name) if path.startswith(f"{PREFIX}/videos/") else name for name in names},
        is_guarded=told.get("security", document["security"]) == [{"bearer": []}],
        lists=method == "get" and "items" in resolve(document, answer).get("properties", {}),
    )


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema itself, wherever it stands."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def absent(operation: Operation) -> dict[str, str]:
    """Return ids for an operation that nothing has."""
    return {name: str(uuid4()) for name in operation.ids.values()}


def call(caller: Caller, operation: Operation, ids: Mapping[str, str]) -> Told:
    """Call an operation with these ids; a name that they lack is an error of the test."""
    path = re.sub(r"{(\w+)}", lambda found: fill(operation, found[1], ids), operation.path)
    body = None if operation.method in ("GET", "DELETE") else BODIES.get(operation.name, {})
    version = {} if operation.method == "GET" else {"If-Match": '"1"'}
    return send(caller, operation.method, path + QUERIES.get(operation.name, ""), body, version)


def fill(operation: Operation, name: str, ids: Mapping[str, str]) -> str:
    """Return what stands in a place of the path."""
    return ids[operation.ids[name]] if name in operation.ids else NUMBERS.get(name, "x")


def send(
    caller: Caller, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None = None
) -> Told:
    """Send a request; return what the answer says."""
    answer = caller.call(method, path, body, headers)
    said = answer.get_json(silent=True) or {}
    told = Told(answer.status_code, said.get("code", ""), str({**said, "request_id": ""}))
    answer.close()
    return told
