"""Use cases of endpoints: create, change, rotate, delete, try out, send again."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from api.audit import record
from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings
from api.ids import new_id
from api.jobs.engine import database_now
from api.ownership import in_place
from api.users.models import User
from api.webhooks.models import DeliveryState, Disabled, Webhook, WebhookDelivery
from api.webhooks.names import DEFAULT, TEST, spell_out
from api.webhooks.outbox import message_id_of, write_body
from api.webhooks.secret import fingerprint, installation_key, new_salt, secret_of
from tasks.errors import InvalidInputError, PermanentError
from tasks.fetching.addresses import is_public
from tasks.fetching.urls import read_url

MOST = 20
"""Endpoints of one user, or of one organisation."""
BOTH_GOOD = timedelta(hours=24)
"""How long the secret before is still signed with after another one was made."""
SHOWN = ("url", "events", "description", "enabled")


def create_webhook(session: Session, user: User, wanted: dict[str, Any]) -> tuple[Webhook, str]:
    """Make an endpoint; return its row and, for the only time, its secret.

    Raises ``webhook.url_refused``, ``webhook.too_many``.
    """
    check_url(wanted["url"])
    organisation_id = wanted.get("organisation_id")
    session.execute(select(User.id).where(User.id == user.id).with_for_update())  # two at once cannot pass the limit
    count = select(func.count()).select_from(Webhook).where(in_place(Webhook, user.id, organisation_id))
    if (session.scalar(count) or 0) >= MOST:
        raise ConflictError("webhook.too_many", f"There may be {MOST} endpoints; delete one first", {"most": MOST})
    salt, secret = draw()
    webhook = Webhook(
        id=new_id(),
        owner_id=user.id,
        organisation_id=organisation_id,
        url=wanted["url"],
        description=wanted.get("description", ""),
        events=spell_out(wanted.get("events") or DEFAULT),
        enabled=wanted.get("enabled", True),
        disabled_reason="" if wanted.get("enabled", True) else Disabled.OWNER.value,
        salt=salt,
        fingerprint=fingerprint(secret),
    )
    session.add(webhook)
    session.flush()
    note(session, "webhook.created", webhook, after=shown(webhook))
    return webhook, secret


def check_url(url: str) -> None:
    """Raise ``webhook.url_refused`` for a URL that nothing would be sent to.

    Names are looked up when something is sent: what they lead to is checked then, every time.
    """
    inside = get_settings().webhooks.inside
    try:
        target = read_url(url, inside=inside)
    except PermanentError as error:
        raise InvalidInputError("webhook.url_refused", error.detail) from error
    if inside:
        return
    if target.scheme != "https":
        raise InvalidInputError("webhook.url_refused", "The address must begin with https")
    if is_address(target.host) and not is_public(target.host):
        raise InvalidInputError("webhook.url_refused", "The host is not on the public internet")


def is_address(host: str) -> bool:
    """Tell an address from a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def draw() -> tuple[str, str]:
    """Return a new salt and the secret that comes of it."""
    salt = new_salt()
    return salt, secret_of(salt, installation_key(get_settings()))


def change_webhook(session: Session, webhook: Webhook, wanted: dict[str, Any]) -> None:
    """Change what was given. An endpoint that is enabled again starts without its failures.

    Raises ``webhook.url_refused``.
    """
    session.refresh(webhook, with_for_update={"key_share": True})
    before = shown(webhook)
    if "url" in wanted:
        check_url(wanted["url"])
        webhook.url = wanted["url"]
    if "description" in wanted:
        webhook.description = wanted["description"]
    if "events" in wanted:
        webhook.events = spell_out(wanted["events"])
    if wanted.get("enabled", webhook.enabled) != webhook.enabled:
        enable(webhook) if wanted["enabled"] else disable(session, webhook, Disabled.OWNER)
    if shown(webhook) != before:
        note(session, "webhook.changed", webhook, before=before, after=shown(webhook))


def enable(webhook: Webhook) -> None:
    """Let a locked endpoint get messages again."""
    webhook.enabled, webhook.disabled_reason = True, ""
    webhook.failures, webhook.failing_since, webhook.rests_until = 0, None, None


