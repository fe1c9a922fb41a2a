"""Tables of samples, of those who made what they were taken from, and of who downloaded them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.assets.models import one_of
from api.extensions import db
from api.ids import new_id
from api.jobs.models import Job
from api.organisations.models import Organisation

TITLE_LENGTH, TAG_LENGTH, MOST_TAGS, URL_LENGTH = 300, 40, 20, 2048
SERVICE_LENGTH, REF_LENGTH = 40, 200
MOMENT = DateTime(timezone=True)


class SampleState(StrEnum):
    """``processing`` until all is there, then ``ready``; ``failed`` can be tried again unless the media is at fault."""

    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class DownloadForm(StrEnum):
    """What of a sample is downloaded."""

    WAV = "wav"
    MP3 = "mp3"
    LOOP = "loop"


class Creator(db.Model):
    """Somebody on a service: public knowledge, kept once for all users and looked up again when it is old.

    ``fetching_until`` is set while somebody looks; others go on without.
    """

    __tablename__ = "creator"
    __table_args__ = (UniqueConstraint("service", "ref", name="uq_creator_service_ref"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    service: Mapped[str] = mapped_column(String(SERVICE_LENGTH))
    ref: Mapped[str] = mapped_column(String(REF_LENGTH))
    handle: Mapped[str] = mapped_column(String(REF_LENGTH), default="")
    name: Mapped[str] = mapped_column(String(REF_LENGTH), default="")
    url: Mapped[str] = mapped_column(String(URL_LENGTH), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    followers: Mapped[int | None] = mapped_column(BigInteger)
    fetched_at: Mapped[datetime | None] = mapped_column(MOMENT)
    fetching_until: Mapped[datetime | None] = mapped_column(MOMENT)


class Sample(db.Model):
    """One sample. ``told`` is a :class:`tasks.contracts.samples.LinkInfo`, ``heard`` a ``SampleHeard`` of the same.

    ``files`` are keys and sizes by name (``wav mp3 loop waveform peaks thumbnail``). ``duplicate`` names an older
    sample that is the same sound: by hash, or by ear with how alike they are.
    """

    __tablename__ = "sample"
    __table_args__ = (
        CheckConstraint(one_of("state", SampleState), name="state"),
        Index("ix_sample_owner_created", "owner_id", "created_at", "id"),
        Index("ix_sample_words", "words", postgresql_using="gin"),
        Index("ix_sample_tags", "tags", postgresql_using="gin"),
        Index("ix_sample_creator", "creator_id"),
        Index(
            "uq_sample_own_link",
            "owner_id",
            "service",
            "media_ref",
            unique=True,
            postgresql_where=text("organisation_id IS NULL AND media_ref <> '' AND state <> 'failed'"),
        ),
        Index(
            "uq_sample_shared_link",
            "organisation_id",
            "service",
            "media_ref",
            unique=True,
            postgresql_where=text("media_ref <> '' AND state <> 'failed'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), unique=True)
    creator_id: Mapped[UUID | None] = mapped_column(ForeignKey("creator.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(16), default=SampleState.PROCESSING.value)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    service: Mapped[str] = mapped_column(String(SERVICE_LENGTH), default="")
    media_ref: Mapped[str] = mapped_column(String(REF_LENGTH), default="")
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH), default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(TAG_LENGTH)), default=list)
    words: Mapped[Any] = mapped_column(TSVECTOR, deferred=True)
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    heard: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    loops: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    files: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    views: Mapped[int | None] = mapped_column(BigInteger)
    likes: Mapped[int | None] = mapped_column(BigInteger)
    duration_s: Mapped[float | None]
    bpm: Mapped[float | None]
    key: Mapped[str | None] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64), default="")
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    duplicate: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    downloads: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now(), onupdate=func.now())

    job: Mapped[Job | None] = relationship()
    creator: Mapped[Creator | None] = relationship()

    @property
    def quota_ref(self) -> str:
        """Name under which the storage quota holds this sample's bytes."""
        return f"sample:{self.id}"


class SampleDownload(db.Model):
    """Somebody was given a file of a sample."""

    __tablename__ = "sample_download"
    __table_args__ = (
        CheckConstraint(one_of("form", DownloadForm), name="form"),
        Index("ix_sample_download_sample", "sample_id", "at"),
        Index("ix_sample_download_user", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sample_id: Mapped[UUID] = mapped_column(ForeignKey("sample.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    form: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
