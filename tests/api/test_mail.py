"""How mail leaves: nothing is lost, nothing waits for a server, what arrives is what was meant."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.config import read_api_settings
from api.control.rounds import build_runner
from api.extensions import db
from api.mail.delivery import Mailer, sweep
from api.mail.letters import Letter, write_message
from api.mail.models import EmailProof, MailMessage, Outcome
from api.mail.queue import queue_mail
from api.mail.settings import MailSettings
from api.mail.transport import SmtpTransport, make_transport
from tasks.errors import PermanentError, TransientError
from tasks.fetching.wall import Wall
from tests.api.certificates import make_server_context
from tests.api.mailbox import PUBLIC_URL, Mailbox, deliver, link_of, mail_environ, smtp_server
from tests.api.others import another_app
from tests.factories.users import UserFactory

ADA = "ada@example.com"
LOOPBACK = ("127.0.0.1", 0)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def mailing(app: Any, database_environ: dict[str, str], box: Mailbox) -> Iterator[Any]:
    """An installation that sends mail."""
    environ = {**database_environ, **mail_environ(box.port), "REELYARD_MAIL_S": "0.05"}
    with another_app(environ) as one, one.app_context():
        yield one
        db.session.remove()


def queue(kind: str = "password_changed", address: str = ADA, **params: Any) -> None:
    queue_mail(db.session(), kind, address, **params)
    db.session.commit()


def only() -> MailMessage:
    db.session.expire_all()
    return db.session.query(MailMessage).one()


def make_due() -> None:
    db.session.query(MailMessage).update({"due_at": datetime.now(UTC)})
    db.session.commit()


def settings_for(port: int, **changed: str) -> MailSettings:
    nowhere = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "REELYARD_ENV": "test",
        "REELYARD_JWT_SECRET": "a" * 32,
        "REELYARD_CALLBACK_SECRET": "b" * 32,
    }
    return read_api_settings({**nowhere, **mail_environ(port), **changed}).mail


def letter(recipient: str = ADA, template: str = "password", **values: Any) -> EmailMessage:
    return write_message(
        Letter(template, "A subject", "/page", "secret-token", values),
        message_id=uuid4(),
        recipient=recipient,
        sender="Reelyard <no-reply@reelyard.example.com>",
        public_url=PUBLIC_URL,
    )


def test_the_engine_sends_what_is_queued(mailing: Any, box: Mailbox) -> None:
    runner = build_runner(mailing)
    runner.start()
    queue()
    last = time.monotonic() + 15
    while not box.messages and time.monotonic() < last:
        time.sleep(0.02)
    runner.ask_to_stop()

    assert runner.join(10)
    assert [message["To"] for message in box.messages] == [ADA]
    assert only().outcome == Outcome.SENT


def test_a_dead_server_loses_nothing_and_slows_no_request(app: Any, database_environ: dict[str, str]) -> None:
    with smtp_server() as gone:
        port = gone.port
    with another_app({**database_environ, **mail_environ(port)}) as one, one.app_context():
        began = time.monotonic()
        answer = one.test_client().post("/api/v1/auth/password/forgot", json={"email": ADA})
        assert (answer.status_code, time.monotonic() - began < 2) == (202, True)
        UserFactory(email=ADA)

        assert deliver() == 0
        waiting = only()
        assert (waiting.outcome, waiting.attempts) == (Outcome.WAITING, 1)
        assert timedelta(seconds=5) < waiting.due_at - datetime.now(UTC) <= timedelta(seconds=10)
        assert deliver() == 0
        assert only().attempts == 1

        make_due()
        with smtp_server() as back:
            mailer = Mailer(SmtpTransport(settings_for(back.port)), sender="a@b.example", public_url=PUBLIC_URL)
            assert mailer.deliver_due(db.session()) == 1
        assert [message["To"] for message in back.messages] == [ADA]
        assert (only().outcome, only().attempts) == (Outcome.SENT, 2)
        db.session.remove()


def test_a_message_taken_later_keeps_its_id_and_has_the_link_that_is_good(mailing: Any, box: Mailbox) -> None:
    UserFactory(email=ADA)
    queue("password_reset")
    box.answer = "451 Come back later"
    deliver()
    ours = only().id
    make_due()
    box.answer = ""
    deliver()

    assert box.messages[0]["Message-ID"] == f"<{ours}@reelyard.example.com>"
    assert db.session.query(EmailProof).count() == 1
    answer = mailing.test_client().post(
        "/api/v1/auth/password/reset", json={"token": box.token(ADA), "password": "another good password"}
    )
    assert answer.status_code == 204


def test_a_mailer_that_dies_after_sending_sends_the_same_message_again(mailing: Any, box: Mailbox) -> None:
    class Dies(SmtpTransport):
        def send(self, message: EmailMessage) -> None:
            super().send(message)
            raise KeyboardInterrupt

    queue()
    mailer = Mailer(Dies(settings_for(box.port)), sender="a@b.example", public_url=PUBLIC_URL)
    with pytest.raises(KeyboardInterrupt):
        mailer.deliver_due(db.session())
    db.session.rollback()
    assert (only().outcome, deliver()) == (Outcome.WAITING, 0)
    make_due()
    deliver()

    first, second = (message["Message-ID"].partition("@")[0] for message in box.messages)
    assert first == second
    assert only().outcome == Outcome.SENT


@pytest.mark.parametrize(
    ("answer", "address", "outcome"),
    [
        ("554 We do not like it", ADA, Outcome.REFUSED),
        ("", "nobody@example.com", Outcome.REFUSED),
        ("451 Busy", ADA, Outcome.WAITING),
    ],
)
def test_what_is_refused_for_good_is_not_tried_again(
    mailing: Any, box: Mailbox, answer: str, address: str, outcome: Outcome
) -> None:
    box.answer = answer
    queue(address=address)
    deliver()

    assert (only().outcome, box.messages) == (outcome, [])


def test_one_bad_address_does_not_hold_up_the_others(mailing: Any, box: Mailbox) -> None:
    for address in ("nobody@example.com", 'a"b@example.com', ADA):
        queue(address=address)

    assert deliver() == 3
    assert [message["To"] for message in box.messages] == [ADA]


def test_two_mailers_send_each_message_once(mailing: Any, box: Mailbox) -> None:
    addresses = [f"user{number}@example.com" for number in range(12)]
    for address in addresses:
        queue(address=address)

    def work() -> None:
        with mailing.app_context():
            deliver()
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(str(message["To"]) for message in box.messages) == sorted(addresses)


def test_starttls_and_login_are_used_and_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, authority = make_server_context(tmp_path)
    secure = {
        "REELYARD_SMTP_SECURITY": "starttls",
        "REELYARD_SMTP_HOST": "localhost",
        "REELYARD_SMTP_USER": "reelyard",
        "REELYARD_SMTP_PASSWORD": "letmein",
    }
    with smtp_server(tls=context, login=True) as box:
        with pytest.raises(TransientError, match=r"mail\.unavailable"):
            SmtpTransport(settings_for(box.port, **secure)).send(letter())  # nobody vouches for its certificate
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        SmtpTransport(settings_for(box.port, **secure)).send(letter())
        wrong = settings_for(box.port, **{**secure, "REELYARD_SMTP_PASSWORD": "wrong"})
        with pytest.raises(TransientError, match="SMTPAuthenticationError"):
            SmtpTransport(wrong).send(letter())

    assert (len(box.messages), box.encrypted) == (1, [True])
    assert box.logins[0] == ("reelyard", "letmein")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_leaves_through_the_wall_where_the_operator_named_the_server(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, authority = make_server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with smtp_server(tls=context, at_once=security == "tls") as box, ExitStack() as stack:
        unnamed = stack.enter_context(running(Wall(LOOPBACK)))
        named = stack.enter_context(running(Wall(LOOPBACK, also=[f"localhost:{box.port}"])))
        secure = {"REELYARD_SMTP_SECURITY": security, "REELYARD_SMTP_HOST": "localhost"}
        with pytest.raises(TransientError, match=r"mail\.unavailable"):
            SmtpTransport(settings_for(box.port, REELYARD_SMTP_PROXY=unnamed, **secure)).send(letter())
        assert box.messages == []
        SmtpTransport(settings_for(box.port, REELYARD_SMTP_PROXY=named, **secure)).send(letter())

    assert [message["To"] for message in box.messages] == [ADA]


@contextmanager
def running(wall: Wall) -> Iterator[str]:
    """Have a wall serve in a thread; return its address."""
    with wall:
        threading.Thread(target=wall.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{wall.server_address[1]}"
        wall.shutdown()


def test_a_server_without_starttls_gets_no_message(box: Mailbox) -> None:
    with pytest.raises(TransientError, match="SMTPNotSupportedError"):
        SmtpTransport(settings_for(box.port, REELYARD_SMTP_SECURITY="starttls")).send(letter())

    assert box.messages == []


def test_a_folder_gets_whole_files(tmp_path: Path) -> None:
    settings = settings_for(1, REELYARD_MAIL="file", REELYARD_MAIL_DIR=str(tmp_path / "mail"))
    message = letter()
    make_transport(settings).send(message)

    [written] = (tmp_path / "mail").iterdir()
    assert written.name == str(message["Message-ID"]).strip("<>").partition("@")[0] + ".eml"
    read = message_from_bytes(written.read_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    assert link_of(read) == (f"{PUBLIC_URL}/page", "secret-token")


def test_the_console_shows_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    make_transport(settings_for(1, REELYARD_MAIL="console")).send(letter())

    shown = capsys.readouterr().err
    assert shown.startswith(f"To: {ADA}\nSubject: A subject\n")
    assert f"{PUBLIC_URL}/page#token=secret-token" in shown


def test_values_are_escaped_in_html_only() -> None:
    hostile = "<b>eve</b>&@example.com"
    message = letter(template="changed", new_email=hostile)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))

    assert plain is not None
    assert html is not None
    assert hostile in plain.get_content()
    assert hostile not in html.get_content()
    assert "&lt;b&gt;eve&lt;/b&gt;&amp;@example.com" in html.get_content()


@pytest.mark.parametrize("recipient", ["a@b.example\r\nBcc: eve@example.com", "a@b.example, eve@example.com", "a"])
def test_an_address_cannot_add_recipients(recipient: str) -> None:
    with pytest.raises(PermanentError, match=r"mail\.refused"):
        letter(recipient)


def test_a_foreign_domain_is_written_as_dns_spells_it() -> None:
    assert letter("ada@bücher.example")["To"] == "ada@xn--bcher-kva.example"


def test_old_messages_and_links_are_swept(mailing: Any) -> None:
    queue()
    queue(address="bob@example.com")
    long_ago = datetime.now(UTC) - timedelta(days=8)
    db.session.query(MailMessage).filter_by(address=ADA).update({"created_at": long_ago})
    db.session.add(EmailProof(purpose="register", email=ADA, expires_at=long_ago))
    db.session.add(EmailProof(purpose="register", email="bob@example.com", expires_at=datetime.now(UTC)))
    db.session.commit()

    assert sweep(db.session()) == 1
    assert [row.address for row in db.session.query(MailMessage)] == ["bob@example.com"]
    assert [row.email for row in db.session.query(EmailProof)] == ["bob@example.com"]
