"""One of everything for a fuzzer to begin with, and one more of what operations take away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.extensions import db, get_storage
from api.organisations.models import Role
from api.organisations.service import add_member
from tasks.contracts import NodeBeat
from tasks.names import CallbackPath
from tests.api.farm import (
    CLIP,
    Caller,
    Farm,
    announce,
    find_step,
    ingest,
    media_of,
    receipt_of,
    send,
    sha256_of,
    transcript_of,
)
from tests.api.idp import Idp
from tests.api.linking import make_extraction, make_sample
from tests.api.stripe_server import StripeServer
from tests.api.test_projects import analyse
from tests.api.test_songs import bring_song, listen
from tests.api.test_sounds import make_sound
from tests.api.test_videos import bring_film, bring_stills
from tests.apps import PASSWORD
from tests.factories.users import UserFactory
from tests.security.seeds_good import TARGET, Good, good_requests, start
from tests.security.seeds_more import more_requests
from tests.security.seeds_outside import outside_requests

NODE = "seed@fuzz"
QUEUES = ("ingest", "transcription")
Ids = dict[str, str]


def bring_in(application: Any, stripe: StripeServer, idp: Idp) -> tuple[Caller, tuple[Ids, dict[str, Ids], Good]]:
    """Make an administrator; return them, ids of one of everything, ids for single operations, good requests."""
    client = application.test_client()
    who = UserFactory(role="admin")
    tokens = client.post("/api/v1/auth/login", json={"email": who.email, "password": PASSWORD})
    caller = Caller(client, tokens.get_json()["access_token"], str(who.id))
    farm = Farm(client, application.extensions["settings"].callback_secret)
    ids = {**bring_video(caller, farm), "song_id": make_song(caller, farm), "user_id": caller.id}
    ids["organisation_id"] = caller.post("/organisations", {"name": "Studio"}, expect=201)["id"]
    ids |= make_project(caller, farm, ids["asset_id"])
    ids |= bring_film(caller, farm, ids["song_id"])
    ids["sound_id"] = make_sound(caller, farm)["id"]
    ids["sample_id"], ids["extraction_id"] = make_sample(caller, farm)["id"], make_extraction(caller, farm)
    ids["webhook_id"] = make_webhook(caller)
    ids["publish_target_id"] = ids["target_id"] = make_target(caller)
    sent = caller.post("/publications", {"asset_id": ids["asset_id"], "target_id": ids["target_id"]}, expect=202)
    ids["publication_id"] = sent["id"]
    ids["node_id"], ids["provider"] = beat(farm), "google"
    ids["step_job_id"] = start(caller)
    ids["step_id"] = str(find_step(ids["step_job_id"], "probe").id)
    good = {**good_requests(caller, farm, ids), **more_requests(caller, farm, ids)}
    good |= outside_requests(application, caller, farm, stripe=stripe, idp=idp)
    return caller, (ids, make_spares(caller, farm), good)


def make_spares(caller: Caller, farm: Farm) -> dict[str, Ids]:
    """Make what operations take away; return the ids by the operations' names."""
    unsent, unused = announce(caller, CLIP), bring_song(caller, farm)
    studio, gone = (caller.post("/organisations", {"name": name}, expect=201)["id"] for name in ("Loft", "Gone"))
    member = UserFactory()
    add_member(db.session(), UUID(studio), member, Role.EDITOR)
    db.session.commit()
    both = {"organisation_id": studio, "user_id": str(member.id)}
    return {
        "DELETE /api/v1/uploads/{upload_id}": {"upload_id": unsent["id"]},
        "DELETE /api/v1/assets/{asset_id}": {"asset_id": unused},
        "DELETE /api/v1/songs/{song_id}": {"song_id": make_song(caller, farm)},
        "DELETE /api/v1/samples/{sample_id}": {"sample_id": make_sample(caller, farm)["id"]},
        "DELETE /api/v1/extractions/{extraction_id}": {"extraction_id": make_extraction(caller, farm)},
        **make_videos(caller, farm),
        "DELETE /api/v1/projects/{project_id}": make_project(caller, farm, ingest(caller, farm)),
        "DELETE /api/v1/projects/{project_id}/shorts/{short_id}": make_project(caller, farm, ingest(caller, farm)),
        "DELETE /api/v1/publish-targets/{publish_target_id}": {"publish_target_id": make_target(caller)},
        "DELETE /api/v1/webhooks/{webhook_id}": {"webhook_id": make_webhook(caller)},
        "DELETE /api/v1/organisations/{organisation_id}": {"organisation_id": gone},
        "DELETE /api/v1/organisations/{organisation_id}/members/{user_id}": both,
    }


