"""Sample endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.samples.effects  # noqa: F401  registers what the steps of a sample change
from api.assets.docs import problems
from api.assets.routes import hand_out
from api.assets.schemas import DownloadQuery, DownloadResponse
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.jobs.service import publish_soon
from api.samples import service
from api.samples.answers import describe_sample
from api.samples.models import DownloadForm
from api.samples.paging import paginate_sorted
from api.samples.schemas import (
    SampleChange,
    SampleDownloadRequest,
    SampleDownloadsResponse,
    SamplePageResponse,
    SampleQuery,
    SampleRequest,
    SampleResponse,
)

blueprint = Blueprint("samples", __name__, url_prefix="/api/v1", description="Samples: sounds behind links")

LOCATION = {"Location": {"description": "Path of the sample", "schema": {"type": "string"}}}
KEY_PROBLEMS = "idempotency.key_reused, idempotency.in_progress"
ORDER_PROBLEMS = {
    402: "credits.insufficient",
    403: "organisation.forbidden",
    404: "organisation.not_found",
    409: f"sample.duplicate, {KEY_PROBLEMS}",
    422: "url.refused",
}


@blueprint.route("/samples")
class SampleList(MethodView):
    """All samples."""

    decorators = [login_required]

    @blueprint.arguments(SampleQuery, location="query")
    @blueprint.response(200, SamplePageResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List samples, newest first unless sorted otherwise"""
        page = paginate_sorted(db.session(), service.select_samples(query), query)
        return {**page, "items": [describe_sample(sample) for sample in page["items"]]}

    @idempotent("samples")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SampleRequest)
    @blueprint.response(202, SampleResponse, headers=LOCATION)
    @problems(blueprint, ORDER_PROBLEMS)
    def post(self, body: dict[str, Any]) -> Any:
        """Make a sample of what a link leads to

        Eight steps, each of which can be tried again: what the service tells, who made it, the media, its sound as WAV
        and MP3, its waveform, tempo and key, loops, and that all is there. Credits are charged once it is ready.
        """
        return order_sample(body)


@blueprint.route("/process/submit")
class LinkSubmission(MethodView):
    """The name that ordering a sample had before."""

    decorators = [login_required]

    @idempotent("samples")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(SampleRequest)
    @blueprint.response(202, SampleResponse, headers=LOCATION)
    @problems(blueprint, ORDER_PROBLEMS)
    def post(self, body: dict[str, Any]) -> Any:
        """Submit a link that becomes a sample

        The same as ``POST /samples``, for clients that know it by this name.
        """
        return order_sample(body)


def order_sample(body: dict[str, Any]) -> Any:
    """Order a sample and answer with it."""
    sample = service.create_sample(db.session(), current_user(), body, settings=get_settings())
    job_id = sample.job_id
    assert job_id is not None
    after_commit(lambda: publish_soon(job_id))
    told = describe_sample(sample)
    return told, 202, {"Location": told["links"]["self"]}


@blueprint.route("/samples/<uuid:sample_id>")
class SampleItem(MethodView):
    """One sample."""

    decorators = [login_required]

    @blueprint.response(200, SampleResponse)
    @problems(blueprint, {404: "sample.not_found"})
    def get(self, sample_id: UUID) -> Any:
        """Look at a sample"""
        return describe_sample(service.get_sample(sample_id))

    @blueprint.arguments(SampleChange)
    @blueprint.response(200, SampleResponse)
    @problems(blueprint, {404: "sample.not_found"})
    def patch(self, body: dict[str, Any], sample_id: UUID) -> Any:
        """Rename a sample or give it other tags"""
        sample = service.lock_sample(db.session(), sample_id)
        service.change_sample(sample, body)
        db.session.commit()
        return describe_sample(sample)

    @blueprint.response(204)
    @problems(blueprint, {404: "sample.not_found", 409: "sample.processing"})
    def delete(self, sample_id: UUID) -> None:
        """Delete a sample with its files"""
        service.delete_sample(db.session(), service.lock_sample(db.session(), sample_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/samples/<uuid:sample_id>/download")
class SampleDownloading(MethodView):
    """The bytes of one sample."""

    decorators = [login_required]

    @blueprint.arguments(DownloadQuery, location="query")
    @blueprint.arguments(SampleDownloadRequest)
    @blueprint.response(200, DownloadResponse)
    @blueprint.alt_response(302, description="With redirect=1: the presigned URL in Location")
    @problems(blueprint, {404: "sample.not_found, sample.no_file", 409: "sample.not_ready"})
    def post(self, query: dict[str, Any], body: dict[str, Any], sample_id: UUID) -> Any:
        """Get a URL that downloads the sample, and count that

        The file is named after title, tempo and key.
        """
        sample, form = service.see_sample(sample_id), DownloadForm(body["form"])
        download = service.download_sample(
            db.session(), current_user(), sample, form, storage=get_storage(), settings=get_settings()
        )
        db.session.commit()
        return hand_out(download, query)


@blueprint.route("/samples/<uuid:sample_id>/downloads")
class SampleDownloads(MethodView):
    """Who downloaded one sample."""

    decorators = [login_required]

    @blueprint.response(200, SampleDownloadsResponse)
    @problems(blueprint, {404: "sample.not_found"})
    def get(self, sample_id: UUID) -> Any:
        """See who downloaded a sample, the newest first"""
        return service.list_downloads(db.session(), service.get_sample(sample_id))
