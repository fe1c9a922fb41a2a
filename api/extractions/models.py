"""Table of extractions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import one_of
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.organisations.models import Organisation
from api.samples.models import REF_LENGTH, SERVICE_LENGTH, URL_LENGTH


class ExtractionState(StrEnum):
    """``waiting`` for its turn or at work, then ``ready`` or ``failed``, which can be tried again."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Extraction(db.Model):
    """The sound behind one link; ``told`` is a :class:`tasks.contracts.samples.LinkInfo`.

    ``sound_id`` is what came of it; empty before, and after the sound was deleted.
    """

    __tablename__ = "extraction"
    __table_args__ = (
        CheckConstraint(one_of("state", ExtractionState), name="state"),
        Index("ix_extraction_owner_created", "owner_id", "created_at", "id"),
        Index("ix_extraction_sound", "sound_id"),
        Index("ix_extraction_created", "created_at"),
        Index(
            "uq_extraction_own_link",
            "owner_id",
            "service",
            "media_ref",
            unique=True,
            postgresql_where=text("organisation_id IS NULL AND media_ref <> '' AND state = 'waiting'"),
        ),
        Index(
            "uq_extraction_shared_link",
            "organisation_id",
            "service",
            "media_ref",
            unique=True,
            postgresql_where=text("media_ref <> '' AND state = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    sound_id: Mapped[UUID | None] = mapped_column(ForeignKey("sound.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(16), default=ExtractionState.WAITING.value)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    service: Mapped[str] = mapped_column(String(SERVICE_LENGTH))
    media_ref: Mapped[str] = mapped_column(String(REF_LENGTH), default="")
    title: Mapped[str] = mapped_column(String(200), default="")
    tags: Mapped[list[str]] = mapped_column(JSONB, default=list)
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    job: Mapped[Job | None] = relationship()
