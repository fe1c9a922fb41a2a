"""Putting events in line for the endpoints that asked for them, in the transaction in which they happen.

One statement for each event, whoever listens: it reads the endpoints and writes their messages. Nothing is sent here.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, and_, any_, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.webhooks.models import DeliveryState, Webhook, WebhookDelivery
from api.webhooks.names import CREDITS


def message_id_of(stream: UUID, seq: int, event: str) -> str:
    """Name what happened: the same for every endpoint and every try."""
    return f"msg_{uuid5(stream, f'{seq}-{event}').hex}"


def write_body(event: str, at: datetime, data: dict[str, Any]) -> str:
    """Return a message as Standard Webhooks has it: type, timestamp, data."""
    message = {"type": event, "timestamp": at.isoformat(), "data": data}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def listening(owner_id: UUID, organisation_id: UUID | None) -> ColumnElement[bool]:
    """Return the condition that an endpoint hears of what belongs to a user, or to an organisation."""
    if organisation_id is not None:
        return Webhook.organisation_id == organisation_id
    return and_(Webhook.owner_id == owner_id, Webhook.organisation_id.is_(None))


def put_in_line(
    session: Session,
    event: str,
    *,
    listeners: ColumnElement[bool],
    stream: UUID,
    seq: int,
    at: datetime,
    data: dict[str, Any],
) -> None:
    """Add a message for every enabled endpoint among the listeners that asked for the event.

    :param stream: messages of one stream leave in the order in which they were added.
    :param seq: number of what happened within the stream; a second message of the same number is none.
    """
    values = {
        "id": func.gen_random_uuid(),
        "webhook_id": Webhook.id,
        "message_id": literal(message_id_of(stream, seq, event)),
        "type": literal(event),
        "stream": literal(stream),
        "body": literal(write_body(event, at, data)),
        "state": literal(DeliveryState.WAITING.value),
        "tries": literal(0),
        "attempts": literal(0),
        "due_at": func.clock_timestamp(),
    }
    wanted = select(*values.values()).where(listeners, Webhook.enabled, literal(event) == any_(Webhook.events))
    added = insert(WebhookDelivery).from_select(list(values), wanted, include_defaults=False)
    session.execute(added.on_conflict_do_nothing())


def announce_credits(session: Session, user_id: UUID, seq: int, at: datetime, data: dict[str, Any]) -> None:
    """Tell a user's endpoints of a line in the ledger."""
    mine = listening(user_id, None)
    put_in_line(session, CREDITS, listeners=mine, stream=user_id, seq=seq, at=at, data=data)
