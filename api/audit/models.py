"""Table of the audit log. A trigger of the migration refuses UPDATE, DELETE and TRUNCATE."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db
from api.ids import new_id


class AuditEntry(db.Model):
    """One thing that somebody did. No foreign keys: an entry outlives what it speaks of, and never changes."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_created", "created_at", "id"),
        Index("ix_audit_log_actor", "actor_id", "created_at", "id"),
        Index("ix_audit_log_target", "target_type", "target_id", "created_at", "id"),
        Index("ix_audit_log_organisation", "organisation_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    actor_id: Mapped[UUID | None]
    actor_email: Mapped[str] = mapped_column(String(254), default="")
    via: Mapped[str] = mapped_column(String(16))
    token_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(64))
    target_type: Mapped[str] = mapped_column(String(32), default="")
    target_id: Mapped[str] = mapped_column(String(64), default="")
    organisation_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    address: Mapped[str] = mapped_column(String(64), default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")
