"""Putting events in line for the endpoints that asked for them, in the transaction in which they happen.

One statement for all that happens at once, whoever listens: it reads the endpoints and writes their messages. Nothing
is sent here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Integer, Text, Uuid, and_, any_, bindparam, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
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


@dataclass(frozen=True)
class Message:
    """One thing to tell. ``seq`` is its number within its stream; a second message of the same number is none."""

    event: str
    seq: int
    at: datetime
    data: dict[str, Any]


def put_in_line(
    session: Session, messages: Sequence[Message], *, owner_id: UUID, organisation_id: UUID | None, stream: UUID
) -> None:
    """Add each message for every enabled endpoint that asked for its event: the organisation's, else the user's own.

    :param stream: messages of one stream leave in the order in which they were added.
    """
    if not messages:
        return
    rows = [
        {
            "number": number,
            "message_id": message_id_of(stream, one.seq, one.event),
            "event": one.event,
            "body": write_body(one.event, one.at, one.data),
        }
        for number, one in enumerate(messages)
    ]
    shared = organisation_id is not None
    given = {"rows": rows, "stream": stream, "whose": organisation_id if shared else owner_id}
    session.execute(adding(shared=shared), given)


@lru_cache(maxsize=2)
def adding(*, shared: bool) -> Insert:
    """Return the statement that adds the messages ``rows`` of a ``stream`` for the endpoints of ``whose``.

    :param shared: whether that is an organisation; a user otherwise.
    """
    columns = column("number", Integer), column("message_id", Text), column("event", Text), column("body", Text)
    told = (
        func.jsonb_to_recordset(bindparam("rows", type_=JSONB))
        .table_valued(*columns, name="told")
        .render_derived(with_types=True)
    )
    filled = {
        "id": func.gen_random_uuid(),
        "webhook_id": Webhook.id,
        "message_id": told.c.message_id,
        "type": told.c.event,
        "stream": bindparam("stream", type_=Uuid),
        "body": told.c.body,
        "state": literal(DeliveryState.WAITING.value),
        "tries": literal(0),
        "attempts": literal(0),
        "due_at": func.clock_timestamp(),
    }
    whose = bindparam("whose", type_=Uuid)
    own = and_(Webhook.owner_id == whose, Webhook.organisation_id.is_(None))
    wanted = select(*filled.values()).join(told, told.c.event == any_(Webhook.events))
    wanted = wanted.where(Webhook.organisation_id == whose if shared else own, Webhook.enabled).order_by(told.c.number)
    table = WebhookDelivery.__table__  # the mapped class would take what is given for columns of its own
    added = insert(table).from_select(list(filled), wanted, include_defaults=False)
    return added.on_conflict_do_nothing()


def announce_credits(session: Session, user_id: UUID, seq: int, at: datetime, data: dict[str, Any]) -> None:
    """Tell a user's endpoints of a line in the ledger."""
    message = Message(CREDITS, seq, at, data)
    put_in_line(session, [message], owner_id=user_id, organisation_id=None, stream=user_id)
