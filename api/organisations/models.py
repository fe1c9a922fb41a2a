"""Tables of organisations: who belongs, who is invited; and the column by which rows belong to one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id
from api.users.models import User

MOMENT = DateTime(timezone=True)


class Role(StrEnum):
    """What a member may do: ``viewer`` reads, ``editor`` also writes, ``owner`` also manages."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


class InvitationState(StrEnum):
    """Life of an invitation; one that is pending past ``expires_at`` is as good as expired."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


ROLES = f"role IN ({', '.join(repr(role.value) for role in Role)})"


class Organisation(db.Model):
    """A group of users that owns assets, renders, jobs and transcripts.

    A dissolved one has no members, so nobody sees it or what is left of deleted things; its row stays as lineage.
    """

    __tablename__ = "organisation"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    dissolved_at: Mapped[datetime | None] = mapped_column(MOMENT)


class Membership(db.Model):
    """One user in one organisation."""

    __tablename__ = "membership"
    __table_args__ = (CheckConstraint(ROLES, name="role"),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())

    organisation: Mapped[Organisation] = relationship()
    user: Mapped[User] = relationship()


class Invitation(db.Model):
    """An offer to join, good for one address; only the hash of its token is kept."""

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint(ROLES, name="role"),
        CheckConstraint("state IN ('pending', 'accepted', 'declined', 'withdrawn')", name="state"),
        Index(
            "uq_invitation_pending",
            "organisation_id",
            "email",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), index=True)
    role: Mapped[str] = mapped_column(String(16))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(16), default=InvitationState.PENDING.value)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(MOMENT)

    organisation: Mapped[Organisation] = relationship()
