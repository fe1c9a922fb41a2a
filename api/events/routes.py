"""The event stream of a job."""

from __future__ import annotations

from uuid import UUID

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import login_required
from api.events.bells import get_bells
from api.events.stream import read_batch, stream_events
from api.extensions import db
from api.ids import get_owned
from api.jobs.models import Job

blueprint = Blueprint("events", __name__, url_prefix="/api/v1", description="Follow work live")

EVENT = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
}
"""The form of each event of a stream; ``data`` is JSON in text."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@blueprint.route("/jobs/<uuid:job_id>/events")
class JobEvents(MethodView):
    """Everything that happens to one job."""

    decorators = [login_required]

    @blueprint.response(200, EVENT, content_type="text/event-stream", description="Server-Sent Events")
    @blueprint.alt_response(204, description="The job has ended and Last-Event-ID was its last event")
    @problems(blueprint, {404: "job.not_found"})
    def get(self, job_id: UUID) -> Response:
        """Follow a job

        Server-Sent Events from the first on, or from after ``Last-Event-ID`` (header, or ``last_event_id`` in the
        query), without gap or repeat, until the job has ended. Names: job.queued, job.running, step.running, progress,
        step.first_look, step.retrying, step.succeeded, step.failed, job.succeeded, job.failed, job.cancelled. ``data``
        has state, progress, eta_s, error and, for events of a step, step.
        """
        get_owned(Job, job_id)
        engine, after = db.engine, read_position()
        db.session.remove()
        if after:
            batch = read_batch(engine, job_id, after)
            if batch.complete and not batch.events:
                return Response(status=204)
        stream = stream_events(engine, get_bells().hang(job_id, after), job_id, after)
        return Response(stream, mimetype="text/event-stream", headers=HEADERS)


def read_position() -> int:
    """Return the number of the last event the client has; 0 for none or for one that is not a number."""
    given = request.headers.get("Last-Event-ID", "") or request.args.get("last_event_id", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else 0
