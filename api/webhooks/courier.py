"""Sending messages: held endpoint by held endpoint, outside any transaction, through the one guarded fetcher."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from api.audit import record
from api.config import ApiSettings
from api.extensions import get_settings
from api.jobs.engine import database_now
from api.mail.queue import queue_mail
from api.users.models import User
from api.webhooks import line
from api.webhooks.models import DeliveryState, Disabled, Webhook, WebhookAttempt, WebhookDelivery
from api.webhooks.secret import fingerprint, installation_key, secret_of, signed_headers
from api.webhooks.service import disable
from tasks.errors import PermanentError, ReelyardError, TransientError
from tasks.failpoints import failpoint
from tasks.fetching import Fetcher, FetchLimits

logger = logging.getLogger(__name__)

Clock = Callable[[Session], datetime]


@dataclass(frozen=True)
class Parcel:
    """A message as it leaves, with what its row was like."""

    delivery_id: UUID
    attempts: int
    url: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What a receiver said: its status, or why there is none."""

    status: int | None
    error: str = ""
    took_ms: int = 0

    @property
    def is_good(self) -> bool:
        """Whether the receiver has the message now."""
        return self.status is not None and 200 <= self.status < 300


class Courier:
    """Serves one endpoint after the other.

    :param clock: the database's unless a test has another.
    """

    def __init__(self, settings: ApiSettings, *, clock: Clock = database_now) -> None:
        limits = FetchLimits(total_s=settings.webhooks.timeout_s)
        self._fetcher = Fetcher(limits, inside=settings.webhooks.inside, proxy=settings.webhooks.proxy)
        self._at_once = settings.webhooks.at_once
        self._disable_after = timedelta(days=settings.webhooks.disable_days)
        self._server_secret = installation_key(settings)
        self._clock = clock

    def serve_one(self, session: Session, *, sick: bool = False) -> bool:
        """Send what is due for one endpoint, for a while; tell whether there was one."""
        now = self._clock(session)
        webhook = line.take_endpoint(session, now, sick=sick)
        if webhook is None:
            return False
        webhook_id, held_until = webhook.id, webhook.held_until or now
        session.rollback()
        try:
            self._serve(session, webhook_id)
        finally:
            session.rollback()
            line.give_endpoint_back(session, webhook_id, held_until, self._clock(session))
        return True

    def _serve(self, session: Session, webhook_id: UUID) -> None:
        began = time.monotonic()
        while time.monotonic() - began < line.TURN_S:
            parcels = self._next_parcels(session, webhook_id)
            if not parcels:
                return
            answers = self._send_all(parcels)
            noted = [self._note(session, webhook_id, *one) for one in zip(parcels, answers, strict=True)]
            if not all(noted):
                return

    def _next_parcels(self, session: Session, webhook_id: UUID) -> list[Parcel]:
        """Return what is to be sent next, with no transaction open; of an endpoint that failed lately one thing."""
        now = self._clock(session)
        webhook = session.get(Webhook, webhook_id, populate_existing=True)
        if webhook is None or not webhook.enabled:
            session.rollback()
            return []
        found = line.next_messages(session, webhook_id, now, most=1 if webhook.failures else self._at_once)
        if not found:
            line.put_blocked_off(session, webhook_id, now)
            session.commit()
            return []
        secrets, sent_at = self._secrets(webhook, now), now.astimezone(UTC)
        parcels = [
            Parcel(
                delivery.id,
                delivery.attempts,
                webhook.url,
                delivery.body,
                signed_headers(secrets, delivery.message_id, sent_at, delivery.body) if secrets else {},
            )
            for delivery in found
        ]
        session.rollback()
        return parcels

    def _send_all(self, parcels: list[Parcel]) -> list[Answer]:
        """Send side by side what is of different streams; return the answers in order."""
        if len(parcels) == 1:
            return [self._send(parcels[0])]
        with ThreadPoolExecutor(len(parcels)) as threads:
            return list(threads.map(self._send, parcels))

    def _secrets(self, webhook: Webhook, now: datetime) -> list[str]:
        """Return the secrets that are good now; none when the installation's key is another than it was."""
        secrets = [secret_of(webhook.salt, self._server_secret)]
        if fingerprint(secrets[0]) != webhook.fingerprint:
            return []
        if webhook.previous_salt and webhook.previous_until and now < webhook.previous_until:
            secrets.append(secret_of(webhook.previous_salt, self._server_secret))
        return secrets

    def _send(self, parcel: Parcel) -> Answer:
        if not parcel.headers:
            return Answer(None, "The secret cannot be made any more: rotate it")
        began = time.monotonic()
        status, error = None, ""
        try:
            failpoint("before_webhook")
            status = self._fetcher.post(parcel.url, parcel.body.encode(), parcel.headers)
            failpoint("after_webhook")
        except (PermanentError, TransientError) as refused:
            error = explain(refused)
        return Answer(status, error, int(1000 * (time.monotonic() - began)))

    def _note(self, session: Session, webhook_id: UUID, parcel: Parcel, answer: Answer) -> bool:
        """Write down what came of a try, and commit; tell whether to go on with this endpoint."""
        webhook = session.get(Webhook, webhook_id, with_for_update={"key_share": True}, populate_existing=True)
        delivery = session.get(WebhookDelivery, parcel.delivery_id, with_for_update=True, populate_existing=True)
        if webhook is None or delivery is None or delivery.attempts != parcel.attempts:
            session.rollback()  # deleted, or somebody else tried it meanwhile: theirs counts
            return False
        now = self._clock(session)
        delivery.attempts += 1
        tried = {"status": answer.status, "error": answer.error[:300], "took_ms": answer.took_ms}
        session.add(WebhookAttempt(delivery_id=delivery.id, number=delivery.attempts, at=now, **tried))
        if answer.is_good:
            self._succeeded(session, webhook, delivery, now)
        else:
            self._failed(session, webhook, delivery, answer, now)
        session.commit()
        return answer.is_good

    def _succeeded(self, session: Session, webhook: Webhook, delivery: WebhookDelivery, now: datetime) -> None:
        delivery.tries += 1
        delivery.state, delivery.finished_at = DeliveryState.DELIVERED.value, now
        webhook.failures, webhook.failing_since, webhook.rests_until = 0, None, None
        if delivery.tries > 1:
            line.put_followers(session, delivery, now)

    def _failed(
        self, session: Session, webhook: Webhook, delivery: WebhookDelivery, answer: Answer, now: datetime
    ) -> None:
        webhook.failures += 1
        webhook.failing_since = webhook.failing_since or now
        webhook.rests_until = now + timedelta(seconds=line.rest_s(webhook.failures))
        if delivery.state == DeliveryState.WAITING:
            delivery.tries += 1
            due_at = line.next_try(delivery.tries, now)
            if due_at is None:
                delivery.state, delivery.finished_at = DeliveryState.FAILED.value, now
            else:
                delivery.due_at = due_at
            line.put_followers(session, delivery, due_at or now)
        if not webhook.enabled:
            return
        if answer.status == 410:
            give_up(session, webhook, Disabled.GONE)
        elif now - webhook.failing_since >= self._disable_after:
            give_up(session, webhook, Disabled.FAILING)


def get_courier() -> Courier:
    """Return the courier of the current application; it may be used by many threads."""
    extensions = current_app.extensions
    if "reelyard.courier" not in extensions:
        extensions["reelyard.courier"] = Courier(get_settings())
    return cast(Courier, extensions["reelyard.courier"])


def explain(error: ReelyardError) -> str:
    """Return why there was no answer, as the log of deliveries shows it: nothing of the inside of our network."""
    return f"{error.code}: {error.detail}"


def give_up(session: Session, webhook: Webhook, reason: Disabled) -> None:
    """Disable an endpoint that is dead, and tell its owner."""
    disable(session, webhook, reason)
    target = ("webhook", webhook.id)
    after = {"reason": reason.value, "failing_since": webhook.failing_since, "url": webhook.url}
    record(session, "webhook.disabled", target=target, after=after, organisation_id=webhook.organisation_id)
    owner = session.get(User, webhook.owner_id)
    if owner is not None and owner.enabled and get_settings().mail.on:
        queue_mail(session, "webhook_disabled", owner.email, url=webhook.url, reason=reason.value)
    logger.warning("webhook disabled", extra={"webhook_id": str(webhook.id), "reason": reason.value})
