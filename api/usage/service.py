"""Adding up what users did, per day (UTC)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Float, Select, and_, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.jobs.models import Attempt, Job, Step
from api.jobs.states import JobState
from api.quotas import service as quotas
from api.renders.models import OutputOfRender, Render
from api.transcripts.models import TranscriptRecord, TranscriptVersion
from api.uploads.models import Upload, UploadState
from api.usage.models import UsageDay
from api.users.models import User

LIVE_DAYS = 2
"""Today and yesterday are counted from the rows themselves; older days from the roll-up."""


@dataclass
class UsagePeriod:
    """Counters of one period that begins on ``start``."""

    start: date
    renders_ordered: int = 0
    renders_succeeded: int = 0
    renders_failed: int = 0
    rendered_s: float = 0.0
    uploads: int = 0
    uploaded_bytes: int = 0
    transcripts: int = 0
    transcribed_s: float = 0.0
    gpu_s: float = 0.0

    def add(self, values: dict[str, Any]) -> None:
        """Add counters by name."""
        for name, value in values.items():
            setattr(self, name, getattr(self, name) + value)


COUNTERS = tuple(field.name for field in fields(UsagePeriod) if field.name != "start")


def describe_quotas(session: Session, user: User) -> dict[str, Any]:
    """Say how much of each of a user's limits is used now."""
    return {"plan": user.plan_code, "quotas": quotas.get_usage(session, user)}


def list_history(session: Session, owner_id: UUID, *, by: str, days: int) -> list[UsagePeriod]:
    """Return an owner's periods in which something happened, oldest first."""
    today = datetime.now(UTC).date()
    first, live = today - timedelta(days=days - 1), today - timedelta(days=LIVE_DAYS - 1)
    stored = session.scalars(
        select(UsageDay).where(UsageDay.owner_id == owner_id, UsageDay.day >= first, UsageDay.day < live)
    )
    counted = [(row.day, {name: getattr(row, name) for name in COUNTERS}) for row in stored]
    counted += [(day, values) for (_, day), values in count_days(session, max(first, live), owner_id).items()]
    return group_periods(counted, by)


def group_periods(days: Iterable[tuple[date, dict[str, Any]]], by: str) -> list[UsagePeriod]:
    """Add days up into periods."""
    periods: dict[date, UsagePeriod] = {}
    for day, values in days:
        start = day.replace(day=1) if by == "month" else day
        periods.setdefault(start, UsagePeriod(start)).add(values)
    return [periods[start] for start in sorted(periods)]


def roll_up(session: Session, *, today: date | None = None) -> int:
    """Write the last days of every user into ``usage_day`` again; return how many rows. Commits.

    Running it twice, or on two hosts, gives the same rows.
    """
    since = (today or datetime.now(UTC).date()) - timedelta(days=LIVE_DAYS)
    counted = count_days(session, since)
    for (owner_id, day), values in counted.items():
        row = insert(UsageDay).values(owner_id=owner_id, day=day, **{**dict.fromkeys(COUNTERS, 0), **values})
        changed = {name: row.excluded[name] for name in (*COUNTERS, "rolled_up_at")}
        session.execute(row.on_conflict_do_update(index_elements=["owner_id", "day"], set_=changed))
    session.commit()
    return len(counted)


def count_days(session: Session, since: date, owner_id: UUID | None = None) -> dict[tuple[UUID, date], dict[str, Any]]:
    """Count everything since a day, by owner and day; of one owner or of all."""
    start = datetime.combine(since, time(), tzinfo=UTC)
    totals: dict[tuple[UUID, date], dict[str, Any]] = {}
    for query in (_count_renders(start), _count_uploads(start), _count_transcripts(start), _count_gpu(start)):
        scoped = query.where(query.selected_columns[0] == owner_id) if owner_id else query
        for row in session.execute(scoped).mappings():
            values = {name: value for name, value in row.items() if name in COUNTERS}
            totals.setdefault((row["owner_id"], row["day"]), {}).update(values)
    return totals


def _day(column: Any) -> Any:
    return func.date(func.timezone("UTC", column)).label("day")


def _count_renders(start: datetime) -> Select[Any]:
    duration = cast(OutputOfRender.receipt["duration_s"].astext, Float)
    day = _day(Render.created_at)
    return (
        select(
            Render.owner_id,
            day,
            func.count().label("renders_ordered"),  # of several outputs the first stands for all
            func.count().filter(Job.state == JobState.SUCCEEDED.value).label("renders_succeeded"),
            func.count().filter(Job.state == JobState.FAILED.value).label("renders_failed"),
            func.coalesce(func.sum(duration).filter(Render.cached.is_(False)), 0.0).label("rendered_s"),
        )
        .join(Job, Job.id == Render.job_id)
        .join(OutputOfRender, and_(OutputOfRender.render_id == Render.id, OutputOfRender.number == 0))
        .where(Render.created_at >= start)
        .group_by(Render.owner_id, day)
    )


def _count_uploads(start: datetime) -> Select[Any]:
    day = _day(Upload.completed_at)
    return (
        select(
            Upload.owner_id,
            day,
            func.count().label("uploads"),
            cast(func.coalesce(func.sum(Upload.size_bytes), 0), BigInteger).label("uploaded_bytes"),
        )
        .where(Upload.state == UploadState.COMPLETED.value, Upload.completed_at >= start)
        .group_by(Upload.owner_id, day)
    )


def _count_transcripts(start: datetime) -> Select[Any]:
    duration = cast(TranscriptVersion.document["duration_s"].astext, Float)
    day = _day(TranscriptRecord.created_at)
    return (
        select(
            TranscriptRecord.owner_id,
            day,
            func.count().label("transcripts"),
            func.coalesce(func.sum(duration), 0.0).label("transcribed_s"),
        )
        .join(
            TranscriptVersion,
            (TranscriptVersion.transcript_id == TranscriptRecord.id) & (TranscriptVersion.version == 1),
        )
        .where(TranscriptRecord.created_at >= start)
        .group_by(TranscriptRecord.owner_id, day)
    )


def _count_gpu(start: datetime) -> Select[Any]:
    took_s = func.extract("epoch", Attempt.ended_at - Attempt.started_at)
    day = _day(Attempt.ended_at)
    return (
        select(Job.owner_id, day, cast(func.sum(took_s), Float).label("gpu_s"))
        .join(Step, Step.id == Attempt.step_id)
        .join(Job, Job.id == Step.job_id)
        .where(Attempt.gpu.is_not(None), Attempt.ended_at >= start)
        .group_by(Job.owner_id, day)
    )
