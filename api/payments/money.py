"""What payments give and what is taken back of it: always brought to what is true of the payment now."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.credits.ledger import Kind
from api.credits.service import grant, take_back
from api.payments.models import Payment
from api.users.models import User


def credit_payment(
    session: Session, ref: str, user_id: UUID, *, credits: int, item: str, amount: int, currency: str
) -> None:
    """Give what was paid for, once for each payment, however often and by whatever event it is told."""
    payment = lock_payment(session, ref, user_id)
    if payment.item:
        return
    payment.item, payment.credits, payment.amount, payment.currency = (
        item[:40] or "unknown",
        credits,
        amount,
        currency[:3],
    )
    if credits and is_user(session, user_id):
        kind = Kind.SUBSCRIPTION if item.startswith("plan.") else Kind.PURCHASE
        grant(session, user_id, credits, ref=f"stripe:{ref}", kind=kind, details={"item": item, "payment": ref})
    settle(session, payment)


def note_refund(session: Session, ref: str, user_id: UUID, *, amount: int, refunded: int) -> None:
    """Remember how much of a payment's money went back, and take back as many of its credits."""
    payment = lock_payment(session, ref, user_id)
    payment.amount, payment.refunded = payment.amount or amount, max(payment.refunded, refunded)
    settle(session, payment)


def note_dispute(session: Session, ref: str, user_id: UUID, *, disputed: bool) -> None:
    """Remember whether a payment's money is gone by a dispute, and take its credits back or give them again."""
    payment = lock_payment(session, ref, user_id)
    payment.disputed = disputed
    settle(session, payment)


def settle(session: Session, payment: Payment) -> None:
    """Bring the credits that were taken back to those that should be."""
    session.flush()
    change = owed(payment) - payment.taken
    if not change or not is_user(session, payment.user_id):
        return
    payment.moves += 1
    ref = f"stripe:{payment.ref}:{payment.moves}"
    told = {
        "payment": payment.ref,
        "refunded": payment.refunded,
        "amount": payment.amount,
        "disputed": payment.disputed,
    }
    if change > 0:
        take_back(session, payment.user_id, change, ref=ref, details=told)
    else:
        grant(session, payment.user_id, -change, ref=ref, details=told)
    payment.taken += change
    session.flush()


def owed(payment: Payment) -> int:
    """Return how many credits of a payment its user may not keep: all that is disputed, else the share refunded."""
    if payment.disputed:
        return payment.credits
    if payment.amount <= 0:
        return 0
    return payment.credits * min(payment.refunded, payment.amount) // payment.amount


def lock_payment(session: Session, ref: str, user_id: UUID) -> Payment:
    """Return the row of a payment, locked; made by whichever event of it comes first."""
    row = insert(Payment).values(
        ref=ref,
        user_id=user_id,
        item="",
        credits=0,
        amount=0,
        refunded=0,
        currency="",
        disputed=False,
        taken=0,
        moves=0,
    )
    session.execute(row.on_conflict_do_nothing())
    chosen = select(Payment).where(Payment.ref == ref).with_for_update()
    return session.scalars(chosen.execution_options(populate_existing=True)).one()


def is_user(session: Session, user_id: UUID) -> bool:
    """Tell whether the user is still there."""
    return session.get(User, user_id) is not None
