"""Accounts whose addresses are proven by mail: over HTTP, through a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event

from api.auth.models import AuthSession
from api.extensions import db
from api.mail.models import EmailProof, MailMessage
from api.tokens.models import ApiToken
from api.users.models import User
from tests.api.instances import bearer
from tests.api.mailbox import PUBLIC_URL, Mailbox, deliver, link_of, mail_environ, smtp_server
from tests.api.others import another_app
from tests.apps import PASSWORD
from tests.factories.users import UserFactory

ADA, BOB = "ada@example.com", "bob@example.com"
NEW = "another good password"


@pytest.fixture(scope="module")
def shared_box() -> Iterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def box(shared_box: Mailbox) -> Mailbox:
    """A mailbox with nothing in it."""
    shared_box.messages.clear()
    shared_box.answer = ""
    return shared_box


@pytest.fixture(scope="module")
def mailing_app(database_environ: dict[str, str], application: Any, shared_box: Mailbox) -> Iterator[Any]:
    with another_app({**database_environ, **mail_environ(shared_box.port), "REELYARD_AUTH_RATE": "9999/minute"}) as one:
        yield one


@pytest.fixture
def mailing(app: Any, mailing_app: Any, box: Mailbox) -> Iterator[Any]:
    """A client of an installation that sends mail."""
    with mailing_app.app_context():
        yield mailing_app.test_client()
        db.session.remove()


def ask(client: Any, path: str, access: str | None = None, /, **body: Any) -> Any:
    return client.post(f"/api/v1/auth/{path}", json=body, headers=bearer(access) if access else {})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def open_account(client: Any, box: Mailbox, email: str = ADA) -> dict[str, Any]:
    """Register, follow the link, return the tokens."""
    assert ask(client, "register", email=email, password=PASSWORD).status_code == 202
    deliver()
    answer = ask(client, "register/verify", token=box.token(email), password=PASSWORD)
    assert answer.status_code == 200, answer.get_json()
    tokens: dict[str, Any] = answer.get_json()
    return tokens


def test_an_account_exists_once_its_address_is_proven(mailing: Any, box: Mailbox) -> None:
    answer = ask(mailing, "register", email=" Ada@Example.com", password=PASSWORD)

    assert answer.status_code == 202
    assert code_of(ask(mailing, "login", email=ADA, password=PASSWORD)) == (401, "auth.bad_credentials")
    assert (deliver(), db.session.query(User).count()) == (1, 0)
    [letter] = box.to(ADA)
    page, token = link_of(letter)
    assert page == f"{PUBLIC_URL}/verify-email"
    assert letter["From"] == "Reelyard <no-reply@reelyard.example.com>"

    proven = ask(mailing, "register/verify", token=token, password=PASSWORD)

    assert proven.status_code == 200, proven.get_json()
    me = mailing.get("/api/v1/auth/me", headers=bearer(proven.get_json()["access_token"])).get_json()
    assert (me["email"], me["role"], me["plan"]) == (ADA, "user", "free")
    assert ask(mailing, "login", email=ADA, password=PASSWORD).status_code == 200
    assert code_of(ask(mailing, "register/verify", token=token, password=PASSWORD)) == (422, "auth.link_invalid")


def test_links_begin_with_the_configured_url_whatever_the_host_header_says(mailing: Any, box: Mailbox) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    UserFactory(email=BOB)
    mailing.post("/api/v1/auth/register", json={"email": ADA, "password": PASSWORD}, headers=evil)
    mailing.post("/api/v1/auth/password/forgot", json={"email": BOB}, headers=evil)
    deliver()

    assert [link_of(letter)[0] for letter in box.messages] == [
        f"{PUBLIC_URL}/verify-email",
        f"{PUBLIC_URL}/reset-password",
    ]
    assert "evil" not in "".join(letter.as_string() for letter in box.messages)


@pytest.mark.security("S-15")
def test_no_secret_of_a_link_lies_in_the_database(mailing: Any, box: Mailbox) -> None:
    ask(mailing, "register", email=ADA, password=PASSWORD)
    deliver()

    token = box.token(ADA)
    rows = [str(vars(row)) for table in (MailMessage, EmailProof) for row in db.session.query(table)]
    assert len(rows) == 2
    assert not [row for row in rows if token in row or PASSWORD in row]


@pytest.mark.parametrize("path", ["register", "register/resend", "password/forgot"])
def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(mailing: Any, path: str) -> None:
    """The work is compared by its SQL statements, which no slow machine can blur."""
    UserFactory(email=ADA)
    db.session.commit()
    body = {"password": PASSWORD} if path == "register" else {}
    seen: list[list[str]] = []

    def note(*given: Any) -> None:
        seen[-1].append(given[2])

    answers = []
    for email in (ADA, BOB):
        seen.append([])
        event.listen(db.engine, "before_cursor_execute", note)
        answers.append(ask(mailing, path, email=email, **body))
        event.remove(db.engine, "before_cursor_execute", note)

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].get_json() == answers[1].get_json()
    assert list(answers[0].headers.keys()) == list(answers[1].headers.keys())
    assert seen[0] == seen[1] != []
    assert not [statement for statement in seen[0] if '"user"' in statement]


def test_an_address_with_an_account_is_told_so_by_mail_only(mailing: Any, box: Mailbox) -> None:
    open_account(mailing, box)
    box.messages.clear()

    ask(mailing, "register", email=ADA, password="the password of a thief")
    deliver()

    assert [letter["Subject"] for letter in box.messages] == ["You have an account already"]
    assert ask(mailing, "login", email=ADA, password=PASSWORD).status_code == 200
    assert db.session.query(EmailProof).count() == 0


def test_unknown_addresses_get_no_letter(mailing: Any, box: Mailbox) -> None:
    ask(mailing, "password/forgot", email=BOB)
    ask(mailing, "register/resend", email=BOB)

    assert deliver() == 2
    assert box.messages == []


@pytest.mark.security("S-9")
def test_a_thief_who_registers_first_does_not_get_the_owners_account(mailing: Any, box: Mailbox) -> None:
    thieves = "the password of a thief"
    ask(mailing, "register", email=ADA, password=thieves)
    ask(mailing, "register", email=ADA, password=PASSWORD)
    deliver()
    first, second = (link_of(letter)[1] for letter in box.to(ADA))

    assert code_of(ask(mailing, "register/verify", token=first, password=PASSWORD)) == (422, "auth.link_invalid")
    assert ask(mailing, "register/verify", token=second, password=PASSWORD).status_code == 200

    assert code_of(ask(mailing, "register/verify", token=first, password=thieves)) == (422, "auth.link_invalid")
    assert code_of(ask(mailing, "login", email=ADA, password=thieves)) == (401, "auth.bad_credentials")


@pytest.mark.security("S-9")
def test_an_unproven_account_gives_way_to_who_proves_the_address(mailing: Any, box: Mailbox) -> None:
    squatter = UserFactory(email=ADA, email_verified_at=None, password="the password of a thief")
    db.session.add(AuthSession(user_id=squatter.id, refresh_jti="x"))
    db.session.add(ApiToken(user_id=squatter.id, name="t", prefix="p", token_sha256="s", scopes=["read"]))
    db.session.commit()
    refused = ask(mailing, "login", email=ADA, password="the password of a thief")
    assert code_of(refused) == (403, "auth.unverified")

    open_account(mailing, box)

    assert code_of(ask(mailing, "login", email=ADA, password="the password of a thief"))[0] == 401
    assert ask(mailing, "login", email=ADA, password=PASSWORD).status_code == 200
    assert db.session.query(ApiToken).one().revoked_at is not None
    assert db.session.query(AuthSession).filter_by(refresh_jti="x").one().revoked_at is not None


def test_an_account_from_before_mail_is_proven_with_its_own_password(mailing: Any, box: Mailbox) -> None:
    UserFactory(email=ADA, email_verified_at=None)
    ask(mailing, "register/resend", email=ADA)
    deliver()

    assert ask(mailing, "register/verify", token=box.token(ADA), password=PASSWORD).status_code == 200
    assert ask(mailing, "login", email=ADA, password=PASSWORD).status_code == 200


def test_a_lost_link_is_sent_again_and_the_old_one_is_dead(mailing: Any, box: Mailbox) -> None:
    ask(mailing, "register", email=ADA, password=PASSWORD)
    deliver()
    ask(mailing, "register/resend", email=ADA)
    deliver()
    first, second = (link_of(letter)[1] for letter in box.to(ADA))

    assert code_of(ask(mailing, "register/verify", token=first, password=PASSWORD)) == (422, "auth.link_invalid")
    assert ask(mailing, "register/verify", token=second, password=PASSWORD).status_code == 200


@pytest.mark.parametrize(("path", "hours"), [("register", 24), ("password/forgot", 1)])
def test_a_link_is_good_for_its_time(mailing: Any, box: Mailbox, path: str, hours: int) -> None:
    body = {"password": PASSWORD} if path == "register" else {}
    if not body:
        UserFactory(email=ADA)
    ask(mailing, path, email=ADA, **body)
    deliver()
    proof = db.session.query(EmailProof).one()
    left_s = (proof.expires_at - datetime.now(UTC)).total_seconds()
    assert hours * 3600 - 60 < left_s <= hours * 3600
    proof.expires_at = datetime.now(UTC)
    db.session.commit()

    where = "register/verify" if body else "password/reset"
    assert code_of(ask(mailing, where, token=box.token(ADA), password=PASSWORD)) == (422, "auth.link_invalid")


def test_a_forgotten_password_is_set_anew_and_every_session_ends(mailing: Any, box: Mailbox) -> None:
    tokens = open_account(mailing, box)
    ask(mailing, "password/forgot", email=ADA)
    deliver()
    token = box.token(ADA)

    assert code_of(ask(mailing, "password/reset", token=token, password="short")) == (422, "user.password_weak")
    assert ask(mailing, "password/reset", token=token, password=NEW).status_code == 204

    me = mailing.get("/api/v1/auth/me", headers=bearer(tokens["access_token"]))
    assert code_of(me) == (401, "auth.revoked_token")
    assert code_of(ask(mailing, "refresh", tokens["refresh_token"]))[0] == 401
    assert code_of(ask(mailing, "login", email=ADA, password=PASSWORD))[0] == 401
    assert ask(mailing, "login", email=ADA, password=NEW).status_code == 200
    assert code_of(ask(mailing, "password/reset", token=token, password=NEW)) == (422, "auth.link_invalid")
    deliver()
    assert box.to(ADA)[-1]["Subject"] == "Your password was changed"


def test_a_banned_account_gets_no_new_password(mailing: Any, box: Mailbox) -> None:
    UserFactory(email=ADA)
    ask(mailing, "password/forgot", email=ADA)
    deliver()
    db.session.query(User).update({"enabled": False})
    db.session.commit()

    assert code_of(ask(mailing, "password/reset", token=box.token(ADA), password=NEW))[0] == 422
    ask(mailing, "password/forgot", email=ADA)
    deliver()
    assert len(box.to(ADA)) == 1


def test_an_address_moves_once_the_new_one_is_proven(mailing: Any, box: Mailbox) -> None:
    tokens = open_account(mailing, box)
    access = tokens["access_token"]
    ask(mailing, "password/forgot", email=ADA)
    deliver()
    reset = box.token(ADA)

    wrong = ask(mailing, "email", access, email=BOB, password="not the password")
    assert code_of(wrong) == (403, "auth.wrong_password")
    assert ask(mailing, "email", access, email=BOB, password=PASSWORD).status_code == 202
    deliver()
    assert ask(mailing, "login", email=ADA, password=PASSWORD).status_code == 200
    assert ask(mailing, "email/confirm", token=box.token(BOB)).status_code == 204

    deliver()
    assert box.to(ADA)[-1]["Subject"] == "Your address was changed"
    assert ask(mailing, "login", email=BOB, password=PASSWORD).status_code == 200
    assert code_of(ask(mailing, "login", email=ADA, password=PASSWORD))[0] == 401
    assert code_of(ask(mailing, "password/reset", token=reset, password=NEW)) == (422, "auth.link_invalid")
    assert code_of(ask(mailing, "email/confirm", token=box.token(BOB))) == (422, "auth.link_invalid")


def test_a_taken_address_is_told_by_mail_only(mailing: Any, box: Mailbox) -> None:
    tokens = open_account(mailing, box)
    UserFactory(email=BOB)

    assert ask(mailing, "email", tokens["access_token"], email=BOB, password=PASSWORD).status_code == 202
    deliver()

    assert [letter["Subject"] for letter in box.to(BOB)] == ["The address has an account already"]
    assert db.session.query(EmailProof).count() == 0


def test_a_new_password_kills_a_change_of_address_that_is_under_way(mailing: Any, box: Mailbox) -> None:
    tokens = open_account(mailing, box)
    ask(mailing, "email", tokens["access_token"], email=BOB, password=PASSWORD)
    fresh = ask(mailing, "password", tokens["access_token"], current_password=PASSWORD, password=NEW).get_json()
    deliver()
    assert box.to(BOB) == []

    ask(mailing, "email", fresh["access_token"], email=BOB, password=NEW)
    deliver()
    late = box.token(BOB)
    ask(mailing, "password", fresh["access_token"], current_password=NEW, password=PASSWORD)

    assert code_of(ask(mailing, "email/confirm", token=late)) == (422, "auth.link_invalid")


def test_an_address_gets_few_letters_in_an_hour(mailing: Any, box: Mailbox) -> None:
    UserFactory(email=ADA)
    for _ in range(8):
        assert ask(mailing, "password/forgot", email=ADA).status_code == 202
    deliver()

    assert len(box.to(ADA)) == 5


@pytest.mark.parametrize("path", ["register/resend", "password/forgot"])
def test_without_mail_nothing_is_promised(client: Any, path: str) -> None:
    assert code_of(ask(client, path, email=ADA)) == (409, "mail.off")
    assert db.session.query(MailMessage).count() == 0
