"""The one rule of ownership over every operation that takes an id: generated from the routes themselves.

A stranger finds nothing; a viewer reads and changes nothing; an editor works; what is personal is nobody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from api.admin.service import ban
from api.extensions import db, get_storage
from api.jobs.models import Job
from api.organisations.models import Organisation
from api.users.models import User
from tests.api.farm import CLIP, Caller, Farm, announce, media_of, receipt_of, send, sha256_of, transcript_of
from tests.api.linking import make
from tests.api.teams import found, invite, join, sign_in
from tests.api.test_projects import analyse
from tests.api.test_songs import bring_song, listen
from tests.api.test_sounds import level
from tests.api.test_videos import bring_film

pytestmark = pytest.mark.security("S-10")

SCOPES = ["read", "upload", "render", "organisation", "webhooks"]
ADMIN = "/api/v1/admin/"
BODIES: dict[str, dict[str, Any]] = {
    "PUT transcripts.TranscriptItem": {"document": {"language": "en", "segments": []}},
    "POST transcripts.TranscriptReversion": {"version": 1},
    "POST transcripts.TranscriptEdits": {"ops": [{"op": "delete", "word": "w1"}]},
    "POST transcripts.TranscriptRebase": {"onto": str(uuid4())},
    "POST transcripts.TranscriptCut": {"cuts": []},
    "POST transcripts.TranscriptTimeline": {"cuts": []},
    "POST transcripts.TranscriptFile": {"format": "txt", "content": "Hello"},
    "POST transcripts.AssetHearing": {},
    "POST transcripts.TranscriptTranslation": {"to": "de"},
    "PATCH publishing.PublishTargetItem": {"name": "Mine"},
    "PATCH songs.SongAnalysisItem": {"key": "C major"},
    "POST songs.SectionList": {"suggested": True},
    "PATCH songs.SectionItem": {"note": "x"},
    "PATCH sounds.SoundItem": {"title": "x"},
    "PATCH samples.SampleItem": {"title": "x"},
    "POST samples.SampleDownloading": {"form": "wav"},
    "PATCH playlists.PlaylistOne": {"name": "x"},
    "POST playlists.PlaylistItems": {"sound_id": str(uuid4())},
    "PATCH playlists.PlaylistItemOne": {"position": 0},
    "PATCH projects.ProjectItem": {"name": "Mine"},
    "POST projects.ProjectJobs": {"type": "analysis"},
    "PATCH projects.ShortItem": {"title": "x"},
    "POST projects.ShortList": {"start_s": 0.0, "end_s": 1.5, "snap": False},
    "POST projects.ShortEdits": {},
    "POST webhooks.WebhookReplay": {"since": "2026-01-01T00:00:00Z"},
    "PATCH organisations.OrganisationItem": {"name": "Mine"},
    "PATCH organisations.MemberItem": {"role": "owner"},
    "POST organisations.HandOver": {"user_id": str(uuid4())},
    "POST organisations.InvitationList": {"email": "eve@example.com", "role": "owner"},
}
"""Bodies that pass their schema, so that the answer tells about the id and nothing else."""
QUERIES = {"GET stills.RenderStill": "?t=0.1&wait_s=0"}
OPEN_TO_VIEWERS = {
    "POST organisations.Leaving",
    "POST transcripts.TranscriptCut",
    "POST transcripts.TranscriptTimeline",
    "POST player.SoundPressing",
    "POST samples.SampleDownloading",
    "PUT sounds.SoundLiking",
    "DELETE sounds.SoundLiking",
}
FOR_OWNERS = {"GET organisations.OrganisationAudit", "GET organisations.InvitationList"}
PERSONAL = {"token_id"}
"""Ids of things that never belong to an organisation."""


@dataclass
class World:
    """An organisation with one of everything, its members, and what their ids are."""

    owner: Caller
    studio: str
    viewer: Caller
    editor: Caller
    ids: dict[str, str]


@pytest.fixture
def world(client: Any, farm: Farm) -> World:
    owner = sign_in(client, "olga@example.com")
    studio = found(owner)
    viewer, editor = join(owner, studio, "viewer"), join(owner, studio, "editor")
    ids = {"organisation_id": studio, "user_id": editor.id, **bring_in(editor, farm, studio)}
    invite(owner, studio, "guest@example.com", "viewer")
    ids["invitation_id"] = owner.get(f"/organisations/{studio}/invitations")["items"][0]["id"]
    hook = editor.post("/webhooks", {"url": "https://example.com/hook", "organisation_id": studio}, expect=201)
    ids["webhook_id"] = hook["id"]
    ids["delivery_id"] = editor.post(f"/webhooks/{hook['id']}/test", expect=202)["id"]
    ids["token_id"] = owner.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)["id"]
    return World(owner, studio, viewer, editor, ids)


def bring_in(editor: Caller, farm: Farm, studio: str) -> dict[str, str]:
    """Upload, transcribe and render in an organisation; return the ids of what came of it."""
    ticket = announce(editor, CLIP, organisation_id=studio)
    send(ticket, CLIP)
    job_id = editor.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    farm.succeed(job_id, "poster", {"object_key": None})
    [transcript] = editor.get(f"/transcripts?asset_id={ticket['asset_id']}")["items"]
    scenario = editor.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    render = editor.post("/renders", {"source_asset_id": ticket["asset_id"], "scenario": scenario}, expect=202)
    claim = farm.claim(render["job_id"], "render")
    key = f"{claim['output_prefix']}out.mp4"
    get_storage().put_bytes(key, b"video", content_type="video/mp4")
    told = {"object_key": key, "size_bytes": 5, "sha256": sha256_of(b"video"), "receipt": receipt_of()}
    assert farm.report(claim, result=told).status_code == 200
    asked = {"source_asset_id": ticket["asset_id"], "scenario": scenario, "wait_s": 0}
    return {
        **bring_song_in(editor, farm, studio),
        **bring_project_in(editor, farm, ticket["asset_id"]),
        **bring_sound_in(editor, farm, studio),
        **bring_links_in(editor, farm, studio),
        **bring_publication_in(editor, studio, ticket["asset_id"]),
        "still_id": editor.post("/stills", {**asked, "t": 0.5}, expect=202)["id"],
        "validation_id": editor.post("/renders/validate", asked, expect=202)["id"],
        "asset_id": ticket["asset_id"],
        "upload_id": ticket["id"],
        "job_id": job_id,
        "transcript_id": transcript["id"],
        "render_id": render["id"],
    }


def bring_song_in(editor: Caller, farm: Farm, studio: str) -> dict[str, str]:
    """Make a song in an organisation, analysed and divided; return the ids."""
    song = editor.post("/songs", {"asset_id": bring_song(editor, farm, organisation_id=studio)}, expect=201)
    listen(farm, editor.post(f"/songs/{song['id']}/analyze", {}, expect=202)["job_id"])
    [first, _] = editor.post(f"/songs/{song['id']}/sections", {"suggested": True}, expect=201)["items"]
    return {**bring_film(editor, farm, song["id"]), "section_id": first["id"]}


def bring_sound_in(editor: Caller, farm: Farm, studio: str) -> dict[str, str]:
    """Make a sound in an organisation, levelled, and a playlist of it; return the ids."""
    asset_id = bring_song(editor, farm, organisation_id=studio)
    told = editor.post("/sounds", {"asset_id": asset_id}, expect=202)
    level(farm, told["job_id"])
    playlist = editor.post("/playlists", {"name": "Ours", "organisation_id": studio}, expect=201)
    item = editor.post(f"/playlists/{playlist['id']}/items", {"sound_id": told["id"]}, expect=201)
    return {"sound_id": told["id"], "playlist_id": playlist["id"], "item_id": item["id"]}


def bring_links_in(editor: Caller, farm: Farm, studio: str) -> dict[str, str]:
    """Make a sample and an extraction in an organisation; return the ids."""
    link = {"url": f"https://vimeo.com/{uuid4().int % 10**12}", "organisation_id": studio}
    sample, extraction = (editor.post(f"/{what}", link, expect=202) for what in ("samples", "extractions"))
    make(farm, sample["job_id"])
    farm.fail(extraction["job_id"], "resolve", "link.dead")
    return {"sample_id": sample["id"], "extraction_id": extraction["id"]}


def bring_project_in(editor: Caller, farm: Farm, asset_id: str) -> dict[str, str]:
    """Make a project of an organisation's video, with a short; return the ids."""
    project = editor.post("/projects", {"asset_id": asset_id}, expect=201)
    analyse(editor, farm, project["id"], (0.0, 1.9))
    [short] = editor.get(f"/projects/{project['id']}/shorts")["items"]
    return {"project_id": project["id"], "short_id": short["id"]}


