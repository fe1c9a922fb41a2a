"""What letters say: plain text and HTML from templates, links from the configured public URL only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tasks.errors import PermanentError

TEMPLATES = Path(__file__).parent / "templates" / "mail"
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Letter:
    """A letter by the name of its template, with what the template shows.

    :param path: page of ours that the link opens; the token goes into the fragment, which no server logs.
    """

    template: str
    subject: str
    path: str = ""
    token: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def link_to(public_url: str, letter: Letter) -> str:
    """Return the link that a letter shows."""
    fragment = f"#token={letter.token}" if letter.token else ""
    return f"{public_url}{letter.path}{fragment}"


def write_message(letter: Letter, *, message_id: UUID, recipient: str, sender: str, public_url: str) -> EmailMessage:
    """Return the finished message; the same id for every attempt lets receivers drop repeats.

    Raises ``mail.refused`` (PermanentError) for a recipient that mail cannot name.
    """
    shown = {**letter.values, "subject": letter.subject, "link": link_to(public_url, letter), "site": public_url}
    name, address = parseaddr(sender)
    message = EmailMessage()
    message["From"] = Address(name, addr_spec=address)
    message["To"] = parse_recipient(recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_environment.get_template(f"{letter.template}.txt").render(shown))
    message.add_alternative(_environment.get_template(f"{letter.template}.html").render(shown), subtype="html")
    return message


def parse_recipient(recipient: str) -> Address:
    """Return the address as mail writes it: foreign letters in the domain as DNS spells them."""
    local, _, domain = recipient.rpartition("@")
    try:
        return Address(addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, MessageError) as error:
        raise PermanentError("mail.refused", "Mail cannot name this address") from error
