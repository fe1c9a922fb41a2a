"""Table of uploaded fonts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.assets.models import one_of
from api.extensions import db
from api.ids import new_id


class FontState(StrEnum):
    """Life of a font: ``pending`` until sent, ``checking`` by a worker, then ``ready`` or ``refused``."""

    PENDING = "pending"
    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"


class Font(db.Model):
    """One font of one account. What it is (family, weights, characters) is what the worker found, never what was said.

    ``source_key`` is the file as sent, gone once checked; ``object_key`` the safe copy. ``characters`` are ranges of
    code points, ``reserved_bytes`` what it holds of the storage quota.
    """

    __tablename__ = "font"
    __table_args__ = (
        CheckConstraint(one_of("state", FontState), name="state"),
        CheckConstraint("reserved_bytes > 0", name="size"),
        Index("ix_font_owner_created", "owner_id", "created_at", "id"),
        Index("ix_font_object", "object_key"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    state: Mapped[str] = mapped_column(String(16), default=FontState.PENDING.value)
    filename: Mapped[str] = mapped_column(String(255))
    reserved_bytes: Mapped[int] = mapped_column(BigInteger)
    source_key: Mapped[str] = mapped_column(String(512))
    object_key: Mapped[str | None] = mapped_column(String(512))
    sha256: Mapped[str] = mapped_column(String(64), default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    family: Mapped[str] = mapped_column(String(64), default="")
    style: Mapped[str] = mapped_column(String(16), default="")
    weight_min: Mapped[int] = mapped_column(Integer, default=0)
    weight_max: Mapped[int] = mapped_column(Integer, default=0)
    glyphs: Mapped[int] = mapped_column(Integer, default=0)
    may_subset: Mapped[bool] = mapped_column(Boolean, default=True)
    characters: Mapped[list[Any] | None] = mapped_column(JSONB)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    @property
    def quota_ref(self) -> str:
        """Name of its reservation of storage."""
        return f"font:{self.id}"