def bring_publication_in(editor: Caller, studio: str, asset_id: str) -> dict[str, str]:
    """Keep a publish target of an organisation and send a clip there; return the ids."""
    told = {"kind": "youtube", "name": "Channel", "secrets": {"refresh_token": "r"}, "organisation_id": studio}
    target = editor.post("/publish-targets", told, expect=201)
    sent = editor.post("/publications", {"asset_id": asset_id, "target_id": target["id"]}, expect=202)
    return {"publish_target_id": target["id"], "publication_id": sent["id"]}


@dataclass
class Operation:
    """One method of one route that takes ids."""

    name: str
    method: str
    path: str
    parameters: list[str]


def operations(application: Any) -> list[Operation]:
    """Return every operation of the API whose path has an id, but those for administrators."""
    listed = []
    for rule in application.url_map.iter_rules():
        parameters = re.findall(r"<uuid:(\w+)>", rule.rule)
        if parameters and rule.rule.startswith("/api/v1/") and not rule.rule.startswith(ADMIN):
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                listed.append(Operation(f"{method} {rule.endpoint}", method, rule.rule, parameters))
    assert len(listed) > 30
    return listed


def call(caller: Caller, operation: Operation, ids: dict[str, str]) -> tuple[int, str]:
    """Call an operation with the world's ids; return status and error code."""
    path = re.sub(r"<uuid:(\w+)>", lambda found: ids.get(found[1], str(uuid4())), operation.path)
    path = re.sub(r"<int:\w+>", "1", path.replace("<int:number>", "0")).removeprefix("/api/v1") + QUERIES.get(
        operation.name, ""
    )
    body = None if operation.method in ("GET", "DELETE") else BODIES.get(operation.name, {})
    version = {} if operation.method == "GET" else {"If-Match": '"1"'}
    answer = caller.call(operation.method, path, body, version)
    status, code = answer.status_code, (answer.get_json(silent=True) or {}).get("code", "")
    answer.close()
    return status, code


