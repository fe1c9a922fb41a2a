"""Requests that are good in themselves: what no generator can guess, such as the token of a mailed link."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from api.auth.registration import ask_for_account
from api.extensions import db
from api.mail.models import EmailProof, Purpose
from api.mail.proofs import arm, make_proof
from api.organisations.models import Role
from api.organisations.service import add_member
from tests.api.farm import CLIP, Caller, Farm, announce, ingest, send
from tests.api.test_songs import bring_song
from tests.factories.users import UserFactory

GOOD_PASSWORD = "a password for seeds"
TARGET = {"kind": "youtube", "name": "Channel", "secrets": {"refresh_token": "r"}}
FIRST, SECOND = {"If-Match": '"1"'}, {"If-Match": '"2"'}
Good = dict[str, dict[str, Any]]


def good_requests(caller: Caller, farm: Farm, ids: dict[str, str]) -> Good:
    """Return a good request for each of the operations that need one, made of things of their own."""
    return {
        **of_accounts(),
        **of_organisations(caller),
        **of_transcripts(caller, farm),
        **of_work(caller, farm, ids),
    }


def of_accounts() -> Good:
    """Return requests with the tokens of mailed links, and about other accounts."""
    banned, forgetful, moving = (UserFactory() for _ in range(3))
    session = db.session()
    ask_for_account(session, "newcomer@example.com", GOOD_PASSWORD)
    asked = select(EmailProof).where(EmailProof.email == "newcomer@example.com")
    register = arm(session.execute(asked).scalar_one())
    reset = make_proof(session, Purpose.RESET, forgetful.email, forgetful.id)
    change = make_proof(session, Purpose.CHANGE, "moved@example.com", moving.id)
    session.commit()
    address = {"email": "somebody@example.com"}
    return {
        "POST /api/v1/admin/users/{user_id}/ban": {
            "path_parameters": {"user_id": str(banned.id)},
            "body": {"reason": "Sends spam"},
        },
        "POST /api/v1/auth/register": {"body": {**address, "password": GOOD_PASSWORD}},
        "POST /api/v1/auth/register/resend": {"body": address},
        "POST /api/v1/auth/register/verify": {"body": {"token": register, "password": GOOD_PASSWORD}},
        "POST /api/v1/auth/password/forgot": {"body": address},
        "POST /api/v1/auth/password/reset": {"body": {"token": reset, "password": GOOD_PASSWORD}},
        "POST /api/v1/auth/email/confirm": {"body": {"token": change}},
    }


def of_organisations(caller: Caller) -> Good:
    """Return requests about members and invitations."""
    made = [caller.post("/organisations", {"name": name}, expect=201)["id"] for name in ("Left", "Given", "Asks")]
    left, given, asks = made
    heir = UserFactory()
    add_member(db.session(), UUID(left), UserFactory(), Role.OWNER)
    add_member(db.session(), UUID(given), heir, Role.EDITOR)
    db.session.commit()
    pending = caller.post(
        f"/organisations/{asks}/invitations", {"email": "b@example.com", "role": "viewer"}, expect=201
    )
    prefix = "POST /api/v1/organisations/{organisation_id}"
    return {
        f"{prefix}/leave": {"path_parameters": {"organisation_id": left}},
        f"{prefix}/transfer": {"path_parameters": {"organisation_id": given}, "body": {"user_id": str(heir.id)}},
        f"{prefix}/invitations": {
            "path_parameters": {"organisation_id": asks},
            "body": {"email": "c@example.com", "role": "viewer"},
        },
        "DELETE /api/v1/organisations/{organisation_id}/invitations/{invitation_id}": {
            "path_parameters": {"organisation_id": asks, "invitation_id": pending["id"]}
        },
    }


def of_transcripts(caller: Caller, farm: Farm) -> Good:
    """Return edits, each of a transcript of its own and of its present version."""
    one = "/api/v1/transcripts/{transcript_id}"
    put, edits, file, revert, undo, redo = (bring_transcript(caller, farm) for _ in range(6))
    word = put["document"]["segments"][0]["words"][0]["id"]
    text = {"ops": [{"op": "set_text", "word": word, "text": "Changed"}]}
    for transcript in (revert, undo, redo):
        edit(caller, transcript, "edits", text, FIRST)
    edit(caller, redo, "undo", None, SECOND)
    third = {"If-Match": '"3"'}
    captions = {"format": "srt", "content": "1\n00:00:00,000 --> 00:00:00,500\nHello\n"}
    document = {"document": put["document"]}
    return {
        f"PUT {one}": request_of(put, FIRST, document),
        f"POST {one}/edits": request_of(edits, FIRST, text),
        f"POST {one}/file": request_of(file, FIRST, captions),
        f"POST {one}/revert": request_of(revert, SECOND, {"version": 1}),
        f"POST {one}/undo": request_of(undo, SECOND, None),
        f"POST {one}/redo": request_of(redo, third, None),
    }


def of_work(caller: Caller, farm: Farm, ids: dict[str, str]) -> Good:
    """Return requests that start, end and repeat work."""
    scenario = caller.get(f"/transcripts/{ids['transcript_id']}/scenario?preset=pop")
    order = {"source_asset_id": ids["asset_id"], "scenario": scenario}
    running = start(caller)
    failed = caller.post("/renders", {**order, "output": {"fps": "25"}}, expect=202)["job_id"]
    farm.fail(failed, "render", "media.damaged")
    render = caller.post("/renders", {**order, "output": {"fps": "24"}}, expect=202)
    sent = announce(caller, CLIP)
    send(sent, CLIP)
    parts = announce(caller, CLIP, size_bytes=200 << 20)
    return {
        "POST /api/v1/renders": {"body": order},
        "POST /api/v1/renders/estimate": {"body": order},
        "POST /api/v1/scenario/stage": {"body": {"scenario": scenario}},
        "POST /api/v1/renders/{render_id}/cancel": {"path_parameters": {"render_id": render["id"]}},
        "POST /api/v1/jobs/{job_id}/cancel": {"path_parameters": {"job_id": running}},
        "POST /api/v1/jobs/{job_id}/retry": {"path_parameters": {"job_id": failed}},
        "POST /api/v1/songs": {"body": {"asset_id": bring_song(caller, farm)}},
        "POST /api/v1/assets/{asset_id}/transcripts": {"body": {"language": "en"}},
        "POST /api/v1/transcripts/{transcript_id}/translations": {"body": {"to": "de"}},
        "POST /api/v1/publish-targets": {"body": TARGET},
        "POST /api/v1/publications": {"body": {"asset_id": ids["asset_id"], "target_id": ids["target_id"]}},
        "POST /api/v1/projects": {"body": {"asset_id": ids["asset_id"]}},
        "POST /api/v1/projects/{project_id}/jobs": {"body": {"type": "analysis"}},
        "PATCH /api/v1/projects/{project_id}/shorts/{short_id}": {"body": {"title": "Mine"}},
        "POST /api/v1/projects/{project_id}/shorts": {"body": {"start_s": 0.0, "end_s": 1.5, "snap": False}},
        "POST /api/v1/projects/{project_id}/shorts/{short_id}/edits": {"body": {}},
        "POST /api/v1/uploads/complete": {"body": {"upload_id": sent["id"]}},
        "POST /api/v1/uploads/{upload_id}/parts": {"path_parameters": {"upload_id": parts["id"]}},
        "POST /api/v1/admin/farm/moves": {"body": {"queue": "transcription", "source": ids["node_id"]}},
    }


def bring_transcript(caller: Caller, farm: Farm) -> dict[str, Any]:
    """Bring a clip in; return its transcript."""
    asset_id = ingest(caller, farm)
    [listed] = caller.get(f"/transcripts?asset_id={asset_id}")["items"]
    transcript: dict[str, Any] = caller.get(f"/transcripts/{listed['id']}")
    return transcript


def edit(caller: Caller, transcript: dict[str, Any], what: str, body: Any, headers: dict[str, str]) -> None:
    """Change a transcript now."""
    answer = caller.call("POST", f"/transcripts/{transcript['id']}/{what}", body, headers=headers)
    assert answer.status_code in (200, 201), answer.get_json()


def request_of(transcript: dict[str, Any], headers: dict[str, str], body: Any) -> dict[str, Any]:
    """Return a request about a transcript; None is no body."""
    request: dict[str, Any] = {"path_parameters": {"transcript_id": transcript["id"]}, "headers": headers}
    return request if body is None else {**request, "body": body}


def start(caller: Caller) -> str:
    """Send a clip; return the job that nobody works on yet."""
    ticket = announce(caller, CLIP)
    send(ticket, CLIP)
    return str(caller.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"])
