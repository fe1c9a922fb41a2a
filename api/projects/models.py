"""Tables of projects and their shorts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from api.assets.models import Asset
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL, JobState
from api.organisations.models import Organisation
from api.transcripts.models import TranscriptRecord

NAME_LENGTH, TITLE_LENGTH = 200, 300


class Short(db.Model):
    """One stretch of a project's video.

    ``evidence`` is a :class:`tasks.contracts.shorts.Evidence`, None for a stretch that a person chose. ``wish`` is a
    :class:`tasks.contracts.shorts.ShortWish`, ``undo`` the states before the last changes, newest last. ``cut`` is how
    the newest clip was cut (``kept``, ``framing``), ``clip_asset_id`` that clip, ``render_id`` it with its captions.
    """

    __tablename__ = "short"
    __table_args__ = (
        CheckConstraint("end_s > start_s AND start_s >= 0", name="times"),
        Index("ix_short_project", "project_id", "start_s"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    clip_asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"), index=True)
    render_id: Mapped[UUID | None] = mapped_column(ForeignKey("render.id", ondelete="SET NULL"), index=True)
    start_s: Mapped[float]
    end_s: Mapped[float]
    score: Mapped[float | None]
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    wish: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    undo: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list, server_default="[]")
    cut: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    thumbnail_key: Mapped[str | None] = mapped_column(String(512))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    job: Mapped[Job | None] = relationship()

    @property
    def is_cutting(self) -> bool:
        """Whether a job is at work on it."""
        return self.job is not None and self.job.state not in TERMINAL

    @property
    def state(self) -> str:
        """``found``, ``cutting``, ``cut`` or ``failed``, as the newest order of it went."""
        if self.is_cutting:
            return "cutting"
        if self.job is not None and self.job.state != JobState.SUCCEEDED:
            return "failed"
        return "found" if self.clip_asset_id is None else "cut"


class Project(db.Model):
    """One video to make shorts of; ``scene_cuts`` is what its analysis saw, ``job_id`` the newest analysis."""

    __tablename__ = "project"
    __table_args__ = (
        Index("ix_project_owner_created", "owner_id", "created_at", "id"),
        Index("ix_project_asset", "asset_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    scene_cuts: Mapped[list[float] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    asset: Mapped[Asset] = relationship()
    job: Mapped[Job | None] = relationship()
    shorts: Mapped[list[Short]] = relationship(
        order_by="Short.start_s", cascade="all, delete-orphan", passive_deletes=True
    )

    shorts_count: Mapped[int] = column_property(
        select(func.count(Short.id)).where(Short.project_id == id).correlate_except(Short).scalar_subquery()
    )
    has_transcription: Mapped[bool] = column_property(
        select(TranscriptRecord.id)
        .where(TranscriptRecord.asset_id == asset_id)
        .correlate_except(TranscriptRecord)
        .exists()
    )

    @property
    def is_busy(self) -> bool:
        """Whether its video is being analysed or transcribed."""
        return self.job is not None and self.job.state not in TERMINAL
