"""A cancelled render costs the frames that were done and no more, once, and a retry does not pay for them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from api.credits.ledger import find_imbalances
from api.extensions import db, get_storage
from tasks.contracts import Progress
from tasks.contracts.step import Heartbeat
from tasks.names import CallbackPath
from tests.api.farm import Caller, Farm, ingest, receipt_of, sha256_of
from tests.api.test_chunks import done, order, steps_of
from tests.api.test_credits_jobs import balance
from tests.api.test_renders import finish

PRICE = 10
"""Credits for ten seconds of a picture of 1080 by 1920, at the prices of these tests."""


@pytest.fixture(autouse=True)
def dear(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a render cost a credit a second; whatever a test did, the book adds up after it."""
    changed = replace(app.extensions["settings"], prices="render.1080p=60", retry_backoff_s=0.0)
    monkeypatch.setitem(app.extensions, "settings", changed)
    yield
    db.session.rollback()
    assert find_imbalances(db.session()) == []


@pytest.fixture
def in_pieces(app: Any, dear: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut a video of 10 s into pieces of 3, 3 and 4 s."""
    changed = replace(app.extensions["settings"], chunk_s=3.0, chunk_from_s=6.0)
    monkeypatch.setitem(app.extensions, "settings", changed)


def tell(farm: Farm, claim: dict[str, Any], done: int, total: int, *, stage: str = "frames") -> None:
    """Report progress as a worker's heartbeat does."""
    progress = Progress(0.5, stage, done, total, "frames")
    beat = Heartbeat(claim["job_id"], claim["step_id"], claim["token"], progress)
    answer = farm.post(CallbackPath.HEARTBEAT.format(step_id=claim["step_id"]), beat.to_json())
    assert answer.status_code == 200, answer.get_json()


def join(farm: Farm, render: dict[str, Any]) -> None:
    """Have a worker put the pieces together."""
    claim = farm.claim(render["job_id"], "join")
    key, data = f"{claim['output_prefix']}video.mp4", b"joined video"
    get_storage().put_bytes(key, data, content_type="video/mp4")
    result = {"object_key": key, "size_bytes": len(data), "sha256": sha256_of(data), "receipt": receipt_of()}
    assert farm.report(claim, result=result).status_code == 200


def cancel(user: Caller, render: dict[str, Any]) -> None:
    for _ in range(2):
        user.post(f"/renders/{render['id']}/cancel", expect=202)


def lines(user: Caller, render: dict[str, Any]) -> list[tuple[str, int, bool | None]]:
    items = user.get(f"/credits/history?job_id={render['job_id']}")["items"]
    return [(item["kind"], item["amount"], item["success"]) for item in reversed(items)]


@pytest.mark.parametrize(
    ("stage", "frames", "charged"),
    [
        ("download", 299, 0),
        ("frames", 0, 0),
        ("frames", 29, 0),
        ("frames", 30, 1),
        ("frames", 119, 3),
        ("upload", 1, 10),
    ],
)
def test_frames_that_were_done_are_charged_rounded_down_and_the_rest_comes_back(
    user: Caller, farm: Farm, stage: str, frames: int, charged: int
) -> None:
    render = order(user, ingest(user, farm))
    before, held = balance(user)
    assert held == PRICE
    tell(farm, farm.claim(render["job_id"], "render"), frames, 300, stage=stage)

    cancel(user, render)

    assert balance(user) == (before + PRICE - charged, 0)
    end = ("commit", PRICE - charged, False) if charged else ("refund", PRICE, False)
    assert lines(user, render) == [("reserve", -PRICE, None), end]


def test_a_render_that_never_began_gives_all_back(user: Caller, farm: Farm) -> None:
    render = order(user, ingest(user, farm))
    before, _ = balance(user)

    cancel(user, render)

    assert balance(user) == (before + PRICE, 0)


def test_frames_that_are_lost_are_paid_anew_by_a_retry(user: Caller, farm: Farm) -> None:
    render = order(user, ingest(user, farm))
    before, _ = balance(user)
    tell(farm, farm.claim(render["job_id"], "render"), 150, 300)
    cancel(user, render)

    user.post(f"/jobs/{render['job_id']}/retry", expect=202)

    assert balance(user) == (before - 5, PRICE)
    finish(farm, render["job_id"])
    assert balance(user) == (before - 5, 0)


def test_pieces_that_are_there_are_paid_once_over_two_cancels_and_an_end(
    user: Caller, farm: Farm, in_pieces: None
) -> None:
    render = order(user, ingest(user, farm))
    start = balance(user)[0] + PRICE
    first, second, third = [done(step) for step in steps_of(render)[:-1]]
    assert farm.report(farm.claim_part(render["job_id"], "chunk", 0), result=first).status_code == 200
    tell(farm, farm.claim_part(render["job_id"], "chunk", 2), 60, 120)

    cancel(user, render)

    assert balance(user) == (start - 5, 0)  # three seconds of the first piece, two of the third
    user.post(f"/jobs/{render['job_id']}/retry", expect=202)
    assert balance(user) == (start - 5 - 7, 7)
    assert farm.report(farm.claim_part(render["job_id"], "chunk", 1), result=second).status_code == 200
    cancel(user, render)
    assert balance(user) == (start - 5 - 3, 0)
    user.post(f"/jobs/{render['job_id']}/retry", expect=202)
    assert balance(user) == (start - 8 - 4, 4)
    assert farm.report(farm.claim_part(render["job_id"], "chunk", 2), result=third).status_code == 200
    join(farm, render)
    assert balance(user) == (start - 12, 0)  # the whole, and the two seconds that were made twice
