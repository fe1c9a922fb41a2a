"""The words of a music video over HTTP: some are changed, and only the clips that they are sung in are drawn anew."""

from __future__ import annotations

from typing import Any

import pytest

from api.extensions import db
from api.jobs.models import Step
from render_node.chunk_ops import key_of
from tasks.contracts.chunk import ChunkOrder, ChunkResult
from tasks.workflows import videos
from tests.api.farm import Caller, Farm
from tests.api.test_videos import caption, generate, join, make_all, ready, report

__all__ = ["ready"]

WORDS = "1\n00:00:00,500 --> 00:00:02,000\nAll the lights\n\n2\n00:00:08,000 --> 00:00:09,500\nare {}\n"


def sing(user: Caller, song_id: str, last: str, *, version: int) -> None:
    """Write other words into the song's transcript."""
    transcript_id = user.get(f"/songs/{song_id}/analysis")["lyrics"]["transcript_id"]
    body = {"format": "srt", "content": WORDS.format(last)}
    answer = user.call("POST", f"/transcripts/{transcript_id}/file", body, headers={"If-Match": f'"{version}"'})
    assert answer.status_code < 300, answer.get_json()


def draw(user: Caller, farm: Farm, song_id: str, **wish: Any) -> list[ChunkOrder]:
    """Join the film, and play the nodes that draw its words; return how each piece was ordered."""
    job_id = user.post(f"/songs/{song_id}/compose", wish, expect=202)["job_id"]
    join(farm, job_id)
    db.session.rollback()
    orders = []
    for step in db.session.query(Step).filter_by(job_id=job_id, name="chunk").order_by(Step.part).all():
        claim = farm.claim_part(job_id, "chunk", step.part)
        orders.append(ChunkOrder.from_json(claim["input"]))
        report(farm, claim, ChunkResult(f"chunks/{orders[-1].owner}/{step.part}.zip", "kind", reused=False))
    caption(farm, job_id)
    assert user.get(f"/jobs/{job_id}")["state"] == "succeeded"
    return orders


def test_words_that_change_are_drawn_anew_and_the_other_clips_are_pieces_that_are_there(
    user: Caller, farm: Farm, ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "LEAST_PIECE_S", 3.0)
    video = generate(user, ready)
    make_all(farm, video["job_id"])
    starts = [clip["start_frame"] for clip in user.get(f"/videos/{video['id']}/clips")["items"]]
    sing(user, ready, "on", version=1)

    before = draw(user, farm, ready, captions="pop")
    sing(user, ready, "off", version=2)
    after = draw(user, farm, ready, captions="pop")

    assert [order.start_ms for order in before] == [1000 * frame // 30 for frame in starts]
    assert len(before) == len(starts) >= 3
    changed = [
        part
        for part, (one, other) in enumerate(zip(before, after, strict=True))
        if key_of(one, "kind") != key_of(other, "kind")
    ]
    sung = [part for part, order in enumerate(before) if order.start_ms <= 8000 < (order.end_ms or 99999)]
    assert changed == sung
