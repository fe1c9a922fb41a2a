"""Table of renders."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, ForeignKey, Index, SmallInteger, String, false, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db, get_storage
from api.ids import new_id
from api.jobs.models import Job
from api.jobs.states import TERMINAL
from api.organisations.models import Organisation


class OutputOfRender(db.Model):
    """One of the files that a render is to write, numbered from 0; ``asset_id`` and ``receipt`` once it is written."""

    __tablename__ = "render_output"
    __table_args__ = (Index("ix_render_output_asset", "asset_id"),)

    render_id: Mapped[UUID] = mapped_column(ForeignKey("render.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    output: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asset_id: Mapped[UUID | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"))
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    render: Mapped[Render] = relationship(back_populates="outputs")

    @property
    def state(self) -> str:
        """The job's state: outputs of one render are finished together."""
        return self.render.state

    @property
    def links(self) -> dict[str, str]:
        """Paths on the API that belong to this output."""
        own = f"/api/v1/renders/{self.render_id}/outputs/{self.number}"
        return {"download": f"{own}/download", "poster": f"{own}/poster"}


class Render(db.Model):
    """One order of a scenario over a source. Its state is its job's: read through, never copied.

    ``scenario_hash`` names source, scenario, fonts and outputs together: equal hashes ask for equal pictures. One that
    is ``cached`` has the results of an earlier one; ``twin_id`` was unfinished as the same was ordered again.
    ``first_look_keys`` are objects that show it before it is done, ``findings`` what the checks at ordering warned of,
    ``predicted`` the estimate of that moment, ``unmapped`` what of a MotionText document is lost.
    """

    __tablename__ = "render"
    __table_args__ = (
        Index("ix_render_owner_created", "owner_id", "created_at", "id"),
        Index("ix_render_hash", "owner_id", "scenario_hash"),
        Index("ix_render_source", "source_asset_id"),
        Index("ix_render_created", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), unique=True)
    source_asset_id: Mapped[UUID] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    scenario: Mapped[dict[str, Any]] = mapped_column(JSONB)
    scenario_hash: Mapped[str] = mapped_column(String(64))
    cached: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    twin_id: Mapped[UUID | None] = mapped_column(ForeignKey("render.id", ondelete="SET NULL"))
    first_look_keys: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    predicted: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    unmapped: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    job: Mapped[Job] = relationship()
    outputs: Mapped[list[OutputOfRender]] = relationship(
        back_populates="render", order_by=OutputOfRender.number, cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def output(self) -> dict[str, Any]:
        """How the first output is written."""
        return self.outputs[0].output

    @property
    def asset_id(self) -> UUID | None:
        """The first output's result."""
        return self.outputs[0].asset_id

    @property
    def receipt(self) -> dict[str, Any] | None:
        """What was really used for the first output."""
        return self.outputs[0].receipt

    @property
    def first_look(self) -> dict[str, str] | None:
        """URLs of poster and animatic while the render runs; afterwards there is the result."""
        if self.first_look_keys is None or self.job.state in TERMINAL:
            return None
        sign = get_storage().presign_get
        poster, animatic = self.first_look_keys["poster_key"], self.first_look_keys["animatic_key"]
        return {
            "poster_url": sign(poster, filename="first-look.png", content_type="image/png", inline=True),
            "animatic_url": sign(animatic, filename="first-look.mp4", content_type="video/mp4", inline=True),
        }

    @property
    def state(self) -> str:
        """The job's state."""
        return str(self.job.state)

    @property
    def progress(self) -> dict[str, Any]:
        """The job's progress."""
        return self.job.progress

    @property
    def error(self) -> dict[str, Any] | None:
        """Why the job failed, or None."""
        return self.job.error

    @property
    def finished_at(self) -> datetime | None:
        """When the job ended."""
        return self.job.finished_at

    @property
    def links(self) -> dict[str, str]:
        """Paths on the API that belong to this render."""
        own, job = f"/api/v1/renders/{self.id}", f"/api/v1/jobs/{self.job_id}"
        return {
            "self": own,
            "job": job,
            "events": f"{job}/events",
            "download": f"{own}/download",
            "poster": f"{own}/poster",
        }
