"""Use cases of publishing: keep targets, send clips to them at once or at a set time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from api.assets.models import Asset, AssetKind
from api.assets.service import require_ready
from api.errors import ConflictError
from api.extensions import get_settings
from api.ids import get_visible, new_id
from api.jobs.inputs import UNFINISHED
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import placed_in, visible_to
from api.publishing.kinds import check_target
from api.publishing.models import TITLE_LENGTH, Publication, PublishTarget
from api.publishing.seal import seal, unseal
from api.users.models import User
from tasks.contracts.delivery import SendOrder
from tasks.errors import InvalidInputError
from tasks.names import Priority
from tasks.workflows.delivery import build_delivery_steps

JOB_KIND = "delivery"
MOST_TARGETS = 100
FURTHEST = timedelta(days=366)
WISHES = ("title", "description", "tags", "visibility")


def select_targets(*, organisation_id: UUID | None = None) -> Select[tuple[PublishTarget]]:
    """Select the targets that the caller may see."""
    return select(PublishTarget).where(visible_to(PublishTarget, organisation_id))


def create_target(session: Session, user: User, body: dict[str, Any]) -> PublishTarget:
    """Keep a target; raise ``publish_target.invalid``, ``publish_target.too_many``, ``organisation.*``."""
    organisation_id = placed_in(body["organisation_id"])
    check(body["kind"], body["settings"], body["secrets"])
    kept = session.query(PublishTarget).filter(PublishTarget.owner_id == user.id).count()
    if kept >= MOST_TARGETS:
        raise ConflictError("publish_target.too_many", f"An account keeps at most {MOST_TARGETS} targets")
    target = PublishTarget(
        id=new_id(),
        owner_id=user.id,
        organisation_id=organisation_id,
        kind=body["kind"],
        name=body["name"],
        settings=body["settings"],
        sealed=seal(body["secrets"]),
    )
    session.add(target)
    session.flush()
    return target


def change_target(session: Session, target: PublishTarget, body: dict[str, Any]) -> None:
    """Rename a target, or give it other settings or secrets; raise ``publish_target.invalid``."""
    settings = body.get("settings", target.settings)
    secrets = body["secrets"] if "secrets" in body else unseal(target.sealed)
    check(target.kind, settings, secrets)
    target.name, target.settings, target.sealed = body.get("name", target.name), settings, seal(secrets)
    session.flush()


def check(kind: str, settings: dict[str, Any], secrets: dict[str, Any]) -> None:
    """Raise ``publish_target.invalid`` unless the target makes sense here."""
    check_target(kind, settings, secrets, inside=get_settings().webhooks.inside)


def delete_target(session: Session, target: PublishTarget) -> None:
    """Forget a target and what was sent there; raise ``publish_target.in_use`` while something waits for it."""
    waiting = select(Job.id).join(Publication, Publication.job_id == Job.id)
    jobs = list(session.scalars(waiting.where(Publication.target_id == target.id, UNFINISHED)))
    if jobs:
        ids = {"job_ids": [str(job_id) for job_id in jobs]}
        raise ConflictError("publish_target.in_use", "Jobs are sending to the target; cancel them first", ids)
    session.delete(target)


def select_publications(
    *, organisation_id: UUID | None = None, target_id: UUID | None = None, asset_id: UUID | None = None
) -> Select[tuple[Publication]]:
    """Select the publications that the caller may see."""
    query = select(Publication).where(visible_to(Publication, organisation_id))
    if target_id:
        query = query.where(Publication.target_id == target_id)
    return query.where(Publication.asset_id == asset_id) if asset_id else query


def publish(session: Session, user: User, body: dict[str, Any]) -> Publication:
    """Order that a clip is sent to a target.

    Raises ``asset.*``, ``publish_target.not_found``, ``publication.not_video``, ``publication.too_far``.
    """
    asset = require_ready(get_visible(Asset, body["asset_id"]))
    placed_in(asset.organisation_id)
    if asset.kind not in (AssetKind.VIDEO, AssetKind.RENDER):
        raise InvalidInputError("publication.not_video", "Only videos are published")
    target, due_at = get_usable_target(body["target_id"]), body["at"]
    if due_at is not None and due_at > datetime.now(UTC) + FURTHEST:
        raise InvalidInputError("publication.too_far", "A publication is ordered a year ahead at most")
    publication = Publication(
        id=new_id(),
        owner_id=user.id,
        organisation_id=asset.organisation_id,
        target_id=target.id,
        asset_id=asset.id,
        due_at=due_at,
        memory={},
        remote_id="",
        remote_url="",
        **{name: body[name] for name in WISHES},
    )
    publication.title = publication.title or asset.filename.rpartition(".")[0][:TITLE_LENGTH] or asset.filename
    publication.job_id = order_job(session, user, publication, target, asset).id
    session.add(publication)
    session.flush()
    session.refresh(publication)
    return publication


def get_usable_target(target_id: UUID) -> PublishTarget:
    """Return a target that the caller may send to; raise ``publish_target.not_found``, ``organisation.forbidden``."""
    target = get_visible(PublishTarget, target_id)
    placed_in(target.organisation_id)
    return target


def order_job(session: Session, user: User, publication: Publication, target: PublishTarget, asset: Asset) -> Job:
    """Make the job that sends; what is secret, or learnt meanwhile, comes with the worker's claim."""
    order = SendOrder(
        str(publication.id),
        asset.object_key,
        asset.filename,
        asset.content_type,
        asset.size_bytes,
        target.kind,
        publication.title,
        publication.description,
        tuple(publication.tags),
        publication.visibility,
        target.settings,
    )
    return create_job(
        session,
        owner_id=user.id,
        organisation_id=publication.organisation_id,
        kind=JOB_KIND,
        steps=build_delivery_steps(order, due_at=publication.due_at),
        priority=Priority.NORMAL,
        subject={"publication_id": str(publication.id), "asset_id": str(asset.id)},
    )
