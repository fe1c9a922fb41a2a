"""Tables of publish targets and publications."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import JobState
from api.organisations.models import Organisation
from tasks.contracts.delivery import TARGET_KINDS, VISIBILITIES

MOMENT = DateTime(timezone=True)
NAME_LENGTH, TITLE_LENGTH, TEXT_LENGTH = 200, 300, 5000


def one_of(column: str, values: tuple[str, ...]) -> str:
    """Return the SQL condition that a column holds one of these."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class PublishTarget(db.Model):
    """One place where clips are shown. ``sealed`` are its secrets, encrypted (:mod:`api.publishing.seal`)."""

    __tablename__ = "publish_target"
    __table_args__ = (
        CheckConstraint(one_of("kind", TARGET_KINDS), name="kind"),
        Index("ix_publish_target_owner_created", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now(), onupdate=func.now())


class Publication(db.Model):
    """One clip that is sent to one target, once.

    ``memory`` is what the target gave its attempts, so that none shows the clip a second time.
    """

    __tablename__ = "publication"
    __table_args__ = (
        CheckConstraint(one_of("visibility", VISIBILITIES), name="visibility"),
        Index("ix_publication_owner_created", "owner_id", "created_at", "id"),
        Index("ix_publication_target", "target_id"),
        Index("ix_publication_asset", "asset_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    target_id: Mapped[UUID] = mapped_column(ForeignKey("publish_target.id", ondelete="CASCADE"))
    asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    description: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(JSONB)
    visibility: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime | None] = mapped_column(MOMENT)
    memory: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    remote_id: Mapped[str] = mapped_column(String(1024), default="")
    remote_url: Mapped[str] = mapped_column(String(2048), default="")
    sent_at: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())

    target: Mapped[PublishTarget] = relationship()
    job: Mapped[Job | None] = relationship()

    @property
    def state(self) -> str:
        """``scheduled``, ``sending``, ``sent``, ``failed`` or ``cancelled``."""
        if self.sent_at is not None:
            return "sent"
        if self.job is None:
            return "cancelled"
        if self.job.state in (JobState.FAILED, JobState.CANCELLED):
            return str(self.job.state)
        waits = self.job.state == JobState.QUEUED and self.due_at is not None and self.due_at > datetime.now(UTC)
        return "scheduled" if waits else "sending"

    @property
    def error(self) -> dict[str, Any] | None:
        """Why it failed, or None."""
        return self.job.error if self.job is not None else None

    @property
    def links(self) -> dict[str, str | None]:
        """Paths on the API that belong to it."""
        own, job = f"/api/v1/publications/{self.id}", f"/api/v1/jobs/{self.job_id}"
        return {"self": own, "job": job if self.job_id else None, "target": f"/api/v1/publish-targets/{self.target_id}"}
