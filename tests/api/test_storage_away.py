"""A storage that is gone, or takes calls and never answers: typed refusals in time, and all is well once it is back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.api.farm import CLIP, Caller, announce, send
from tests.api.others import another_app

LONGEST_S = 30.0
"""No request waits longer for a storage: transactions that are open so long are ended by the database at 60 s."""


@pytest.fixture(params=["gone", "silent"])
def broken_app(request: pytest.FixtureRequest, database_environ: dict[str, str]) -> Iterator[Any]:
    """The installation with its storage at a port where nobody listens, or where somebody does and says nothing."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        if request.param == "silent":
            listener.listen(64)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with another_app({**database_environ, "S3_ENDPOINT_URL": url}) as broken:
            yield broken


def test_what_needs_the_storage_is_refused_for_now_and_done_once_it_is_back(user: Caller, broken_app: Any) -> None:
    ticket = announce(user, CLIP)
    send(ticket, CLIP)
    broken = Caller(broken_app.test_client(), user.token, user.id)

    began = time.monotonic()
    answer = broken.call("POST", f"/uploads/{ticket['id']}/complete")
    took_s = time.monotonic() - began

    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage.unavailable")
    assert answer.headers["Retry-After"] == "2"
    assert took_s < LONGEST_S
    assert announce(broken, CLIP)["state"] == "pending"  # needs rows and a signature alone
    assert broken.get("/assets")["items"]
    user.post(f"/uploads/{ticket['id']}/complete", expect=202)


def test_readiness_names_the_storage(user: Caller, broken_app: Any) -> None:
    began = time.monotonic()
    answer = broken_app.test_client().get("/readyz")

    assert answer.status_code == 503
    told = answer.get_json()
    assert (told["status"], told["parts"]["storage"]["status"]) == ("unready", "down")
    assert told["parts"]["database"]["status"] == "ok"
    assert time.monotonic() - began < LONGEST_S
