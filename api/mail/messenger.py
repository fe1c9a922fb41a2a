"""Bringing invitations to people by mail."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.mail.queue import queue_mail
from api.organisations.models import Invitation


class MailMessenger:
    """Queues a letter for each invitation; its link is made when the letter is written."""

    def bring(self, session: Session, invitation: Invitation) -> bool:
        """Add the letter to the caller's transaction."""
        queue_mail(session, "invitation", invitation.email, invitation_id=str(invitation.id))
        return True
