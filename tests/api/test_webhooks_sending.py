"""How webhooks leave: signed, in order, at least once under one id, past receivers that are dead, slow or hostile."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from api.extensions import db
from tests.api.hooking import INSIDE, SUBJECT, Clock, Hooks
from tests.api.others import another_app
from tests.api.receivers import Receiver, receiving
from tests.api.teams import sign_in

ENDS = ["job.succeeded"]


@pytest.fixture(scope="module")
def sending(database_environ: dict[str, str]) -> Iterator[Any]:
    """An installation that may send to loopback."""
    with another_app({**database_environ, **INSIDE}) as one:
        yield one


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hooks(app: Any, sending: Any) -> Iterator[Hooks]:
    with sending.app_context():
        yield Hooks(sending, sign_in(sending.test_client(), "ada@example.com"), Clock())
        db.session.remove()


@pytest.mark.security("S-7")
def test_a_message_says_what_happened_and_its_signature_verifies(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"))
    job_id = hooks.whole_job()
    assert receiver.got == []  # nothing leaves while a request or a worker's report is answered

    hooks.deliver()

    [got] = receiver.at("good")
    told = Verifier(made["secret"]).verify(got.body, got.headers)
    assert (told["type"], told["data"]["job_id"], told["data"]["state"]) == ("job.succeeded", str(job_id), "succeeded")
    assert (told["data"]["seq"], told["data"]["subject"]) == (5, {"render_id": SUBJECT})
    assert got.headers["content-type"] == "application/json"
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    [row] = hooks.log(made)
    assert (row["state"], row["message_id"], row["body"]) == ("delivered", got.id, got.body.decode())
    assert [(one["number"], one["status"], one["error"]) for one in row["attempts"]] == [(1, 204, "")]
    assert row["next_try_at"] is None
