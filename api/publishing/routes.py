"""Endpoints of publishing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

import api.publishing.effects  # noqa: F401  registers what deliveries need and change
from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db
from api.idempotency import KEY_PARAMETER, after_commit, idempotent
from api.ids import get_owned
from api.jobs.service import publish_soon
from api.pagination import OwnedPageQuery, filters_of, paginate
from api.publishing import service
from api.publishing.models import Publication, PublishTarget
from api.publishing.schemas import (
    PublicationPageResponse,
    PublicationQuery,
    PublicationRequest,
    PublicationResponse,
    PublishTargetChangeRequest,
    PublishTargetPageResponse,
    PublishTargetRequest,
    PublishTargetResponse,
)

blueprint = Blueprint("publishing", __name__, url_prefix="/api/v1", description="Where finished clips are shown")

NOT_FOUND = {403: "organisation.forbidden", 404: "publish_target.not_found"}


@blueprint.route("/publish-targets")
class PublishTargetList(MethodView):
    """All targets."""

    decorators = [login_required]

    @blueprint.arguments(OwnedPageQuery, location="query")
    @blueprint.response(200, PublishTargetPageResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List publish targets, newest first"""
        return paginate(db.session(), service.select_targets(**filters_of(query)), PublishTarget, query)

    @blueprint.arguments(PublishTargetRequest)
    @blueprint.response(201, PublishTargetResponse)
    @problems(
        blueprint,
        {
            403: "organisation.forbidden",
            404: "organisation.not_found",
            409: "publish_target.too_many",
            422: "publish_target.invalid",
        },
    )
    def post(self, body: dict[str, Any]) -> PublishTarget:
        """Keep a place where clips are to be shown

        Its secrets are stored encrypted and never shown again.
        """
        target = service.create_target(db.session(), current_user(), body)
        db.session.commit()
        return target


@blueprint.route("/publish-targets/<uuid:publish_target_id>")
class PublishTargetItem(MethodView):
    """One target."""

    decorators = [login_required]

    @blueprint.response(200, PublishTargetResponse)
    @problems(blueprint, {404: "publish_target.not_found"})
    def get(self, publish_target_id: UUID) -> PublishTarget:
        """Look at a publish target"""
        return get_owned(PublishTarget, publish_target_id)

    @blueprint.arguments(PublishTargetChangeRequest)
    @blueprint.response(200, PublishTargetResponse)
    @problems(blueprint, {**NOT_FOUND, 422: "publish_target.invalid, publish_target.unreadable"})
    def patch(self, body: dict[str, Any], publish_target_id: UUID) -> PublishTarget:
        """Change a publish target

        What waits to be sent goes by the new settings and secrets.
        """
        target = get_owned(PublishTarget, publish_target_id)
        service.change_target(db.session(), target, body)
        db.session.commit()
        return target

    @blueprint.response(204)
    @problems(blueprint, {**NOT_FOUND, 409: "publish_target.in_use"})
    def delete(self, publish_target_id: UUID) -> None:
        """Forget a publish target

        With it goes the list of what was sent there; what is shown there stays.
        """
        service.delete_target(db.session(), get_owned(PublishTarget, publish_target_id))
        db.session.commit()


@blueprint.route("/publications")
class PublicationList(MethodView):
    """All publications."""

    decorators = [login_required]

    @blueprint.arguments(PublicationQuery, location="query")
    @blueprint.response(200, PublicationPageResponse)
    @problems(blueprint, {404: "organisation.not_found"})
    def get(self, query: dict[str, Any]) -> Any:
        """List publications, newest first"""
        return paginate(db.session(), service.select_publications(**filters_of(query)), Publication, query)

    @idempotent("publications")
    @blueprint.doc(parameters=[KEY_PARAMETER])
    @blueprint.arguments(PublicationRequest)
    @blueprint.response(202, PublicationResponse)
    @problems(
        blueprint,
        {
            403: "organisation.forbidden",
            404: "asset.not_found, publish_target.not_found",
            409: "asset.not_ready, asset.refused, idempotency.key_reused, idempotency.in_progress",
            422: "publication.not_video, publication.too_far",
        },
    )
    def post(self, body: dict[str, Any]) -> Any:
        """Send a clip to a target, at once or at a set time

        It is shown there once, however often an attempt is cut short.
        """
        publication = service.publish(db.session(), current_user(), body)
        ring_soon(publication)
        return publication, 202


@blueprint.route("/publications/<uuid:publication_id>")
class PublicationItem(MethodView):
    """One publication."""

    decorators = [login_required]

    @blueprint.response(200, PublicationResponse)
    @problems(blueprint, {404: "publication.not_found"})
    def get(self, publication_id: UUID) -> Publication:
        """Look at a publication"""
        return get_owned(Publication, publication_id)


def ring_soon(publication: Publication) -> None:
    """Have a job without a set time begin at once; the dispatcher rings the others when they are due."""
    job_id = publication.job_id
    if publication.due_at is None and job_id is not None:
        after_commit(lambda: publish_soon(job_id))