def test_a_stranger_finds_nothing_by_session_or_by_token_and_nobody_gets_in_without(
    application: Any, world: World, other: Caller
) -> None:
    anonymous = Caller(other.client, "", "")
    text = other.post("/tokens", {"name": "all", "scopes": SCOPES}, expect=201)["token"]
    wrong = []
    for operation in operations(application):
        for stranger in (other, Caller(other.client, text, other.id)):
            status, code = call(stranger, operation, world.ids)
            if (status, code) == (403, "token.not_allowed") and stranger is not other:
                continue
            if status != 404 or not code.endswith(".not_found"):
                wrong.append((operation.name, status, code))

    assert wrong == []
    assert {call(anonymous, operation, world.ids)[0] for operation in operations(application)} == {401}


def test_a_viewer_reads_everything_and_changes_nothing(application: Any, world: World) -> None:
    wrong = []
    for operation in operations(application):
        if operation.name in OPEN_TO_VIEWERS or not set(operation.parameters) <= set(world.ids):
            continue
        status, code = call(world.viewer, operation, world.ids)
        if PERSONAL & set(operation.parameters):
            good = status == 404
        elif operation.method == "GET" and operation.name not in FOR_OWNERS:
            good = status < 300 or code in ("asset.no_poster", "short.no_thumbnail", "short.not_cut")
        else:
            good = (status, code) == (403, "organisation.forbidden")
        if not good:
            wrong.append((operation.name, status, code))

    assert wrong == []


def test_a_banned_owner_gets_in_nowhere_by_session_or_by_token(application: Any, world: World) -> None:
    text = world.owner.post("/tokens", {"name": "all", "scopes": SCOPES}, expect=201)["token"]
    by_token = Caller(world.owner.client, text, world.owner.id)
    by_token.get("/assets")
    ban(db.session(), db.session.get_one(User, world.owner.id), "a test")
    db.session.commit()

    for banned in (world.owner, by_token):
        answers = {call(banned, operation, world.ids)[0] for operation in operations(application)}
        assert answers == {401}


