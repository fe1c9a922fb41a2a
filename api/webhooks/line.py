"""Whose turn it is: endpoints that a courier holds, their next message, and when a failed one is tried again.

Any number of couriers, in any number of engines, take endpoints that no other one holds. A courier that dies lets its
hold run out; what it was sending is then sent again, under the same id.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Engine,
    Integer,
    Select,
    SQLColumnExpression,
    Update,
    Uuid,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from api.database import read_at_once
from api.extensions import get_settings
from api.webhooks.models import DeliveryState, Webhook, WebhookDelivery

PAUSES_S = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 28800.0, 28800.0)
"""Pauses after the first seven of eight tries: 23 hours 35 minutes in all."""
TRIES = len(PAUSES_S) + 1
JITTER = 0.05
"""Each pause is so much longer or shorter, at random: receivers that come back are not overrun."""
TURN_S = 5.0
"""How long one endpoint is served while others may wait."""
NOTE_S = 5.0
"""To write down what came of the last messages, and for a process that gets no processor."""
LONGEST_REST_S = 15.0
BATCH = 1000
Moment = datetime | ColumnElement[datetime]
NOW = bindparam("now", type_=DateTime(timezone=True))


def is_any_due(engine: Engine, *, sick: bool) -> bool:
    """Tell whether an endpoint may be taken now; couriers look several times a second, mostly in vain."""
    return bool(read_at_once(engine, looking(sick=sick))[0][0])


def take_endpoint(session: Session, now: datetime, *, sick: bool) -> Webhook | None:
    """Hold an endpoint with something due, and commit; None when there is none that others do not hold.

    :param sick: of those that failed lately; the others otherwise, so that neither kind waits for the other.
    """
    webhook: Webhook | None = session.scalar(taking(sick=sick), {"now": now})
    if webhook is None:
        session.rollback()
        return None
    webhook.held_until = now + held_for(get_settings().webhooks.timeout_s)
    session.commit()
    return webhook


@lru_cache(maxsize=2)
def looking(*, sick: bool) -> Select[bool]:
    """Select whether an endpoint may be taken now."""
    return select(exists().where(*is_takable(func.clock_timestamp(), sick=sick)))


@lru_cache(maxsize=2)
def taking(*, sick: bool) -> Select[Webhook]:
    """Select and lock the endpoint that may be taken at ``now`` and waited longest since it was held last.

    So a busy endpoint cannot keep others from their turn.
    """
    chosen = select(Webhook).where(*is_takable(NOW, sick=sick))
    first = chosen.order_by(Webhook.held_until.asc().nulls_first(), Webhook.id).limit(1)
    return first.with_for_update(skip_locked=True, key_share=True).execution_options(populate_existing=True)


def is_takable(now: Moment, *, sick: bool) -> tuple[SQLColumnExpression[bool], ...]:
    """Return the conditions that an endpoint has something due and that nobody holds it."""
    due = exists().where(WebhookDelivery.webhook_id == Webhook.id, *is_due(now))
    free = and_(is_past(Webhook.held_until, now), is_past(Webhook.rests_until, now))
    return Webhook.enabled, Webhook.failures > 0 if sick else Webhook.failures == 0, free, due


def held_for(timeout_s: float) -> timedelta:
    """Return how long an endpoint is held at most, which is how late another courier takes over from one that died.

    The last messages of a turn leave when it is all but over, side by side, and each is answered within the timeout.
    """
    return timedelta(seconds=TURN_S + timeout_s + NOTE_S)


def is_past(moment: InstrumentedAttribute[datetime | None], now: Moment) -> ColumnElement[bool]:
    """Return the condition that a moment is not set or over."""
    return or_(moment.is_(None), moment <= now)


def is_due(now: Moment) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a message is to be sent now."""
    return (WebhookDelivery.state == DeliveryState.WAITING.value, WebhookDelivery.due_at <= now)


def next_messages(session: Session, webhook_id: UUID, now: datetime, *, most: int) -> list[WebhookDelivery]:
    """Return the messages of an endpoint whose turn it is: nothing of their streams that came before still waits.

    So no two of them are of one stream, and they may be sent side by side.
    """
    given = {"webhook": webhook_id, "now": now, "most": most}
    return list(session.scalars(select_next(), given))


