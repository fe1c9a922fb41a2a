"""Use cases of extractions: order, list, delete, and how they are doing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from api.config import ApiSettings
from api.credits.prices import Action
from api.credits.work import hold, price
from api.database import unless_taken
from api.errors import ConflictError
from api.extractions.models import Extraction, ExtractionState
from api.ids import get_owned, new_id
from api.jobs.models import Job
from api.jobs.service import create_job
from api.ownership import in_place, placed_in, visible_to
from api.sounds.service import clean_tags
from api.turns.limits import count_running, size_of
from api.users.models import User
from tasks.contracts.samples import LinkOrder
from tasks.contracts.sounds import SoundOrder
from tasks.errors import InvalidInputError, ReelyardError
from tasks.fetching.links import SERVICES, read_link
from tasks.names import Priority
from tasks.workflows.samples import EXTRACTIONS, build_extraction_steps, limits_of

JOB_KIND = "extraction"


def select_extractions(
    *, organisation_id: UUID | None = None, status: str | None = None, service: str | None = None
) -> Select[tuple[Extraction]]:
    """Select the extractions that the caller may see."""
    query = select(Extraction).where(visible_to(Extraction, organisation_id))
    if status:
        query = query.where(Extraction.state == status)
    return query.where(Extraction.service == service) if service else query


def get_extraction(extraction_id: UUID) -> Extraction:
    """Return the caller's extraction as the request's method may treat it."""
    return get_owned(Extraction, extraction_id)


def create_extraction(session: Session, user: User, body: dict[str, Any], *, settings: ApiSettings) -> Extraction:
    """Order the sound behind a link.

    Raises ``url.refused``, ``link.unsupported``, ``extraction.duplicate``, ``organisation.*``, ``credits.*``.
    """
    link = read_link(body["url"], inside=settings.link_inside)
    if not link.service and not settings.link_inside:
        raise InvalidInputError(
            "link.unsupported", f"Sounds are taken from {', '.join(SERVICES)}", {"services": list(SERVICES)}
        )
    organisation_id = placed_in(body["organisation_id"])
    place = in_place(Extraction, user.id, organisation_id)
    if same := find_same(session, place, link.service, link.media_ref):
        raise ConflictError(*tell_duplicate(same))
    extraction = Extraction(
        id=new_id(),
        owner_id=user.id,
        organisation_id=organisation_id,
        url=link.url,
        service=link.service,
        media_ref=link.media_ref,
        title=body["title"].strip(),
        tags=clean_tags(body["tags"]),
    )
    with alone_with(session, extraction, link.service, link.media_ref):
        session.add(extraction)
    extraction.job_id = order_extraction(session, extraction, settings=settings).id
    session.flush()
    session.refresh(extraction)
    return extraction


def order_extraction(session: Session, extraction: Extraction, *, settings: ApiSettings) -> Job:
    """Order the job of a new extraction, and hold what it costs."""
    order = LinkOrder(extraction.url, settings.max_link_s, settings.max_link_bytes)
    site = read_link(extraction.url, inside=settings.link_inside).site
    level = SoundOrder("", target_lufs=settings.sound_lufs, ceiling_dbtp=settings.sound_ceiling_dbtp)
    job = create_job(
        session,
        owner_id=extraction.owner_id,
        organisation_id=extraction.organisation_id,
        kind=JOB_KIND,
        steps=build_extraction_steps(order, level, limits_of(site, str(extraction.owner_id))),
        priority=Priority.NORMAL,
        subject={"extraction_id": str(extraction.id)},
    )
    hold(session, job, Action.EXTRACTION, price(Action.EXTRACTION, 1))
    return job


def tell_duplicate(found: Extraction) -> tuple[str, str, dict[str, Any]]:
    """Return code, sentence and details of the refusal that names what is there."""
    told = f"The sound behind the link is {'there' if found.sound_id else 'on its way'} already"
    sound_id = str(found.sound_id) if found.sound_id else None
    return "extraction.duplicate", told, {"extraction_id": str(found.id), "sound_id": sound_id}


def alone_with(
    session: Session,
    extraction: Extraction,
    service: str,
    media_ref: str,
    *,
    error: type[ReelyardError] = ConflictError,
) -> AbstractContextManager[None]:
    """Return the block in which a media's name may be taken; another's is refused with ``extraction.duplicate``."""
    extraction_id, place = extraction.id, in_place(Extraction, extraction.owner_id, extraction.organisation_id)

    def refusal() -> ReelyardError | None:
        found = find_same(session, place, service, media_ref, but=extraction_id)
        return error(*tell_duplicate(found)) if found is not None else None

    return unless_taken(session, refusal)


def find_same(
    session: Session, place: ColumnElement[bool], service: str, media_ref: str, *, but: UUID | None = None
) -> Extraction | None:
    """Return the extraction of the same media whose sound is there or on its way, if there is one."""
    if not media_ref:
        return None
    alive = (Extraction.state == ExtractionState.WAITING.value) | Extraction.sound_id.is_not(None)
    same = Extraction.service == service, Extraction.media_ref == media_ref, Extraction.id != but, alive
    return session.scalars(select(Extraction).where(place, *same).order_by(Extraction.created_at)).first()


def delete_extraction(session: Session, extraction: Extraction) -> None:
    """Forget an extraction; its sound stays. Raises ``extraction.running``."""
    session.refresh(extraction, with_for_update=True)
    if extraction.state == ExtractionState.WAITING:
        raise ConflictError(
            "extraction.running", "It is at work; cancel that first", {"job_id": str(extraction.job_id)}
        )
    session.delete(extraction)


def read_status(session: Session) -> dict[str, Any]:
    """Return how extractions are doing, over all users."""
    recent = Extraction.created_at > func.now() - func.make_interval(0, 0, 0, 1)
    counted = [func.count().filter(Extraction.state == state.value).label(state.value) for state in ExtractionState]
    services = select(Extraction.service, *counted).where(recent).group_by(Extraction.service)
    failed = recent, Extraction.state == ExtractionState.FAILED.value, Job.error_code.is_not(None)
    failures = select(Job.error_code.label("code"), func.count().label("count")).join(
        Extraction, Extraction.job_id == Job.id
    )
    waiting = select(func.count()).select_from(Extraction).where(Extraction.state == ExtractionState.WAITING.value)
    return {
        "limit": size_of(session, EXTRACTIONS),
        "running": count_running(session, EXTRACTIONS),
        "waiting": session.execute(waiting).scalar_one(),
        "services": session.execute(services.order_by(Extraction.service)).mappings().all(),
        "failures": session.execute(
            failures.where(*failed).group_by(Job.error_code).order_by(func.count().desc(), Job.error_code)
        )
        .mappings()
        .all(),
    }
