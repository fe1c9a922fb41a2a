"""A real SMTP server on the loopback, and an application that sends through it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from api.extensions import db, get_settings
from api.mail.delivery import Mailer
from api.mail.transport import make_transport
from tests.api.instances import free_port

LINK = re.compile(r"(https?://\S+)#token=([\w-]+)")
PUBLIC_URL = "https://reelyard.example.com"


@dataclass
class Mailbox:
    """What arrived; ``answer`` is what the server says to a message instead of taking it."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answer: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answer:
            return self.answer
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd calls it so
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def check_login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"letmein", handled=False)

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if message["To"] == address]

    def token(self, address: str) -> str:
        """Return the token of the last letter to an address."""
        return link_of(self.to(address)[-1])[1]


def link_of(message: EmailMessage) -> tuple[str, str]:
    """Return page and token of a letter's link, which its text and its HTML share."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    [found] = LINK.findall(plain.get_content())
    assert f'href="{found[0]}#token={found[1]}"' in html.get_content()
    return found


@contextmanager
def smtp_server(*, tls: ssl.SSLContext | None = None, login: bool = False, at_once: bool = False) -> Iterator[Mailbox]:
    """Run a server in a thread; ``at_once`` has TLS begin with the connection, not by STARTTLS."""
    box = Mailbox(port=free_port())
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ssl_context=tls if at_once else None,
        tls_context=None if at_once else tls,
        require_starttls=tls is not None and not at_once,
        auth_required=login,
        auth_require_tls=tls is not None,
        authenticator=box.check_login,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def mail_environ(port: int) -> dict[str, str]:
    """Return the settings that send to a server on this machine."""
    return {
        "REELYARD_MAIL": "smtp",
        "REELYARD_MAIL_FROM": "Reelyard <no-reply@reelyard.example.com>",
        "REELYARD_SMTP_PORT": str(port),
        "REELYARD_SMTP_SECURITY": "none",
        "REELYARD_PUBLIC_URL": PUBLIC_URL,
    }


def deliver() -> int:
    """Send what is due, as the engine does."""
    settings = get_settings()
    mailer = Mailer(make_transport(settings.mail), sender=settings.mail.sender, public_url=settings.public_url)
    return mailer.deliver_due(db.session())
