"""Table of assets."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from api.extensions import db
from api.ids import new_id
from api.organisations.models import Organisation
from tasks.contracts import MediaInfo


class AssetKind(StrEnum):
    """What an asset is; uploads are guessed from their type and settled by the probe."""

    VIDEO = "video"
    AUDIO = "audio"
    IMAGE = "image"
    RENDER = "render"


class AssetState(StrEnum):
    """Life of an asset: ``pending`` (no bytes yet), ``probing``, ``ready`` or ``refused``; ``deleted`` ends each."""

    PENDING = "pending"
    PROBING = "probing"
    READY = "ready"
    REFUSED = "refused"
    DELETED = "deleted"


FILE_FAULTS = ("media.", "upload.", "image.")
"""How codes begin that blame the file, not the machine."""


def one_of(column: str, values: type[StrEnum]) -> str:
    """Return the SQL of a CHECK that a text column holds one of an enumeration's values."""
    return f"{column} IN ({', '.join(repr(member.value) for member in values)})"


class Asset(db.Model):
    """One media file in the object storage.

    ``object_key`` and ``poster_key`` are made by us and never shown; ``media`` is a :class:`tasks.contracts.MediaInfo`.
    ``source_asset_id`` is lineage: a render points at what it was drawn over.
    """

    __tablename__ = "asset"
    __table_args__ = (
        CheckConstraint(one_of("kind", AssetKind), name="kind"),
        CheckConstraint(one_of("state", AssetState), name="state"),
        CheckConstraint("size_bytes >= 0", name="size"),
        Index("ix_asset_owner_created", "owner_id", "created_at", "id"),
        Index("ix_asset_source", "source_asset_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default=AssetState.PENDING.value)
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(127))
    object_key: Mapped[str] = mapped_column(String(512), unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), default="")
    media: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    poster_key: Mapped[str | None] = mapped_column(String(512), unique=True)
    source_asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"))
    refused_code: Mapped[str | None] = mapped_column(String(64))
    refused_message: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def quota_ref(self) -> str:
        """Name under which the storage quota holds this asset's bytes."""
        return f"asset:{self.id}"

    @property
    def media_info(self) -> MediaInfo | None:
        """What the probe told, or None before it."""
        if not self.media:
            return None
        known: tuple[Any, MediaInfo] | None = self.__dict__.get("_read_media")
        if known is None or known[0] is not self.media:  # an order asks three times
            known = self.__dict__["_read_media"] = (self.media, MediaInfo.from_json(self.media))
        return known[1]

    @property
    def has_poster(self) -> bool:
        """Whether a still picture exists."""
        return self.poster_key is not None

    @property
    def refusal(self) -> Asset | None:
        """The asset itself when it was refused: the reason is read off its columns."""
        return self if self.refused_code else None

    @property
    def is_refused_for_good(self) -> bool:
        """Whether the file itself is at fault: its bytes are gone and nothing can try it again."""
        return self.state == AssetState.REFUSED and (self.refused_code or "").startswith(FILE_FAULTS)

    def refuse(self, code: str, message: str) -> None:
        """Mark the asset as unusable with the reason its owner is shown."""
        self.state = AssetState.REFUSED.value
        self.refused_code, self.refused_message = code[:64], message[:1000]

    def probe_again(self) -> None:
        """Forget a refusal that was not the file's fault."""
        self.state = AssetState.PROBING.value
        self.refused_code = self.refused_message = None

    def mark_deleted(self) -> None:
        """End the asset; its row stays as lineage and for usage."""
        self.state = AssetState.DELETED.value
        self.deleted_at = datetime.now(UTC)

    def accept(self) -> None:
        """Mark the asset as usable."""
        self.state = AssetState.READY.value
        self.refused_code = self.refused_message = None
