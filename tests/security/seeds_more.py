"""Good requests for what needs another person, a file in the storage or a second try."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.assets.models import Asset
from api.extensions import db, get_storage
from api.organisations.invitations import mint_link, select_pending
from api.organisations.models import Role
from api.organisations.service import add_member
from api.projects.models import Short
from api.renders.models import Render
from api.users.models import Plan
from tests.api.farm import Caller, Farm, send
from tests.api.linking import make_sample
from tests.api.test_fonts import announce as announce_font
from tests.api.test_songs import bring_song, listen
from tests.api.test_sounds import bring_sound, make_sound
from tests.apps import PASSWORD
from tests.factories.users import UserFactory

Good = dict[str, dict[str, Any]]


def more_requests(caller: Caller, farm: Farm, ids: dict[str, str]) -> Good:
    """Return a good request for each operation of these kinds."""
    return {
        **of_others(caller),
        **of_files(caller, ids),
        **of_songs(caller, farm),
        **of_sounds(caller, farm),
        **of_links(caller, farm),
        **of_webhooks(caller),
    }


def of_others(caller: Caller) -> Good:
    """Return requests of, to and about other accounts."""
    host, guest, leaver = sign_in(caller.client), sign_in(caller.client), sign_in(caller.client)
    me = caller.get("/auth/me")["email"]
    links = [ask_to_join(host[0], name, me) for name in ("Yes", "No")]
    db.session.commit()
    loft, member = caller.post("/organisations", {"name": "Roles"}, expect=201)["id"], UserFactory()
    add_member(db.session(), UUID(loft), member, Role.EDITOR)
    db.session.commit()
    plan = db.session.scalars(select(Plan.code).order_by(Plan.code)).first()
    return {
        "POST /api/v1/invitations/accept": {"body": {"token": links[0]}},
        "POST /api/v1/invitations/decline": {"body": {"token": links[1]}},
        "POST /api/v1/auth/login": {"body": {"email": guest[0].get("/auth/me")["email"], "password": PASSWORD}},
        "POST /api/v1/auth/refresh": {"headers": {"Authorization": f"Bearer {guest[1]}"}},
        "POST /api/v1/auth/close": {
            "headers": {"Authorization": f"Bearer {leaver[0].token}"},
            "body": {"password": PASSWORD},
        },
        "PATCH /api/v1/organisations/{organisation_id}/members/{user_id}": {
            "path_parameters": {"organisation_id": loft, "user_id": str(member.id)},
            "body": {"role": "viewer"},
        },
        "POST /api/v1/admin/farm/queues/{name}/pause": {
            "path_parameters": {"name": "transcription"},
            "body": {"reason": "A test"},
        },
        "PATCH /api/v1/admin/plans/{code}": {"path_parameters": {"code": plan}, "body": {"weight": 2}},
    }


def ask_to_join(host: Caller, name: str, email: str) -> str:
    """Found an organisation and invite somebody; return the token, which is otherwise in a letter alone."""
    studio = host.post("/organisations", {"name": name}, expect=201)["id"]
    host.post(f"/organisations/{studio}/invitations", {"email": email, "role": "viewer"}, expect=201)
    invitation = db.session.scalars(select_pending(UUID(studio))).one()
    return mint_link(db.session(), invitation, "").partition("#token=")[2]


def sign_in(client: Any) -> tuple[Caller, str]:
    """Make an account; return it signed in, and its refresh token."""
    user = UserFactory()
    tokens = client.post("/api/v1/auth/login", json={"email": user.email, "password": PASSWORD}).get_json()
    return Caller(client, tokens["access_token"], str(user.id)), tokens["refresh_token"]


CUT = {
    **{"kept": [{"start": 0.0, "end": 1.9}], "framing": None, "framed": True},
    **{"frame_count": 57, "copied_frames": 57, "encoded_because": ""},
}


def of_files(caller: Caller, ids: dict[str, str]) -> Good:
    """Draw what workers draw, so that it can be shown; return requests about it."""
    render = db.session.get_one(Render, UUID(ids["render_id"]))
    result = render.outputs[0].asset_id
    for asset_id in (UUID(ids["asset_id"]), result):
        db.session.get_one(Asset, asset_id).poster_key = draw(str(asset_id))
    short = db.session.get_one(Short, UUID(ids["short_id"]))
    short.thumbnail_key, short.clip_asset_id, short.cut = draw(ids["short_id"]), UUID(ids["asset_id"]), CUT
    db.session.commit()
    font = announce_font(caller, b"any bytes")
    send(font, b"any bytes")
    captions = {"format": "srt", "content": "1\n00:00:00,000 --> 00:00:00,500\nHello\n", "language": "en"}
    output = {"path_parameters": {"render_id": ids["render_id"], "number": 0}}
    return {
        "GET /api/v1/renders/{render_id}/outputs/{number}/download": output,
        "GET /api/v1/renders/{render_id}/outputs/{number}/poster": output,
        "POST /api/v1/transcripts": {"body": {**captions, "asset_id": ids["asset_id"]}},
        "POST /api/v1/fonts/uploaded/{font_id}/complete": {"path_parameters": {"font_id": font["id"]}},
    }


def draw(name: str) -> str:
    """Store a picture; return its key."""
    key = f"seeds/{name}.png"
    get_storage().put_bytes(key, b"\x89PNG", content_type="image/png")
    return key


def of_songs(caller: Caller, farm: Farm) -> Good:
    """Return requests that divide a song, and that change a part of another."""
    whole, divided = (bring_analysed(caller, farm) for _ in range(2))
    [first, *_] = caller.post(f"/songs/{divided}/sections", {"suggested": True}, expect=201)["items"]
    return {
        "PATCH /api/v1/songs/{song_id}/analysis": {"path_parameters": {"song_id": divided}, "body": {"key": "C major"}},
        "POST /api/v1/songs/{song_id}/sections": {"path_parameters": {"song_id": whole}, "body": {"suggested": True}},
        "PATCH /api/v1/songs/{song_id}/sections/{section_id}": {
            "path_parameters": {"song_id": divided, "section_id": first["id"]},
            "body": {"note": "Loud"},
        },
    }


def of_sounds(caller: Caller, farm: Farm) -> Good:
    """Return requests about a sound that is ready."""
    path = {"path_parameters": {"sound_id": make_sound(caller, farm)["id"]}}
    return {
        **of_playlists(caller, path["path_parameters"]["sound_id"]),
        "POST /api/v1/sounds/play/{sound_id}": path,
        "POST /api/v1/sounds": {"body": {"asset_id": bring_sound(caller, farm)}},
        "POST /api/v1/sounds/tts": {"body": {"text": "Hello"}},
        "GET /api/v1/sounds/{sound_id}": path,
        "PATCH /api/v1/sounds/{sound_id}": {**path, "body": {"title": "Louder"}},
        "GET /api/v1/sounds/{sound_id}/file": path,
        "PUT /api/v1/sounds/{sound_id}/favourite": path,
        "DELETE /api/v1/sounds/{sound_id}/favourite": path,
        "DELETE /api/v1/sounds/{sound_id}": {"path_parameters": {"sound_id": make_sound(caller, farm)["id"]}},
    }


def of_links(caller: Caller, farm: Farm) -> Good:
    """Return requests about samples and extractions."""
    sample = {"path_parameters": {"sample_id": make_sample(caller, farm)["id"]}}
    links = [{"url": f"https://vimeo.com/{number}"} for number in (76_979_871, 76_979_872, 76_979_873)]
    return {
        "POST /api/v1/samples": {"body": links[0]},
        "POST /api/v1/process/submit": {"body": links[2]},
        "PATCH /api/v1/samples/{sample_id}": {**sample, "body": {"title": "Louder"}},
        "POST /api/v1/samples/{sample_id}/download": {**sample, "body": {"form": "mp3"}},
        "POST /api/v1/extractions": {"body": links[1]},
    }


def of_playlists(caller: Caller, sound_id: str) -> Good:
    """Return requests about a playlist that is in the player."""
    playlist = caller.post("/playlists", {"name": "Friday"}, expect=201)
    items = f"/playlists/{playlist['id']}/items"
    kept, gone = (caller.post(items, {"sound_id": sound_id}, expect=201)["id"] for _ in range(2))
    spare = caller.post("/playlists", {"name": "Spare"}, expect=201)["id"]
    caller.post("/player/load", {"playlist_id": playlist["id"]}, expect=200)
    path = {"playlist_id": playlist["id"]}
    return {
        "GET /api/v1/playlists/{playlist_id}": {"path_parameters": path},
        "PATCH /api/v1/playlists/{playlist_id}": {"path_parameters": path, "body": {"name": "Saturday"}},
        "DELETE /api/v1/playlists/{playlist_id}": {"path_parameters": {"playlist_id": spare}},
        "PUT /api/v1/playlists/{playlist_id}/current": {"path_parameters": path},
        "POST /api/v1/playlists/{playlist_id}/items": {"path_parameters": path, "body": {"sound_id": sound_id}},
        "PATCH /api/v1/playlists/{playlist_id}/items/{item_id}": {
            "path_parameters": {**path, "item_id": kept},
            "body": {"position": 1},
        },
        "DELETE /api/v1/playlists/{playlist_id}/items/{item_id}": {"path_parameters": {**path, "item_id": gone}},
        "POST /api/v1/player/load": {"body": path},
        "POST /api/v1/player/play": {"body": {}},
        "POST /api/v1/player/seek": {"body": {"position_s": 0.5}},
        "PATCH /api/v1/player": {"body": {"volume": 30}},
    }


def bring_analysed(caller: Caller, farm: Farm) -> str:
    """Make a song that was analysed; return its id."""
    song_id = caller.post("/songs", {"asset_id": bring_song(caller, farm)}, expect=201)["id"]
    listen(farm, caller.post(f"/songs/{song_id}/analyze", {}, expect=202)["job_id"])
    return str(song_id)


def of_webhooks(caller: Caller) -> Good:
    """Return requests about an endpoint and a message of it."""
    hook = caller.post("/webhooks", {"url": "https://example.com/again"}, expect=201)["id"]
    delivery = caller.post(f"/webhooks/{hook}/test", expect=202)["id"]
    message = {"path_parameters": {"webhook_id": hook, "delivery_id": delivery}}
    return {
        "GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": message,
        "POST /api/v1/webhooks": {"body": {"url": "https://example.com/new"}},
        "PATCH /api/v1/webhooks/{webhook_id}": {"path_parameters": {"webhook_id": hook}, "body": {"description": "x"}},
        "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": message,
    }
