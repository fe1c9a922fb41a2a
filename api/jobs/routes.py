"""Job endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.jobs.metrics  # noqa: F401  registers the gauges
from api.assets.docs import problems
from api.auth import login_required
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.ids import get_owned
from api.jobs import service
from api.jobs.models import Job
from api.jobs.schemas import JobPageResponse, JobQuery, JobResponse
from api.pagination import filters_of, paginate

blueprint = Blueprint("jobs", __name__, url_prefix="/api/v1", description="Follow, cancel and retry work")


@blueprint.route("/jobs")
class JobList(MethodView):
    """All jobs."""

    decorators = [login_required]

    @blueprint.arguments(JobQuery, location="query")
    @blueprint.response(200, JobPageResponse)
    def get(self, query: dict[str, Any]) -> Any:
        """List jobs, newest first"""
        chosen = service.select_jobs(**filters_of(query))
        return paginate(db.session(), chosen, Job, query)


@blueprint.route("/jobs/<uuid:job_id>")
class JobItem(MethodView):
    """One job."""

    decorators = [login_required]

    @blueprint.response(200, JobResponse)
    @problems(blueprint, {404: "job.not_found"})
    def get(self, job_id: UUID) -> Job:
        """Look at a job"""
        return service.with_history(db.session(), get_owned(Job, job_id))


@blueprint.route("/jobs/<uuid:job_id>/cancel")
class JobCancellation(MethodView):
    """Stopping one job."""

    decorators = [login_required]

    @blueprint.response(202, JobResponse)
    @problems(blueprint, {404: "job.not_found", 409: "job.finished"})
    def post(self, job_id: UUID) -> Job:
        """Cancel a job

        It never succeeds after this answer; running work stops within seconds and quota goes back at once. Cancelling
        again changes nothing.
        """
        job = service.request_cancel(db.session(), get_owned(Job, job_id))
        db.session.commit()
        return service.with_history(db.session(), job)


@blueprint.route("/jobs/<uuid:job_id>/retry")
class JobRetry(MethodView):
    """Trying one job again."""

    decorators = [login_required]

    @idempotent("retry:{job_id}")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.response(202, JobResponse)
    @problems(blueprint, {404: "job.not_found", 409: "job.finished", 429: "quota.*"})
    def post(self, job_id: UUID) -> Job:
        """Retry a failed or cancelled job

        It goes on from the step that failed; finished steps are kept, quota is taken anew. Retrying a job that is
        queued or running changes nothing.
        """
        job = service.retry(db.session(), get_owned(Job, job_id))
        after_commit(lambda: service.publish_soon(job_id))
        return service.with_history(db.session(), job)
