"""Use cases of payments for users: what there is to buy, checkout, the portal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.errors import ConflictError, NotFoundError
from api.extensions import get_settings
from api.payments.catalogue import Item, ItemKind, parse_catalogue
from api.payments.gateway import ask, get_client, is_on
from api.payments.models import Payment, PaymentCustomer, PaymentSubscription
from api.users.models import User

LIVE = ("active", "trialing", "past_due")
"""States of a subscription under which its plan is used; past_due is Stripe's time to try the card again."""

SHOWN = 50


def get_catalogue() -> Mapping[str, Item]:
    """Return what can be bought, by code."""
    return parse_catalogue(get_settings().catalogue)


def describe(session: Session, user: User) -> dict[str, Any]:
    """Say what there is to buy and what a user has bought."""
    payments = select(Payment).where(Payment.user_id == user.id).order_by(Payment.created_at.desc(), Payment.ref)
    return {
        "enabled": is_on(),
        "items": list(get_catalogue().values()) if is_on() else [],
        "subscription": find_subscription(session, user.id),
        "payments": session.scalars(payments.limit(SHOWN)).all(),
    }


def find_subscription(session: Session, user_id: UUID) -> PaymentSubscription | None:
    """Return a user's live subscription, if there is one."""
    chosen = select(PaymentSubscription).where(
        PaymentSubscription.user_id == user_id, PaymentSubscription.status.in_(LIVE)
    )
    return session.scalars(chosen.order_by(PaymentSubscription.updated_at.desc()).limit(1)).one_or_none()


def start_checkout(session: Session, user: User, code: str, *, key: str | None) -> dict[str, Any]:
    """Begin a checkout at Stripe and return its id and URL.

    :param key: the caller's idempotency key, under which Stripe too begins only one.

    Raises ``payments.off``, ``payments.unknown_item``, ``payments.subscribed``, ``payments.unavailable``.
    """
    client = get_client()
    item = get_catalogue().get(code)
    if item is None:
        raise NotFoundError("payments.unknown_item", "There is nothing of this name to buy")
    if item.kind is ItemKind.PLAN and find_subscription(session, user.id) is not None:
        raise ConflictError("payments.subscribed", "There is a subscription already; change it in the portal")
    customer_id = ensure_customer(session, user)
    params: Any = checkout_params(user, item, customer_id, get_settings().public_url)
    options: Any = {"idempotency_key": f"checkout:{user.id}:{key}"} if key else {}
    made = ask(lambda: client.v1.checkout.sessions.create(params, options))
    return {"id": made.id, "url": made.url}


def checkout_params(user: User, item: Item, customer_id: str, public_url: str) -> dict[str, Any]:
    """Return what Stripe is asked for. What the payment will give goes with it and comes back signed."""
    given = {"user_id": str(user.id), "item": item.code, "credits": str(item.credits)}
    paid_once = item.kind is ItemKind.PACK
    return {
        "mode": "payment" if paid_once else "subscription",
        "customer": customer_id,
        "client_reference_id": str(user.id),
        "line_items": [{"price": item.price_id, "quantity": 1}],
        "metadata": given,
        "payment_intent_data" if paid_once else "subscription_data": {"metadata": given},
        "success_url": f"{public_url}/?payment=done",
        "cancel_url": f"{public_url}/?payment=cancelled",
    }


def ensure_customer(session: Session, user: User) -> str:
    """Return who the user is at Stripe, made on the first payment; the same one for many requests at once."""
    found = session.get(PaymentCustomer, user.id)
    if found is not None:
        return found.customer_id
    params: Any = {"email": user.email, "metadata": {"user_id": str(user.id)}}
    options: Any = {"idempotency_key": f"customer:{user.id}"}
    made = ask(lambda: get_client().v1.customers.create(params, options))
    row = insert(PaymentCustomer).values(user_id=user.id, customer_id=made.id)
    session.execute(row.on_conflict_do_nothing())
    return session.get_one(PaymentCustomer, user.id, populate_existing=True).customer_id


def open_portal(session: Session, user: User) -> dict[str, Any]:
    """Return the URL at which a user changes cards and subscription; raise ``payments.no_customer``."""
    client = get_client()
    found = session.get(PaymentCustomer, user.id)
    if found is None:
        raise ConflictError("payments.no_customer", "Nothing was bought yet, so there is nothing to manage")
    params: Any = {"customer": found.customer_id, "return_url": f"{get_settings().public_url}/"}
    return {"url": ask(lambda: client.v1.billing_portal.sessions.create(params)).url}
