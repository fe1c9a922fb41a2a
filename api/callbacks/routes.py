"""The worker protocol over HTTP, and the two callbacks that keep the names of the products replaced."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.callbacks.guard import check_signature, read_message
from api.callbacks.schemas import (
    AcceptedResponse,
    AcceptedWithNextResponse,
    ClaimResponse,
    LeaseResponse,
    RenderCallbackResponse,
)
from api.extensions import db
from api.farm import admission, next_in_line
from api.jobs import attempts
from api.tracing import hand_on
from tasks.contracts import Claim, ClaimRequest, Heartbeat, ReportAndAsk, StepNews, StepReport
from tasks.errors import InvalidInputError, PermanentError
from tasks.names import CallbackPath

logger = logging.getLogger(__name__)

blueprint = Blueprint("callbacks", __name__, description="For workers alone: every call is signed")
blueprint.url_value_preprocessor(check_signature)

UNSIGNED = {401: "callback.unsigned, callback.expired, callback.bad_signature"}
FENCED = {409: "step.fenced, job.cancelled: kill the attempt and say no more"}
REFUSED = {422: "contract.invalid, contract.unknown_version"}
DOC: dict[str, Any] = {"security": []}


def rule(path: CallbackPath) -> str:
    """Return the routing rule of a callback path."""
    return path.value.replace("{step_id}", "<uuid:step_id>")


@blueprint.route(rule(CallbackPath.CLAIM))
class StepClaim(MethodView):
    """Asking for a step."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, ClaimResponse)
    @problems(blueprint, UNSIGNED | REFUSED)
    def post(self, step_id: UUID) -> Response:
        """Claim a step

        ``claimed`` false is an answer too; its reason says why.
        """
        message = read_message(str(step_id))
        try:
            request = ClaimRequest.from_json(message)
        except PermanentError as error:
            if error.code != attempts.UNKNOWN_VERSION:
                raise
            return answer(Claim(False, reason="unknown_version").to_json())
        claim = claim_if_admitted(request)
        db.session.commit()
        hand_on(claim.trace)
        return answer(claim.to_json())


@blueprint.route(rule(CallbackPath.HEARTBEAT))
class StepHeartbeat(MethodView):
    """Keeping a step."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, LeaseResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self, step_id: UUID) -> dict[str, float]:
        """Renew a lease and tell progress"""
        return take_heartbeat(read_message(str(step_id)))


@blueprint.route(rule(CallbackPath.NEWS))
class StepToldNews(MethodView):
    """What there is to see before the end."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, AcceptedResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self, step_id: UUID) -> dict[str, bool]:
        """Show something of a running step

        Like the first look of a render; watchers of the job hear ``step.first_look``.
        """
        attempts.take_news(db.session(), StepNews.from_json(read_message(str(step_id))))
        db.session.commit()
        return {"accepted": True}


@blueprint.route(rule(CallbackPath.REPORT))
class StepEnd(MethodView):
    """The end of an attempt."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, AcceptedResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self, step_id: UUID) -> dict[str, bool]:
        """Report how an attempt ended

        Sending the same report again is harmless.
        """
        return take_report(read_message(str(step_id)))


@blueprint.route(rule(CallbackPath.REPORT_AND_ASK))
class StepEndAndNext(MethodView):
    """The end of a short attempt."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, AcceptedWithNextResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self, step_id: UUID) -> Response:
        """Report how an attempt ended and claim what is next

        The step that is next in line, if it has the same task and the node may have it. Sending the same call again is
        harmless and answered with the same claim.
        """
        message = read_message()
        report = message.get("report")
        if not isinstance(report, dict) or report.get("step_id") != str(step_id):
            raise InvalidInputError("contract.invalid", "The report is about another step than the path")
        return answer(take_report_and_next(message))


@blueprint.route(CallbackPath.TRANSCRIPT_RESULT.value)
class TranscriptResult(MethodView):
    """The result of a transcription."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, AcceptedResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self) -> dict[str, bool]:
        """Report how a transcription ended

        Takes a step report whose result is the transcript.
        """
        return take_report(read_message())


@blueprint.route(CallbackPath.RENDER.value)
class RenderCallback(MethodView):
    """News of a render."""

    @blueprint.doc(**DOC)
    @blueprint.response(200, RenderCallbackResponse)
    @problems(blueprint, UNSIGNED | FENCED | REFUSED)
    def post(self) -> dict[str, Any]:
        """Report progress or the end of a render

        Takes a step report (it has ``result`` or ``failure``) or a heartbeat.
        """
        message = read_message()
        if "result" in message or "failure" in message:
            return take_report(message)
        return take_heartbeat(message)


def answer(document: dict[str, Any]) -> Response:
    """Answer with what our own contracts have made, which no schema needs to look at again."""
    return Response(json.dumps(document), mimetype="application/json")


def claim_if_admitted(request: ClaimRequest) -> Claim:
    """Claim a step, unless its node or queue shall have no work now: then it is rung for another one."""
    session = db.session()
    if reason := admission.refusal(session, request):
        admission.put_back(session, request.step_id)
        return Claim(False, reason=reason)
    claim = attempts.claim_step(session, request)
    admission.note_gpu(session, request, claim)
    return claim


def take_report_and_next(message: dict[str, Any]) -> dict[str, Any]:
    """Apply a report and hand on the next step in line, in one transaction; whatever becomes of that, the report holds.

    One transaction, since whoever repeats the call waits for it by the lock on the step that is reported: what was
    handed on is known then, and given again.
    """
    asked = ReportAndAsk.from_json(message)
    session = db.session()
    held = attempts.take_report(session, asked.report)
    try:
        claim = next_in_line.repeat(session, asked) if held is None else next_in_line.hand_on(session, held, asked)
    except Exception:
        logger.exception("next step not handed on", extra={"node": asked.node})
        session.rollback()
        attempts.take_report(session, asked.report)
        claim = None
    session.commit()
    hand_on(claim.trace if claim else "")
    return {"accepted": True, "next": claim and claim.to_json()}


def take_heartbeat(message: dict[str, Any]) -> dict[str, float]:
    """Apply a heartbeat and commit."""
    lease_s = attempts.keep_alive(db.session(), Heartbeat.from_json(message))
    db.session.commit()
    return {"lease_s": lease_s}


def take_report(message: dict[str, Any]) -> dict[str, bool]:
    """Apply a report and commit. One of a version that is unknown here gives its step back to be done by others."""
    try:
        report = StepReport.from_json(message)
    except PermanentError as error:
        if error.code == attempts.UNKNOWN_VERSION:
            give_back(message, error.detail)
        raise
    attempts.take_report(db.session(), report)
    db.session.commit()
    return {"accepted": True}


def give_back(message: dict[str, Any], reason: str) -> None:
    """Hand back the step that an unreadable report is about, as far as it says which."""
    job_id, step_id, token = message.get("job_id"), message.get("step_id"), message.get("token")
    if isinstance(job_id, str) and isinstance(step_id, str) and isinstance(token, int):
        attempts.hand_back(db.session(), job_id=job_id, step_id=step_id, token=token, reason=reason)
        db.session.commit()
        logger.warning("step handed back", extra={"job_id": job_id, "step_id": step_id, "reason": reason})
