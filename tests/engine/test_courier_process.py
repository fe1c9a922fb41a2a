"""An engine that is killed while it sends: another one sends the same message again, soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.webhooks.line import NOTE_S, TURN_S, held_for
from tests.api.hooking import Clock, Hooks
from tests.api.others import another_app
from tests.api.receivers import Receiver, receiving
from tests.api.teams import sign_in
from tests.engine.test_process import EngineProcess

TIMEOUT_S = 3.0
SENDING = {"REELYARD_WEBHOOK_INSIDE": "true", "REELYARD_WEBHOOK_TIMEOUT_S": str(TIMEOUT_S), "REELYARD_WEBHOOK_S": "0.2"}


@pytest.fixture
def hooks(app: Any, database_environ: dict[str, str]) -> Iterator[Hooks]:
    with another_app({**database_environ, **SENDING}) as sending, sending.app_context():
        yield Hooks(sending, sign_in(sending.test_client(), "ada@example.com"), Clock())


def wait_until(receiver: Receiver, path: str, count: int, *, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while len(receiver.at(path)) < count:
        assert time.monotonic() < deadline, f"{len(receiver.at(path))} of {count} messages came"
        time.sleep(0.05)


def test_what_an_engine_was_sending_when_it_was_killed_comes_again_as_soon_as_no_answer_can_come(
    hooks: Hooks, database_environ: dict[str, str], tmp_path: Path
) -> None:
    with receiving() as receiver:
        made = hooks.make(receiver.url("silent"), "job.succeeded")
        engine = EngineProcess({**database_environ, **SENDING}, tmp_path / "engine.log")
        try:
            hooks.whole_job()
            wait_until(receiver, "silent", 1, timeout_s=60)
            held_until = hooks.row(made).held_until
            engine.kill_and_restart()
            wait_until(receiver, "silent", 2, timeout_s=60)
        finally:
            engine.stop()

    first, again = receiver.at("silent")[:2]
    assert first.id == again.id
    assert first.body == again.body
    assert held_until is not None and again.at >= held_until.timestamp() - 0.5  # not while an answer might come
    assert again.at - first.at >= TIMEOUT_S
    assert held_until.timestamp() - first.at <= held_for(TIMEOUT_S).total_seconds() == TURN_S + TIMEOUT_S + NOTE_S