@lru_cache(maxsize=1)
def select_next() -> Select[WebhookDelivery]:
    """Select the first ``most`` messages of a ``webhook`` whose turn it is at ``now``."""
    chosen = select(WebhookDelivery).where(*is_due_to(), ~earlier_waits()).order_by(WebhookDelivery.position)
    return chosen.limit(bindparam("most", type_=Integer)).execution_options(populate_existing=True)


def is_due_to() -> tuple[SQLColumnExpression[bool], ...]:
    """Return the conditions that a message is to be sent to a ``webhook`` at ``now``."""
    return WebhookDelivery.webhook_id == bindparam("webhook", type_=Uuid), *is_due(NOW)


def earlier_waits() -> ColumnElement[bool]:
    """Return the condition that an earlier message of the same stream waits for the same endpoint."""
    earlier = aliased(WebhookDelivery)
    return exists().where(
        earlier.webhook_id == WebhookDelivery.webhook_id,
        earlier.stream == WebhookDelivery.stream,
        earlier.state == DeliveryState.WAITING.value,
        earlier.position < WebhookDelivery.position,
    )


def put_followers(session: Session, delivery: WebhookDelivery, due_at: datetime) -> None:
    """Have those that wait behind a message in its stream become due with it, and not before."""
    behind = (
        WebhookDelivery.webhook_id == delivery.webhook_id,
        WebhookDelivery.stream == delivery.stream,
        WebhookDelivery.state == DeliveryState.WAITING.value,
        WebhookDelivery.position > delivery.position,
        WebhookDelivery.tries == 0,
    )
    moved = update(WebhookDelivery).where(*behind).values(due_at=due_at)
    session.execute(moved.execution_options(synchronize_session=False))


def put_blocked_off(session: Session, webhook_id: UUID, now: datetime) -> None:
    """Have messages that came after a failed one of their stream wait as long as it does."""
    session.execute(putting_off(), {"webhook": webhook_id, "now": now})


@lru_cache(maxsize=1)
def putting_off() -> Update:
    """Return the statement that has messages of a ``webhook`` wait at ``now`` for what waits before them."""
    head = aliased(WebhookDelivery)
    until = (
        select(func.max(head.due_at))
        .where(
            head.webhook_id == WebhookDelivery.webhook_id,
            head.stream == WebhookDelivery.stream,
            head.state == DeliveryState.WAITING.value,
            head.position < WebhookDelivery.position,
        )
        .scalar_subquery()
    )
    moved = update(WebhookDelivery).where(*is_due_to(), earlier_waits()).values(due_at=until)
    return moved.execution_options(synchronize_session=False)


def give_endpoint_back(session: Session, webhook_id: UUID, held_until: datetime, now: datetime) -> None:
    """End a hold, unless it has run out and is somebody else's; commits."""
    mine = (Webhook.id == webhook_id, Webhook.held_until == held_until)
    session.execute(update(Webhook).where(*mine).values(held_until=now).execution_options(synchronize_session=False))
    session.commit()


def next_try(tries: int, now: datetime) -> datetime | None:
    """Return when a message is tried again after so many tries; None when those were all."""
    if tries >= TRIES:
        return None
    return now + timedelta(seconds=PAUSES_S[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311


def rest_s(failures: int) -> float:
    """Return how long an endpoint gets nothing at all after failures in a row: none after one, then doubling."""
    return min(LONGEST_REST_S, 2.0 ** (failures - 1)) if failures > 1 else 0.0


def sweep(session: Session, now: datetime | None = None) -> int:
    """Remove messages that are done and older than the log is kept, in batches; return how many. Commits."""
    before = (now or datetime.now(UTC)) - timedelta(days=get_settings().webhooks.log_days)
    old = (WebhookDelivery.created_at < before, WebhookDelivery.state != DeliveryState.WAITING.value)
    total = 0
    while True:
        chosen = select(WebhookDelivery.id).where(*old).limit(BATCH)
        gone = session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(chosen)))
        session.commit()
        total += int(gone.rowcount)  # type: ignore[attr-defined]
        if gone.rowcount < BATCH:  # type: ignore[attr-defined]
            return total
