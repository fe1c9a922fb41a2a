"""Table of uploads."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import Asset, one_of
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.organisations.models import Organisation


class UploadState(StrEnum):
    """Life of an upload: ``pending`` until completed, refused, aborted by its owner or expired."""

    PENDING = "pending"
    COMPLETED = "completed"
    REFUSED = "refused"
    ABORTED = "aborted"
    EXPIRED = "expired"


class Upload(db.Model):
    """One transfer: what was declared, where it goes and, once completed, the job that looks at it.

    ``size_bytes``, ``content_type`` and ``sha256`` are what the client declared; what arrived is on the asset.
    ``upload_ref`` is the storage's multipart id, empty for a single PUT.
    """

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint(one_of("state", UploadState), name="state"),
        CheckConstraint("size_bytes > 0", name="size"),
        Index("ix_upload_owner_created", "owner_id", "created_at", "id"),
        Index("ix_upload_job", "job_id"),
        Index("ix_upload_expiry", "expires_at", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), unique=True)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(16), default=UploadState.PENDING.value)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    content_type: Mapped[str] = mapped_column(String(127))
    sha256: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str | None] = mapped_column(String(8))
    object_key: Mapped[str] = mapped_column(String(512), unique=True)
    upload_ref: Mapped[str] = mapped_column(String(512), default="")
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    asset: Mapped[Asset] = relationship()
    job: Mapped[Job | None] = relationship()
