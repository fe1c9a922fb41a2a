"""Upload endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.uploads.effects  # noqa: F401  registers what the ingest steps change
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db, get_settings, get_storage
from api.idempotency import KEY_PARAMETER, idempotent
from api.ids import get_owned
from api.jobs.service import publish_soon
from api.uploads import service
from api.uploads.models import Upload
from api.uploads.schemas import (
    CompletionRequest,
    TransferResponse,
    UploadCompletedResponse,
    UploadCompleteRequest,
    UploadCreatedResponse,
    UploadRequest,
    UploadResponse,
)

blueprint = Blueprint("uploads", __name__, url_prefix="/api/v1", description="Send media straight into the storage")

CREATE_PROBLEMS = {
    409: "idempotency.key_reused, idempotency.in_progress",
    413: "upload.too_large, quota.storage_bytes",
    422: "upload.type_refused, request.invalid",
}
COMPLETE_PROBLEMS = {
    404: "upload.not_found",
    409: "upload.not_found_in_storage, upload.incomplete: send the bytes and try again; upload.closed",
    410: "upload.expired",
    422: "upload.size_mismatch: other bytes than declared arrived; they are removed",
}


@blueprint.route("/uploads")
class UploadList(MethodView):
    """All uploads."""

    decorators = [login_required]

    @idempotent("uploads")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(UploadRequest)
    @blueprint.response(201, UploadCreatedResponse)
    @problems(blueprint, CREATE_PROBLEMS)
    def post(self, declared: dict[str, Any]) -> service.UploadTicket:
        """Announce a file

        Reserves storage for the declared size and answers with presigned URLs. PUT each part's bytes to its URL with
        the given headers, then complete the upload.
        """
        return service.create_upload(
            db.session(), current_user(), declared, storage=get_storage(), settings=get_settings()
        )


@blueprint.route("/uploads/<uuid:upload_id>")
class UploadItem(MethodView):
    """One upload."""

    decorators = [login_required]

    @blueprint.response(200, UploadResponse)
    @problems(blueprint, {404: "upload.not_found"})
    def get(self, upload_id: UUID) -> Upload:
        """Look at an upload"""
        return get_owned(Upload, upload_id)

    @blueprint.response(204)
    @problems(blueprint, {404: "upload.not_found", 409: "upload.closed"})
    def delete(self, upload_id: UUID) -> None:
        """Abort an upload

        Frees the reserved storage. A completed upload is an asset: delete that.
        """
        service.abort_upload(db.session(), get_owned(Upload, upload_id), storage=get_storage())
        db.session.commit()


@blueprint.route("/uploads/<uuid:upload_id>/parts")
class UploadParts(MethodView):
    """Where the bytes of one upload go."""

    decorators = [login_required]

    @blueprint.response(200, TransferResponse)
    @problems(blueprint, {404: "upload.not_found", 409: "upload.closed", 410: "upload.expired"})
    def post(self, upload_id: UUID) -> service.Transfer:
        """Sign the URLs of an upload again

        For transfers that outlast them. Parts that were sent stay; send those that are missing.
        """
        upload = get_owned(Upload, upload_id)
        return service.sign_again(upload, storage=get_storage(), settings=get_settings())


def finish_upload(upload_id: UUID, wish: dict[str, Any]) -> Upload:
    """Complete an upload, commit, and ring its job at once."""
    upload = service.complete_upload(db.session(), get_owned(Upload, upload_id), wish, storage=get_storage())
    db.session.commit()
    if upload.job_id is not None:
        publish_soon(upload.job_id)
    return upload


@blueprint.route("/uploads/<uuid:upload_id>/complete")
class UploadCompletion(MethodView):
    """The end of one upload."""

    decorators = [login_required]

    @blueprint.arguments(CompletionRequest, required=False)
    @blueprint.response(202, UploadCompletedResponse)
    @problems(blueprint, COMPLETE_PROBLEMS)
    def post(self, wish: dict[str, Any], upload_id: UUID) -> Upload:
        """Complete an upload

        Checks what arrived and starts the job that probes it and, unless it is sent as sound alone, transcribes it.
        Completing again gives the same answer and starts nothing.
        """
        return finish_upload(upload_id, wish)


@blueprint.route("/uploads/complete")
class UploadCompletionByBody(MethodView):
    """The end of an upload named in the body."""

    decorators = [login_required]

    @blueprint.arguments(UploadCompleteRequest)
    @blueprint.response(202, UploadCompletedResponse)
    @problems(blueprint, COMPLETE_PROBLEMS)
    def post(self, body: dict[str, Any]) -> Upload:
        """Complete an upload named in the body

        The same as ``POST /uploads/{upload_id}/complete``.
        """
        return finish_upload(body.pop("upload_id"), body)
