"""Putting mail into the table that the engine sends from."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.mail.models import MailMessage


def queue_mail(session: Session, kind: str, address: str, **params: Any) -> None:
    """Add a message to the caller's transaction; the same work whoever the address belongs to, if anybody.

    :param kind: name of a writer in :mod:`api.mail.writers`.
    :param params: small JSON, nothing secret: it stays in the table.
    """
    session.add(MailMessage(kind=kind, address=address, params=params))