def disable(session: Session, webhook: Webhook, reason: Disabled) -> None:
    """Send a locked endpoint nothing more; what waits for it has failed, and can be sent again later."""
    webhook.enabled, webhook.disabled_reason = False, reason.value
    waiting = (WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.state == DeliveryState.WAITING.value)
    failed = {"state": DeliveryState.FAILED.value, "finished_at": func.clock_timestamp()}
    session.execute(update(WebhookDelivery).where(*waiting).values(**failed))


def rotate(session: Session, webhook: Webhook) -> str:
    """Make another secret and return it; messages carry signatures by both for a day."""
    session.refresh(webhook, with_for_update={"key_share": True})
    webhook.previous_salt, webhook.previous_until = webhook.salt, database_now(session) + BOTH_GOOD
    webhook.salt, secret = draw()
    webhook.fingerprint = fingerprint(secret)
    note(session, "webhook.secret_rotated", webhook)
    return secret


def delete_webhook(session: Session, webhook: Webhook) -> None:
    """Forget an endpoint with its log."""
    note(session, "webhook.deleted", webhook, before=shown(webhook))
    session.delete(webhook)


def send_test(session: Session, webhook: Webhook) -> WebhookDelivery:
    """Put a test message in line. Raises ``webhook.disabled``."""
    require_enabled(webhook)
    now, stream = database_now(session), new_id()
    delivery = WebhookDelivery(
        id=new_id(),
        webhook_id=webhook.id,
        message_id=message_id_of(stream, 1, TEST),
        type=TEST,
        stream=stream,
        body=write_body(TEST, now, {"webhook_id": str(webhook.id), "seq": 1}),
        due_at=now,
    )
    session.add(delivery)
    session.flush()
    return delivery


def get_delivery(session: Session, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    """Return one of an endpoint's messages or raise ``delivery.not_found``."""
    chosen = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id, WebhookDelivery.webhook_id == webhook.id)
    found: WebhookDelivery | None = session.scalar(chosen)
    if found is None:
        raise NotFoundError("delivery.not_found", "The endpoint has no such message in its log")
    return found


def replay(session: Session, webhook: Webhook, delivery_id: UUID) -> WebhookDelivery:
    """Put a message in line again, whatever became of it; its id stays. Raises ``webhook.disabled``."""
    require_enabled(webhook)
    delivery = get_delivery(session, webhook, delivery_id)
    put_again(session, WebhookDelivery.id == delivery.id)
    note(session, "webhook.replayed", webhook, after={"delivery_id": delivery.id})
    session.refresh(delivery)
    return delivery


def replay_failed(session: Session, webhook: Webhook, since: datetime) -> int:
    """Put all in line again that failed and happened since then; return how many. Raises ``webhook.disabled``."""
    require_enabled(webhook)
    mine = (WebhookDelivery.webhook_id == webhook.id, WebhookDelivery.created_at >= since)
    count = put_again(session, *mine, WebhookDelivery.state == DeliveryState.FAILED.value)
    note(session, "webhook.replayed", webhook, after={"since": since, "count": count})
    return count


def put_again(session: Session, *chosen: Any) -> int:
    """Give messages all their tries anew; return how many."""
    anew = {"state": DeliveryState.WAITING.value, "tries": 0, "due_at": func.clock_timestamp(), "finished_at": None}
    done = update(WebhookDelivery).where(*chosen).values(**anew).execution_options(synchronize_session=False)
    return int(session.execute(done).rowcount)  # type: ignore[attr-defined]


def require_enabled(webhook: Webhook) -> None:
    """Raise ``webhook.disabled`` for an endpoint that gets nothing."""
    if not webhook.enabled:
        detail = "The endpoint is disabled; enable it first"
        raise ConflictError("webhook.disabled", detail, {"reason": webhook.disabled_reason})


def select_deliveries(webhook_id: UUID, filters: dict[str, Any]) -> Select[tuple[WebhookDelivery]]:
    """Select an endpoint's messages, of one state or event when asked for."""
    query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    for name in ("state", "type"):
        if filters.get(name) is not None:
            query = query.where(getattr(WebhookDelivery, name) == filters[name])
    return query


def shown(webhook: Webhook) -> dict[str, Any]:
    """Return what the audit log keeps of an endpoint."""
    return {name: getattr(webhook, name) for name in SHOWN}


def note(session: Session, action: str, webhook: Webhook, **values: Any) -> None:
    """Write into the audit log what was done to an endpoint."""
    record(session, action, target=("webhook", webhook.id), organisation_id=webhook.organisation_id, **values)
