"""Sending what is queued: any number of mailers may run, each takes messages that no other one holds.

A message is held for a while before it is sent and marked afterwards. A mailer that dies in between sends it again
later, under the same Message-ID.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.mail.letters import write_message
from api.mail.models import EmailProof, MailMessage, Outcome
from api.mail.transport import Transport
from api.mail.writers import PER_HOUR, WRITERS
from tasks.errors import PermanentError, TransientError

logger = logging.getLogger(__name__)

HELD_FOR = timedelta(minutes=5)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
GIVEN_UP_AFTER, KEPT_FOR = timedelta(days=3), timedelta(days=7)
BATCH = 20


class Mailer:
    """Sends through one transport.

    :param public_url: what every link begins with.
    """

    def __init__(self, transport: Transport, *, sender: str, public_url: str) -> None:
        self._transport = transport
        self._sender = sender
        self._public_url = public_url

    def deliver_due(self, session: Session) -> int:
        """Handle due messages until none is left, a batch is full or the server is away; return how many."""
        for handled in range(BATCH):
            message = hold_next(session)
            if message is None:
                return handled
            if not self._deliver(session, message):
                return handled
        return BATCH

    def _deliver(self, session: Session, message: MailMessage) -> bool:
        try:
            finished = self._write(session, message)
            if finished is None:
                return close(session, message, Outcome.DROPPED)
            session.commit()  # the link works before the letter is out
            self._transport.send(finished)
        except PermanentError as error:
            logger.warning("mail refused", extra={"kind": message.kind, "reason": error.detail})
            return close(session, message, Outcome.REFUSED)
        except TransientError as error:
            put_off(session, message, error)
            return False
        return close(session, message, Outcome.SENT)

    def _write(self, session: Session, message: MailMessage) -> EmailMessage | None:
        writer = WRITERS.get(message.kind)
        if writer is None or is_too_much(session, message):
            logger.info("mail dropped", extra={"kind": message.kind})
            return None
        letter = writer(session, message)
        if letter is None:
            return None
        return write_message(
            letter,
            message_id=message.id,
            recipient=message.address,
            sender=self._sender,
            public_url=self._public_url,
        )


def hold_next(session: Session) -> MailMessage | None:
    """Take the message that is due first, and commit that others keep off it for a while, whatever becomes of us."""
    due = (MailMessage.outcome == Outcome.WAITING.value, MailMessage.due_at <= func.now())
    first = select(MailMessage).where(*due).order_by(MailMessage.due_at).limit(1)
    message: MailMessage | None = session.scalar(first.with_for_update(skip_locked=True))
    if message is None:
        session.rollback()
        return None
    message.attempts += 1
    message.due_at = datetime.now(UTC) + HELD_FOR
    session.commit()
    return message


def is_too_much(session: Session, message: MailMessage) -> bool:
    """Tell whether the address got its share of such letters within the hour."""
    if message.kind not in PER_HOUR:
        return False
    recent = MailMessage.sent_at > datetime.now(UTC) - timedelta(hours=1)
    same = (MailMessage.address == message.address, MailMessage.kind == message.kind)
    count = session.scalar(select(func.count()).select_from(MailMessage).where(*same, recent)) or 0
    return count >= PER_HOUR[message.kind]


def close(session: Session, message: MailMessage, outcome: Outcome) -> bool:
    """Write what became of a message and commit; True, so that the next one is tried."""
    message.outcome = outcome.value
    if outcome is Outcome.SENT:
        message.sent_at = datetime.now(UTC)
    session.commit()
    return True


def put_off(session: Session, message: MailMessage, error: TransientError) -> None:
    """Try again later, in doubling pauses; after days no more."""
    logger.warning("mail put off", extra={"kind": message.kind, "attempts": message.attempts, "reason": error.detail})
    now = datetime.now(UTC)
    if now - message.created_at > GIVEN_UP_AFTER:
        close(session, message, Outcome.GIVEN_UP)
        return
    message.due_at = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(message.attempts - 1, 10))
    session.commit()


def sweep(session: Session) -> int:
    """Remove messages of last week and links whose time is over; return how many messages."""
    now = datetime.now(UTC)
    gone = session.execute(delete(MailMessage).where(MailMessage.created_at < now - KEPT_FOR))
    session.execute(delete(EmailProof).where(EmailProof.expires_at < now - timedelta(days=1)))
    session.commit()
    return int(gone.rowcount)  # type: ignore[attr-defined]
