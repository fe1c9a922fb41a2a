"""An organisation with one of everything in it, for tests of who may get at what; and proof that nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Uuid

from api.credits.service import reserve
from api.extensions import db, get_storage
from api.identities.models import Identity
from api.payments.models import Payment
from tests.api.farm import CLIP, Caller, Farm, announce, media_of, receipt_of, send, sha256_of, transcript_of
from tests.api.linking import make
from tests.api.teams import found, invite, join, sign_in
from tests.api.test_projects import analyse
from tests.api.test_songs import bring_song, listen
from tests.api.test_sounds import level
from tests.api.test_videos import bring_film
from tests.apps import PASSWORD

SCOPES = ["read", "upload", "render", "organisation", "webhooks"]
PERSONAL = {"token_id", "session_id", "identity_id", "font_id"}
"""Ids of things that never belong to an organisation."""
PUBLIC = {"creator"}
"""Tables of public knowledge: whose media somebody is on a service."""


@dataclass
class World:
    """An organisation with one of everything, its members, and what their ids are."""

    owner: Caller
    studio: str
    viewer: Caller
    editor: Caller
    ids: dict[str, str]


def make_world(client: Any, farm: Farm, email: str = "olga@example.com") -> World:
    """Found an organisation, have people in it and bring everything in."""
    owner = sign_in(client, email)
    studio = found(owner)
    viewer, editor = join(owner, studio, "viewer"), join(owner, studio, "editor")
    ids = {"organisation_id": studio, "user_id": editor.id, **bring_in(editor, farm, studio)}
    invite(owner, studio, "guest@example.com", "viewer")
    ids["invitation_id"] = owner.get(f"/organisations/{studio}/invitations")["items"][0]["id"]
    hook = editor.post("/webhooks", {"url": "https://example.com/hook", "organisation_id": studio}, expect=201)
    ids["webhook_id"] = hook["id"]
    ids["delivery_id"] = editor.post(f"/webhooks/{hook['id']}/test", expect=202)["id"]
    bring_money(owner, ids["job_id"])
    return World(owner, studio, viewer, editor, {**ids, **bring_personal(owner, email)})


def bring_personal(owner: Caller, email: str) -> dict[str, str]:
    """Make what is somebody's own alone: a token, a second session, an identity at a provider, a font."""
    token = owner.post("/tokens", {"name": "x", "scopes": ["read"]}, expect=201)
    owner.client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    [session] = [one for one in owner.get("/auth/sessions")["items"] if not one["current"]]
    identity = Identity(user_id=UUID(owner.id), provider="google", subject=owner.id, email=email)
    db.session.add(identity)
    db.session.commit()
    font = owner.post("/fonts/uploaded", {"filename": "Brand.woff2", "size_bytes": 9}, expect=201)
    return {
        "token_id": token["id"],
        "session_id": session["id"],
        "identity_id": str(identity.id),
        "font_id": font["id"],
    }


def bring_money(owner: Caller, job_id: str) -> None:
    """Let somebody have paid for something of their name, and for a job."""
    db.session.add(Payment(ref=str(uuid4()), user_id=UUID(owner.id), item=owner.id))
    reserve(db.session(), UUID(owner.id), 1, ref=str(uuid4()), action="still", job_id=UUID(job_id))
    db.session.commit()


def by_token(caller: Caller) -> Caller:
    """Return the same person's program, whose token has every scope that an ordinary account gives."""
    text = caller.post("/tokens", {"name": "all", "scopes": SCOPES}, expect=201)["token"]
    return Caller(caller.client, text, caller.id)


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
    film = bring_film(editor, farm, song["id"])
    return {**film, "video_section_id": film["section_id"], "section_id": first["id"]}


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


def all_ids() -> set[str]:
    """Return the ids of all rows that there are, but of what is kept once for all users."""
    found = set()
    for table in db.metadata.sorted_tables:
        if table.name not in PUBLIC and "id" in table.c and isinstance(table.c.id.type, Uuid):
            found |= {str(one) for one in db.session.scalars(db.select(table.c.id))}
    db.session.rollback()
    return found


SUMS = "SELECT md5(coalesce(string_agg(one::text, '|' ORDER BY one::text), '')) FROM {} AS one"


def sums() -> dict[str, str]:
    """Return a sum of each table's rows."""
    db.session.rollback()
    told = {
        table.name: db.session.scalar(db.text(SUMS.format(f'"{table.name}"'))) for table in db.metadata.sorted_tables
    }
    db.session.rollback()
    return told


@contextmanager
def nothing_changes() -> Iterator[None]:
    """Fail when a row of any table came, went or became another meanwhile."""
    before = sums()
    yield
    after = sums()
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [], changed
