"""What Stripe tells us: each event once, in any order, in one transaction with what it changes.

Where order matters the event is only a reason to ask Stripe how things are now; so late and early ones end the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.payments import subscriptions
from api.payments.gateway import ask, get_client
from api.payments.models import PaymentCustomer, PaymentEvent
from api.payments.money import credit_payment, note_dispute, note_refund
from api.users.models import User

Handler = Callable[[Session, dict[str, Any]], bool]


def receive(session: Session, event: dict[str, Any]) -> str:
    """Apply a verified event once; return ``applied``, ``ignored`` or ``repeated``. The caller commits.

    A second delivery waits for the first one, and does its work when that one fails.
    """
    row = insert(PaymentEvent).values(
        id=event["id"][:255],
        kind=event["type"][:100],
        outcome="applied",
        said_at=datetime.fromtimestamp(event["created"], UTC),
        details={"object": str(event["data"]["object"].get("id", ""))[:255]},
    )
    if session.execute(row.on_conflict_do_nothing().returning(PaymentEvent.id)).first() is None:
        return "repeated"
    handler = HANDLERS.get(event["type"])
    if handler is not None and handler(session, event["data"]["object"]):
        return "applied"
    session.query(PaymentEvent).filter_by(id=event["id"][:255]).update({"outcome": "ignored"})
    return "ignored"


def find_user(session: Session, customer_id: Any, metadata: Any) -> UUID | None:
    """Return whose payment it is: by the customer, else by what we sent along; None for nobody of ours."""
    chosen = select(PaymentCustomer.user_id).where(PaymentCustomer.customer_id == str(customer_id))
    found = session.execute(chosen).scalar()
    if found is not None:
        return found
    try:
        told = UUID(str((metadata or {}).get("user_id")))
    except ValueError:
        return None
    return told if session.get(User, told) is not None else None


def checkout_done(session: Session, checkout: dict[str, Any]) -> bool:
    """Credit a pack once its money is there; a plan is credited by its invoices."""
    metadata = checkout.get("metadata") or {}
    credits = str(metadata.get("credits", ""))
    if checkout.get("mode") != "payment" or checkout.get("payment_status") != "paid" or not is_amount(credits):
        return False
    user_id = find_user(session, checkout.get("customer"), metadata)
    if user_id is None:
        return False
    credit_payment(
        session,
        str(checkout.get("payment_intent") or checkout["id"]),
        user_id,
        credits=int(credits),
        item=str(metadata.get("item", "")),
        amount=int(checkout.get("amount_total") or 0),
        currency=str(checkout.get("currency") or ""),
    )
    return True


def is_amount(text: str) -> bool:
    """Tell whether a text is a number of credits that can be given."""
    return text.isascii() and text.isdigit() and len(text) <= 9


def invoice_paid(session: Session, invoice: dict[str, Any]) -> bool:
    """Credit a period of a plan; what is paid for changing plans within a period gives nothing by itself."""
    item = subscriptions.item_of_invoice(invoice)
    details = subscriptions.details_of(invoice)
    user_id = find_user(session, invoice.get("customer"), details.get("metadata"))
    if user_id is None or item is None or invoice.get("billing_reason") not in subscriptions.PERIOD_REASONS:
        return False
    if details.get("subscription"):
        subscriptions.refresh(session, user_id, str(details["subscription"]))  # asks Stripe, before credits are locked
    credit_payment(
        session,
        str(invoice["id"]),
        user_id,
        credits=item.credits,
        item=item.code,
        amount=int(invoice.get("amount_paid") or 0),
        currency=str(invoice.get("currency") or ""),
    )
    return True


def subscription_changed(session: Session, subscription: dict[str, Any]) -> bool:
    """Bring the user's plan up to the subscription as it is now."""
    user_id = find_user(session, subscription.get("customer"), subscription.get("metadata"))
    if user_id is None:
        return False
    subscriptions.refresh(session, user_id, str(subscription["id"]))
    return True


def charge_refunded(session: Session, charge: dict[str, Any]) -> bool:
    """Take back credits for money that went back."""
    client = get_client()
    now = ask(lambda: client.v1.charges.retrieve(str(charge["id"])))
    user_id = find_user(session, now.customer, now.metadata)
    if user_id is None or not now.payment_intent:
        return False
    note_refund(session, payment_ref(str(now.payment_intent)), user_id, amount=now.amount, refunded=now.amount_refunded)
    return True


def dispute_changed(session: Session, dispute: dict[str, Any]) -> bool:
    """Take back credits while a payment is disputed or lost; give them back when the dispute is won."""
    client = get_client()
    now = ask(lambda: client.v1.disputes.retrieve(str(dispute["id"])))
    charge_id = now.charge if isinstance(now.charge, str) else now.charge.id
    charge = ask(lambda: client.v1.charges.retrieve(charge_id))
    user_id = find_user(session, charge.customer, charge.metadata)
    if user_id is None or not charge.payment_intent:
        return False
    gone = not now.status.startswith("warning_") and now.status not in ("won", "prevented")
    note_dispute(session, payment_ref(str(charge.payment_intent)), user_id, disputed=gone)
    return True


def payment_ref(payment_intent: str) -> str:
    """Name the payment that a payment intent belongs to: its invoice where there is one, else itself."""
    client = get_client()
    params: Any = {"payment": {"type": "payment_intent", "payment_intent": payment_intent}, "limit": 1}
    found = ask(lambda: client.v1.invoice_payments.list(params)).data
    if not found:
        return payment_intent
    invoice = found[0].invoice
    return invoice if isinstance(invoice, str) else str(invoice.id)


HANDLERS: dict[str, Handler] = {
    "checkout.session.completed": checkout_done,
    "checkout.session.async_payment_succeeded": checkout_done,
    "invoice.paid": invoice_paid,
    "customer.subscription.created": subscription_changed,
    "customer.subscription.updated": subscription_changed,
    "customer.subscription.deleted": subscription_changed,
    "charge.refunded": charge_refunded,
    "charge.dispute.created": dispute_changed,
    "charge.dispute.updated": dispute_changed,
    "charge.dispute.closed": dispute_changed,
    "charge.dispute.funds_withdrawn": dispute_changed,
    "charge.dispute.funds_reinstated": dispute_changed,
}