def test_an_id_of_an_unknown_thing_answers_like_somebody_elses_after_the_same_work(
    application: Any, world: World, other: Caller
) -> None:
    other.get("/assets")
    for operation in operations(application):
        with statements() as of_foreign:
            foreign = call(other, operation, world.ids)
        with statements() as of_absent:
            absent = call(other, operation, {})
        assert foreign == absent, operation.name
        assert of_foreign == of_absent, operation.name  # so it takes as long, too


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note the SQL that is run."""
    seen: list[str] = []

    def note(_: Any, __: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_an_editor_works_with_what_the_organisation_owns(world: World) -> None:
    editor, ids = world.editor, world.ids
    scenario = editor.get(f"/transcripts/{ids['transcript_id']}/scenario?preset=pop")

    order = {"source_asset_id": ids["asset_id"], "scenario": scenario, "output": {"crf": 30}}
    again = editor.post("/renders", order, expect=202)
    editor.post(f"/renders/{again['id']}/cancel", expect=202)

    assert again["organisation_id"] == world.studio
    assert world.viewer.get(f"/jobs/{again['job_id']}")["state"] == "cancelled"


def test_everything_that_comes_of_an_upload_belongs_where_it_was_put(world: World) -> None:
    ids = world.ids
    render = world.owner.get(f"/renders/{ids['render_id']}")

    owners = {
        world.owner.get(path)["organisation_id"]
        for path in (
            f"/uploads/{ids['upload_id']}",
            f"/assets/{ids['asset_id']}",
            f"/assets/{render['asset_id']}",
            f"/jobs/{ids['job_id']}",
            f"/jobs/{render['job_id']}",
            f"/transcripts/{ids['transcript_id']}",
            f"/renders/{ids['render_id']}",
        )
    }

    assert owners == {world.studio}


def test_lists_show_what_the_caller_may_see_and_no_more(world: World, other: Caller) -> None:
    own = found(other, "Other")
    for kind in ("assets", "jobs", "transcripts", "renders"):
        shared = [one["id"] for one in world.viewer.get(f"/{kind}")["items"]]
        chosen = [one["id"] for one in world.viewer.get(f"/{kind}?organisation_id={world.studio}")["items"]]

        assert shared and shared == chosen
        assert other.get(f"/{kind}")["items"] == []
        assert other.get(f"/{kind}?organisation_id={world.studio}", expect=404)["code"] == "organisation.not_found"
        assert other.get(f"/{kind}?organisation_id={own}")["items"] == []


def test_ids_in_bodies_and_queries_follow_the_rule_too(world: World, other: Caller) -> None:
    body = {"filename": "a.mp4", "content_type": "video/mp4", "size_bytes": 5, "organisation_id": world.studio}
    scenario = world.viewer.get(f"/transcripts/{world.ids['transcript_id']}/scenario?preset=pop")
    order = {"source_asset_id": world.ids["asset_id"], "scenario": scenario}

    assert other.post("/uploads", body, expect=404)["code"] == "organisation.not_found"
    assert world.viewer.post("/uploads", body, expect=403)["code"] == "organisation.forbidden"
    assert other.post("/renders", order, expect=404)["code"] == "asset.not_found"
    assert world.viewer.post("/renders", order, expect=403)["code"] == "organisation.forbidden"
    assert other.get(f"/transcripts?asset_id={world.ids['asset_id']}")["items"] == []


def test_what_is_personal_is_not_the_organisations(world: World) -> None:
    own = announce(world.editor, CLIP)

    assert world.editor.get(f"/uploads/{own['id']}")["organisation_id"] is None
    world.owner.get(f"/uploads/{own['id']}", expect=404)
    world.owner.get(f"/assets/{own['asset_id']}", expect=404)


def test_who_leaves_loses_even_what_they_made_and_the_organisation_keeps_it(world: World) -> None:
    world.editor.post(f"/organisations/{world.studio}/leave", expect=204)

    world.editor.get(f"/assets/{world.ids['asset_id']}", expect=404)
    assert world.editor.get("/assets")["items"] == []
    world.owner.get(f"/assets/{world.ids['asset_id']}")
    jobs = db.session.query(Job).filter_by(organisation_id=world.studio)
    before = jobs.count()
    with pytest.raises(IntegrityError):
        db.session.query(Organisation).filter_by(id=world.studio).delete()
    db.session.rollback()
    assert jobs.count() == before > 0
