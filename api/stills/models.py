"""Table of stills."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.organisations.models import Organisation


class Still(db.Model):
    """One picture that was asked for. Its state is its job's.

    ``content_hash`` names all that decides the picture; ``result`` is what the worker told of it, its object's key
    included. The object is swept after a day; asked for again, it is drawn again.
    """

    __tablename__ = "still"
    __table_args__ = (
        Index("ix_still_hash", "owner_id", "content_hash", "created_at"),
        Index("ix_still_source", "source_asset_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), unique=True)
    source_asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    content_hash: Mapped[str] = mapped_column(String(64))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    job: Mapped[Job] = relationship()
