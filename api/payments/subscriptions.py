"""Subscriptions as Stripe has them now, and the plan that follows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.payments.catalogue import Item, ItemKind
from api.payments.gateway import ask, get_client
from api.payments.models import PaymentSubscription
from api.payments.service import LIVE, get_catalogue
from api.users.models import Plan, User

PERIOD_REASONS = ("subscription_create", "subscription_cycle")
"""Invoices of a whole period; others settle the difference between two plans."""

FALLBACK = "free"


def refresh(session: Session, user_id: UUID, subscription_id: str) -> None:
    """Ask for a subscription, keep what it is, and give its user the best plan of all that are live.

    The user's row is locked before asking, so that of two answers the later one is kept.
    """
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True, of=User)
    user = session.scalars(locked.execution_options(populate_existing=True)).one_or_none()
    if user is None:
        return
    client = get_client()
    now = ask(lambda: client.v1.subscriptions.retrieve(subscription_id)).to_dict()
    row = session.get(PaymentSubscription, subscription_id) or PaymentSubscription(id=subscription_id, user_id=user_id)
    item = item_of_prices(price_id for price_id in prices_of(now))
    row.status, row.cancels = str(now["status"])[:32], bool(now.get("cancel_at_period_end"))
    row.plan_code = item.name if item and session.get(Plan, item.name) else None
    row.renews_at = period_end(now)
    session.add(row)
    session.flush()
    apply_plan(session, user)


def apply_plan(session: Session, user: User) -> None:
    """Give a user the weightiest plan of the live subscriptions, the free one without any."""
    chosen = select(Plan).join(PaymentSubscription, PaymentSubscription.plan_code == Plan.code)
    chosen = chosen.where(PaymentSubscription.user_id == user.id, PaymentSubscription.status.in_(LIVE))
    best = session.scalars(chosen.order_by(Plan.weight.desc(), Plan.code).limit(1)).first()
    user.plan_code = best.code if best else FALLBACK
    session.flush()
    session.expire(user, ["plan"])


def prices_of(subscription: dict[str, Any]) -> list[str]:
    """Return the ids of the prices that a subscription is for."""
    return [str(item["price"]["id"]) for item in (subscription.get("items") or {}).get("data") or []]


def period_end(subscription: dict[str, Any]) -> datetime | None:
    """Return when the period ends: newer versions of Stripe's API say it of the items."""
    items = (subscription.get("items") or {}).get("data") or [{}]
    end = subscription.get("current_period_end") or items[0].get("current_period_end")
    return datetime.fromtimestamp(int(end), UTC) if end else None


def details_of(invoice: dict[str, Any]) -> dict[str, Any]:
    """Return subscription and metadata of an invoice, in the newer form of Stripe's API or the older one."""
    newer = (invoice.get("parent") or {}).get("subscription_details")
    if newer:
        return dict(newer)
    older = invoice.get("subscription_details") or {}
    return {"subscription": invoice.get("subscription"), "metadata": older.get("metadata")}


def item_of_invoice(invoice: dict[str, Any]) -> Item | None:
    """Return the plan that an invoice is for."""
    lines = (invoice.get("lines") or {}).get("data") or []
    return item_of_prices(
        price_id
        for line in lines
        for price_id in (
            ((line.get("pricing") or {}).get("price_details") or {}).get("price"),
            (line.get("price") or {}).get("id"),
        )
    )


def item_of_prices(price_ids: Any) -> Item | None:
    """Return the plan of the catalogue that one of the prices belongs to."""
    plans = {item.price_id: item for item in get_catalogue().values() if item.kind is ItemKind.PLAN}
    return next((plans[price_id] for price_id in price_ids if price_id in plans), None)