def bring_video(caller: Caller, farm: Farm) -> Ids:
    """Upload, transcribe and render; return the ids of what came of it."""
    ticket = announce(caller, CLIP)
    send(ticket, CLIP)
    job_id = caller.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    farm.succeed(job_id, "poster", {"object_key": None})
    [transcript] = caller.get(f"/transcripts?asset_id={ticket['asset_id']}")["items"]
    scenario = caller.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    render = caller.post("/renders", {"source_asset_id": ticket["asset_id"], "scenario": scenario}, expect=202)
    claim = farm.claim(render["job_id"], "render")
    key = f"{claim['output_prefix']}out.mp4"
    get_storage().put_bytes(key, b"video", content_type="video/mp4")
    result = {"object_key": key, "size_bytes": 5, "sha256": sha256_of(b"video"), "receipt": receipt_of()}
    assert farm.report(claim, result=result).status_code == 200
    ids = {"asset_id": ticket["asset_id"], "upload_id": ticket["id"], "job_id": job_id}
    return ids | {"transcript_id": transcript["id"], "render_id": render["id"]}


def make_song(caller: Caller, farm: Farm) -> str:
    """Make a song that was analysed; return its id."""
    song_id = caller.post("/songs", {"asset_id": bring_song(caller, farm)}, expect=201)["id"]
    listen(farm, caller.post(f"/songs/{song_id}/analyze", {}, expect=202)["job_id"])
    return str(song_id)


def make_videos(caller: Caller, farm: Farm) -> dict[str, Ids]:
    """Make a film for each operation that ends one or may be asked for once."""
    one = "/api/v1/videos/{video_id}"
    operations = (
        f"DELETE {one}",
        f"POST {one}/finalize",
        f"POST {one}/regenerate/clip/{{clip_id}}",
        f"POST {one}/regenerate/section/{{section_id}}",
        f"DELETE {one}/shares/{{share_id}}",
    )
    song_id = make_song(caller, farm)
    spares = {name: bring_film(caller, farm, song_id) for name in operations}
    spares[f"POST {one}/approve"] = bring_stills(caller, farm, song_id)
    spares["POST /api/v1/songs/{song_id}/compose"] = bring_film(caller, farm, make_song(caller, farm))
    return spares


def make_project(caller: Caller, farm: Farm, asset_id: str) -> Ids:
    """Make a project of a video, with a short; return the ids."""
    project_id = caller.post("/projects", {"asset_id": asset_id}, expect=201)["id"]
    analyse(caller, farm, project_id, (0.0, 1.9))
    [short] = caller.get(f"/projects/{project_id}/shorts")["items"]
    return {"project_id": project_id, "short_id": short["id"]}


def make_target(caller: Caller) -> str:
    """Keep a place to publish at; return its id."""
    return str(caller.post("/publish-targets", TARGET, expect=201)["id"])


def make_webhook(caller: Caller) -> str:
    """Have events sent to an address; return the endpoint's id."""
    return str(caller.post("/webhooks", {"url": "https://example.com/hook"}, expect=201)["id"])


def beat(farm: Farm) -> str:
    """Have a node beat once; return its name."""
    told = {"started_with": QUEUES, "able": QUEUES, "queues": QUEUES, "slots": 2, "started_slots": 2}
    message = NodeBeat(NODE, instance="first", host="host", role="cpu", pid=1, **told)
    answer = farm.post(CallbackPath.NODE_BEAT.value, message.to_json())
    assert answer.status_code == 200, answer.get_json()
    return NODE
