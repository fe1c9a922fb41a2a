"""Tables of outgoing webhooks: endpoints, what is sent to them, and every try of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.extensions import db
from api.ids import new_id
from api.organisations.models import Organisation

MOMENT = DateTime(timezone=True)


class DeliveryState(StrEnum):
    """Life of a message to one endpoint: ``failed`` once no further try is planned."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Disabled(StrEnum):
    """Why an endpoint gets nothing."""

    OWNER = "owner"
    GONE = "gone"
    FAILING = "failing"


class Webhook(db.Model):
    """An endpoint: where events of a user or of an organisation are sent.

    No secret is stored: it is made of ``salt`` and the installation's key (:mod:`api.webhooks.secret`), ``fingerprint``
    tells whether the key is still the same. The one before is good until ``previous_until``.

    ``failures`` counts failed tries since the last success, which began at ``failing_since``. One courier at a time
    sends to an endpoint: it holds it until ``held_until``. Nothing is sent before ``rests_until``.
    """

    __tablename__ = "webhook"
    __table_args__ = (
        CheckConstraint("disabled_reason IN ('', 'owner', 'gone', 'failing')", name="reason"),
        CheckConstraint("enabled = (disabled_reason = '')", name="enabled"),
        Index("ix_webhook_owner_created", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Organisation.id, ondelete="RESTRICT"), index=True)
    url: Mapped[str] = mapped_column(String(2048))
    description: Mapped[str] = mapped_column(String(500), default="")
    events: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    disabled_reason: Mapped[str] = mapped_column(String(16), default="")
    salt: Mapped[str] = mapped_column(String(64))
    fingerprint: Mapped[str] = mapped_column(String(16))
    previous_salt: Mapped[str | None] = mapped_column(String(64))
    previous_until: Mapped[datetime | None] = mapped_column(MOMENT)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    failing_since: Mapped[datetime | None] = mapped_column(MOMENT)
    rests_until: Mapped[datetime | None] = mapped_column(MOMENT)
    held_until: Mapped[datetime | None] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())


class WebhookDelivery(db.Model):
    """One message to one endpoint, at most one for each thing that happened.

    ``message_id`` is the same at every try and for every endpoint that hears of it; ``body`` the very text that is
    signed. Messages of one ``stream`` (a job, an account) leave in the order of ``position``. ``tries`` counts those
    since the message was last put in line, ``attempts`` all.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "message_id"),
        CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
        Index("ix_webhook_delivery_due", "webhook_id", "due_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "ix_webhook_delivery_stream", "webhook_id", "stream", "position", postgresql_where=text("state = 'waiting'")
        ),
        Index("ix_webhook_delivery_log", "webhook_id", "created_at", "id"),
        Index("ix_webhook_delivery_created", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhook.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(32))
    stream: Mapped[UUID]
    position: Mapped[int] = mapped_column(BigInteger, Identity())
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.WAITING.value)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime] = mapped_column(MOMENT)
    created_at: Mapped[datetime] = mapped_column(MOMENT, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(MOMENT)

    tried: Mapped[list[WebhookAttempt]] = relationship(order_by="WebhookAttempt.number", viewonly=True, lazy="selectin")

    @property
    def next_try_at(self) -> datetime | None:
        """When it is tried next; None when it is not."""
        return self.due_at if self.state == DeliveryState.WAITING else None


class WebhookAttempt(db.Model):
    """One try of a message: the receiver's status, or why there was none; ``took_ms`` in milliseconds."""

    __tablename__ = "webhook_attempt"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_delivery.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(MOMENT)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str] = mapped_column(String(300), default="")
    took_ms: Mapped[int] = mapped_column(Integer)
