"""Ways for a finished message to leave: SMTP, a folder, the console."""

from __future__ import annotations

import smtplib
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Protocol

import httpcore

from api.mail.settings import MailSettings
from tasks.errors import PermanentError, TransientError
from tasks.failpoints import failpoint
from tasks.fetching.egress import connect_through

TIMEOUT_S = 15


class Transport(Protocol):
    """Takes one message for its recipient."""

    def send(self, message: EmailMessage) -> None:
        """Hand the message over.

        Raises ``mail.refused`` (PermanentError) when it never will be taken, ``mail.unavailable`` (TransientError)
        when it may be later.
        """


class SmtpTransport:
    """A mail server, spoken to in one connection a message."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def send(self, message: EmailMessage) -> None:
        """Hand the message to the server; see :class:`Transport`."""
        try:
            with self._connected() as server:
                failpoint("before_mail")
                server.send_message(message)
                failpoint("after_mail")
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise refusal(max(codes), error) from error
        except smtplib.SMTPNotSupportedError as error:  # an address with foreign letters, or no STARTTLS
            raise refusal(500 if "UTF8" in str(error) else 400, error) from error
        except smtplib.SMTPResponseException as error:
            is_login = isinstance(error, smtplib.SMTPAuthenticationError)  # ours to put right, not the message's fault
            raise refusal(400 if is_login else error.smtp_code, error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise refusal(400, error) from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        settings, context = self._settings, ssl.create_default_context()
        with Server(settings, context) as server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, settings.password)
            yield server


class Server(smtplib.SMTP):
    """The server's end, reached through a proxy where the settings name one; the certificate is the server's own."""

    def __init__(self, settings: MailSettings, context: ssl.SSLContext) -> None:
        self._settings, self._context = settings, context
        super().__init__(settings.host, settings.port, timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # where smtplib connects, too
        plain = self._reach(host, port, timeout)
        if self._settings.security != "tls":
            return plain
        try:
            return self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _reach(self, host: str, port: int, timeout: float) -> socket.socket:
        if not self._settings.proxy:
            return socket.create_connection((host, port), timeout)
        try:
            stream = connect_through(self._settings.proxy, host, port, timeout)
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            raise ConnectionError(str(error)) from error
        found: socket.socket = stream.get_extra_info("socket")
        found.settimeout(timeout)
        return found


def refusal(status: int, error: Exception) -> PermanentError | TransientError:
    """Return the error for an SMTP status, without the server's words, which may repeat the message."""
    reason = f"{type(error).__name__} {status}"
    if status >= 500:
        return PermanentError("mail.refused", f"The mail server refuses the message: {reason}")
    return TransientError("mail.unavailable", f"The mail server cannot take the message now: {reason}")


class FileTransport:
    """A folder that gets one ``.eml`` file a message, whole or not at all; for development."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        """Write the message under its id."""
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished = self._folder / f".{name}"
            unfinished.write_bytes(message.as_bytes(policy=WIRE))
            unfinished.rename(self._folder / f"{name}.eml")
        except OSError as error:
            raise TransientError("mail.unavailable", "The folder for mail cannot be written") from error


class ConsoleTransport:
    """Standard error, for development."""

    def send(self, message: EmailMessage) -> None:
        """Print the message's plain text."""
        plain = message.get_body(("plain",))
        text = plain.get_content() if plain else ""
        sys.stderr.write(f"To: {message['To']}\nSubject: {message['Subject']}\n\n{text}\n")


def make_transport(settings: MailSettings) -> Transport:
    """Return the transport that the settings name; they must not be off."""
    if settings.kind == "smtp":
        return SmtpTransport(settings)
    if settings.kind == "file":
        return FileTransport(Path(settings.folder))
    return ConsoleTransport()
