"""Good requests for what others have a part in: Stripe, providers of sign-in, Replicate, workers, a second hearing."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from sqlalchemy import text

from api.extensions import db
from api.videos.models import Prediction
from tasks.contracts import ClaimRequest, Heartbeat, NodeBeat, ReportAndAsk, StepFailure, StepNews, StepReport
from tasks.names import CallbackPath
from tests.api.browsers import Browser
from tests.api.farm import Caller, Farm, find_step, ingest, media_of, transcript_of
from tests.api.idp import Idp, Person
from tests.api.stripe_server import StripeServer
from tests.security.fuzz_signing import REPLICATE, STRIPE
from tests.security.seeds_good import FIRST, SECOND, Good, bring_transcript, edit, request_of, start

COOKIE = "reelyard-sign-in"
LATER = "UPDATE {} SET expires_at = now() + interval '1 day'"
"""What is good for minutes, so that a run may take hours."""


def outside_requests(application: Any, caller: Caller, farm: Farm, *, stripe: StripeServer, idp: Idp) -> Good:
    """Return a good request for each operation of these kinds."""
    return {
        **of_payments(caller, stripe),
        **of_identities(application, caller, idp),
        **of_predictions(caller),
        **of_hearing(caller, farm),
        **of_steps(caller, farm),
        **of_reports(caller, farm),
    }


def of_payments(caller: Caller, stripe: StripeServer) -> Good:
    """Buy something; return the event that tells that it is paid, and an order."""
    bought = caller.post("/payments/checkout", {"item": "pack.small"}, expect=201)
    [event] = stripe.pay(bought["id"])
    return {
        "POST /api/v1/payments/checkout": {"body": {"item": "pack.small"}},
        f"POST {STRIPE}": {"body": event},
    }


def of_identities(application: Any, caller: Caller, idp: Idp) -> Good:
    """Link an identity, and begin sign-ins that others finish; return what finishes them."""
    linking, fresh, back = (Browser(application) for _ in range(3))
    linking.come_back(linking.agree(linking.link("github", caller.token)))
    [identity] = caller.get("/auth/identities")["items"]
    idp.person = Person("2002", "fresh@example.com")
    landed = fresh.come_back(fresh.agree(fresh.start("google")))
    code = parse_qs(urlsplit(landed).fragment)["code"][0]
    answer = parse_qs(urlsplit(back.agree(back.start("google"))).query)
    cookie = back.client.get_cookie(COOKIE)
    for table in ("oauth_flow", "oauth_grant"):
        db.session.execute(text(LATER.format(table)))
    db.session.commit()
    google = {"path_parameters": {"provider": "google"}}
    return {
        "GET /api/v1/auth/oauth/{provider}/start": {**google, "query": {"challenge": back.challenge}},
        "GET /api/v1/auth/oauth/{provider}/callback": {
            **google,
            "query": {"state": answer["state"][0], "code": answer["code"][0]},
            "cookies": {COOKIE: cookie.value},
        },
        "POST /api/v1/auth/oauth/{provider}/link": {**google, "body": {"next": "/account"}},
        "POST /api/v1/auth/oauth/token": {"body": {"code": code, "verifier": fresh.verifier}},
        "DELETE /api/v1/auth/identities/{identity_id}": {"path_parameters": {"identity_id": identity["id"]}},
    }


def of_predictions(caller: Caller) -> Good:
    """Order something from Replicate; return what it sends when that is done."""
    prediction = Prediction(ref="known", owner_id=UUID(caller.id), clip_number=0, is_still=False, given_up=False)
    db.session.add(prediction)
    db.session.commit()
    return {f"POST {REPLICATE}": {"body": {"id": "known", "status": "succeeded"}}}


def of_hearing(caller: Caller, farm: Farm) -> Good:
    """Have a video heard again whose words were edited; return the request that carries the edits over."""
    old = bring_transcript(caller, farm)
    word = old["document"]["segments"][0]["words"][0]["id"]
    edit(caller, old, "edits", {"ops": [{"op": "set_text", "word": word, "text": "Changed"}]}, FIRST)
    again = caller.post(f"/assets/{old['asset_id']}/transcripts", {"language": "en"}, expect=202)
    assert farm.report(farm.claim(again["id"], "transcribe"), result=transcript_of("Hello,")).status_code == 200
    newest = caller.get(f"/transcripts?asset_id={old['asset_id']}")["items"][0]
    return {"POST /api/v1/transcripts/{transcript_id}/rebase": request_of(old, SECOND, {"onto": newest["id"]})}


def of_steps(caller: Caller, farm: Farm) -> Good:
    """Return what workers say of steps that go on, each of a step of its own."""
    claimed = start(caller)
    step = find_step(claimed, "probe")
    beating, telling = (farm.claim(start(caller), "probe") for _ in range(2))
    order = {"source_asset_id": ingest(caller, farm), "scenario": scenario_of(caller), "output": {"fps": "50"}}
    rendering = farm.claim(caller.post("/renders", order, expect=202)["job_id"], "render")
    node = NodeBeat("more@fuzz", instance="first", host="host", role="cpu", pid=1)
    return {
        of_step(CallbackPath.CLAIM): about(step.id, ClaimRequest(claimed, str(step.id), "test", step.task)),
        of_step(CallbackPath.HEARTBEAT): about(beating["step_id"], Heartbeat(*ids_of(beating))),
        of_step(CallbackPath.NEWS): about(telling["step_id"], StepNews(*ids_of(telling), "first_look")),
        of_step(CallbackPath.RENDER): {"body": Heartbeat(*ids_of(rendering)).to_json()},
        of_step(CallbackPath.NODE_BEAT): {"body": node.to_json()},
    }


def of_reports(caller: Caller, farm: Farm) -> Good:
    """Return reports of steps that have come to their end."""
    failed, done = (farm.claim(start(caller), "probe") for _ in range(2))
    job_id = start(caller)
    farm.succeed(job_id, "probe", media_of())
    heard = farm.claim(job_id, "transcribe")
    failure = StepReport(*ids_of(failed), failure=StepFailure("media.damaged", "It does not work.", permanent=True))
    ended = StepReport(*ids_of(done), result=media_of())
    asking = ReportAndAsk(ended, "test", done["task"], "nonce")
    words = StepReport(*ids_of(heard), result=transcript_of("Hello"))
    return {
        of_step(CallbackPath.REPORT): about(failed["step_id"], failure),
        of_step(CallbackPath.REPORT_AND_ASK): about(done["step_id"], asking),
        of_step(CallbackPath.TRANSCRIPT_RESULT): {"body": words.to_json()},
    }


def of_step(path: CallbackPath) -> str:
    """Return the name of an operation that workers call."""
    return f"POST {path.value}"


def about(step_id: Any, message: Any) -> dict[str, Any]:
    """Return a request about a step."""
    return {"path_parameters": {"step_id": str(step_id)}, "body": message.to_json()}


def ids_of(claim: dict[str, Any]) -> tuple[str, str, int]:
    """Return what every message of an attempt begins with."""
    return claim["job_id"], claim["step_id"], claim["token"]


def scenario_of(caller: Caller) -> dict[str, Any]:
    """Return a scenario of any transcript."""
    transcript = caller.get("/transcripts")["items"][0]
    scenario: dict[str, Any] = caller.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    return scenario
