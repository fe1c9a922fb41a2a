"""Long videos at the API: what is ordered of which piece, what comes back, what it costs, and how long pieces stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.extensions import db, get_storage
from api.jobs.models import Step
from api.renders.chunks import sweep_chunks
from tasks.contracts import RenderOrder, StepFailure
from tasks.contracts.chunk import ChunkOrder, ChunkResult, StoredPiece
from tests.api.farm import Caller, Farm, ingest, receipt_of, sha256_of

RESULT = b"joined video"


@pytest.fixture
def pieces(app: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pieces of 3 s, from 6 s on: the test's clip of 10 s becomes three."""
    changed = replace(app.extensions["settings"], chunk_s=3.0, chunk_from_s=6.0, retry_backoff_s=0.0)
    monkeypatch.setitem(app.extensions, "settings", changed)
    yield


@pytest.fixture
def source(user: Caller, farm: Farm, pieces: None) -> str:
    return ingest(
        user, farm, words=("It", "was", "the", "best", "of", "times", "it", "was", "the", "worst", "of", "times")
    )


def order(user: Caller, source: str, **output: Any) -> dict[str, Any]:
    [transcript] = user.get(f"/transcripts?asset_id={source}")["items"]
    scenario = user.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    body = {"source_asset_id": source, "scenario": scenario, "output": output}
    render: dict[str, Any] = user.post("/renders", body, expect=202)
    return render


def steps_of(render: dict[str, Any]) -> list[Step]:
    db.session.rollback()
    return db.session.query(Step).filter_by(job_id=render["job_id"]).order_by(Step.position).all()


def done(step: Step, *, node_class: str = "k1", reused: bool = False) -> dict[str, Any]:
    return ChunkResult(f"chunks/{step.input['owner']}/{step.part}.zip", node_class, reused).to_json()


def finish_pieces(farm: Farm, render: dict[str, Any]) -> list[dict[str, Any]]:
    """Have workers do all pieces and return their results."""
    results = []
    for step in steps_of(render)[:-1]:
        results.append(done(step))
        claim = farm.claim_part(render["job_id"], "chunk", step.part)
        assert farm.report(claim, result=results[-1]).status_code == 200
    return results


def test_a_long_video_is_ordered_in_pieces_each_with_what_it_shows(user: Caller, source: str) -> None:
    *chunks, join = steps_of(order(user, source))
    assert [(step.name, step.part, step.after) for step in chunks] == [("chunk", n, []) for n in range(3)]
    assert (join.name, join.after) == ("join", ["chunk"])
    assert [(step.input["start_ms"], step.input["end_ms"]) for step in chunks] == [
        (0, 3000),
        (3000, 6000),
        (6000, None),
    ]
    whole = join.input["scenario"]["tracks"][0]["cues"]
    shown = [[cue["id"] for track in step.input["scenario"]["tracks"] for cue in track["cues"]] for step in chunks]
    assert [cue["id"] for cue in whole] == ["c00001", "c00002", "c00003"]
    assert shown == [["c00001", "c00002"], ["c00002", "c00003"], ["c00003"]]
    assert [step.input["first_look"] is None for step in chunks] == [False, True, True]
    assert {step.input["owner"] for step in chunks} == {user.id}


@pytest.mark.parametrize(
    ("output", "form"),
    [
        ({"container": "gif"}, "png"),
        ({"container": "png"}, "png"),
        ({"container": "mov"}, "mov"),
        ({"container": "webm", "layer": "captions"}, "webm"),
        ({"layer": "captions", "alpha": False}, "mp4"),
    ],
)
def test_every_kind_of_output_is_made_in_pieces(user: Caller, source: str, output: dict[str, Any], form: str) -> None:
    *chunks, join = steps_of(order(user, source, **output))
    assert ([step.name for step in chunks], join.name) == (["chunk"] * 3, "join")
    assert {ChunkOrder.from_json(step.input).form_of(0) for step in chunks} == {form}


def order_two(user: Caller, source: str) -> dict[str, Any]:
    """Order a video and a GIF at once."""
    [transcript] = user.get(f"/transcripts?asset_id={source}")["items"]
    scenario = user.get(f"/transcripts/{transcript['id']}/scenario?preset=pop")
    body = {"source_asset_id": source, "scenario": scenario, "outputs": [{"width": 540}, {"container": "gif"}]}
    render: dict[str, Any] = user.post("/renders", body, expect=202)
    return render


def done_two(step: Step, owner: str) -> dict[str, Any]:
    keys = (f"chunks/{step.input['owner']}/{step.part}.zip", f"chunks/{owner}/{step.part}-gif.zip")
    pieces = [StoredPiece(key, form, reused=False) for key, form in zip(keys, ("mp4", "png"), strict=True)]
    return ChunkResult.of(pieces, "k1").to_json()


def test_several_outputs_are_cut_together_and_joined_each(user: Caller, farm: Farm, source: str) -> None:
    render = order_two(user, source)
    *chunks, join = steps_of(render)
    assert [len(ChunkOrder.from_json(step.input).outputs) for step in chunks] == [2, 2, 2]
    assert len(RenderOrder.from_json(join.input).outputs) == 2
    for part, result in enumerate([done_two(step, user.id) for step in chunks]):
        claim = farm.claim_part(render["job_id"], "chunk", part)
        assert farm.report(claim, result=result).status_code == 200
    claim = farm.claim(render["job_id"], "join")
    assert [len(ChunkResult.from_json(one).pieces) for one in claim["results"]["chunk"]] == [2, 2, 2]
    results = []
    for name in ("video.mp4", "video-1.gif"):
        key = f"{claim['output_prefix']}{name}"
        get_storage().put_bytes(key, RESULT, content_type="video/mp4")
        one = {"object_key": key, "size_bytes": len(RESULT), "sha256": sha256_of(RESULT), "receipt": receipt_of()}
        results.append(one)
    held = user.get("/credits")["held"]
    assert farm.report(claim, result={"outputs": results}).status_code == 200
    seen = user.get(f"/renders/{render['id']}")
    assert (seen["state"], len([one for one in seen["outputs"] if one["asset_id"]])) == ("succeeded", 2)
    assert (held > 0, user.get("/credits")["held"]) == (True, 0)


def test_a_further_piece_under_a_foreign_prefix_is_refused(user: Caller, farm: Farm, source: str) -> None:
    render = order_two(user, source)
    claim = farm.claim_part(render["job_id"], "chunk", 0)
    farm.report(claim, result=done_two(steps_of(render)[0], "somebody"))
    assert user.get(f"/jobs/{render['job_id']}")["error"]["code"] == "step.foreign_key"


def test_progress_of_several_outputs_in_pieces_is_that_of_their_frames(user: Caller, farm: Farm, source: str) -> None:
    render = order_two(user, source)
    told = []
    for part, result in enumerate([done_two(step, user.id) for step in steps_of(render)[:-1]]):
        claim = farm.claim_part(render["job_id"], "chunk", part)
        assert farm.report(claim, result=result).status_code == 200
        told.append(user.get(f"/jobs/{render['job_id']}")["progress"]["percent"])
    assert told == [31.2, 62.5, 93.7]  # three pieces weigh 20 each, the join 4


def test_a_short_video_is_rendered_whole(app: Any, user: Caller, farm: Farm) -> None:
    assert [step.name for step in steps_of(order(user, ingest(user, farm)))] == ["render"]


def test_the_join_gets_all_pieces_in_order_and_its_result_is_the_render_s(
    user: Caller, farm: Farm, source: str
) -> None:
    render = order(user, source)
    results = finish_pieces(farm, render)
    claim = farm.claim(render["job_id"], "join")
    assert claim["results"] == {"chunk": results}
    key = f"{claim['output_prefix']}video.mp4"
    get_storage().put_bytes(key, RESULT, content_type="video/mp4")
    result = {"object_key": key, "size_bytes": len(RESULT), "sha256": sha256_of(RESULT), "receipt": receipt_of()}
    assert farm.report(claim, result=result).status_code == 200
    assert user.get(f"/renders/{render['id']}")["state"] == "succeeded"
    assert user.get(f"/renders/{render['id']}")["receipt"]["frame_count"] == 300


def test_a_piece_under_a_foreign_prefix_is_refused(user: Caller, farm: Farm, source: str) -> None:
    render = order(user, source)
    claim = farm.claim_part(render["job_id"], "chunk", 0)
    farm.report(claim, result=ChunkResult("chunks/somebody/1.zip", "k", reused=False).to_json())
    assert user.get(f"/jobs/{render['job_id']}")["error"]["code"] == "step.foreign_key"


def test_a_node_of_another_kind_hands_its_piece_back_and_nobody_is_charged(
    user: Caller, farm: Farm, source: str
) -> None:
    render = order(user, source)
    for _ in range(4):  # one more than may fail
        claim = farm.claim_part(render["job_id"], "chunk", 1)
        declined = StepFailure("node.other_class", "Nodes that began this video differ in browser", permanent=False)
        assert farm.report(claim, failure=declined).status_code == 200
    step = steps_of(render)[1]
    assert (step.state, step.charged, step.handbacks) == ("queued", 0, 4)
    assert farm.claim_part(render["job_id"], "chunk", 1)["attempt"] == 5


def test_cancelling_in_the_middle_gives_the_credits_back(user: Caller, farm: Farm, source: str) -> None:
    before = user.get("/credits")
    render = order(user, source)
    assert user.get("/credits") != before
    claim = farm.claim_part(render["job_id"], "chunk", 0)
    assert farm.report(claim, result=done(steps_of(render)[0])).status_code == 200
    user.post(f"/renders/{render['id']}/cancel", expect=202)
    assert user.get("/credits") == before


def test_retrying_makes_only_the_pieces_that_are_not_there(user: Caller, farm: Farm, source: str) -> None:
    render = order(user, source)
    claim = farm.claim_part(render["job_id"], "chunk", 0)
    assert farm.report(claim, result=done(steps_of(render)[0])).status_code == 200
    claim = farm.claim_part(render["job_id"], "chunk", 1)
    farm.report(claim, failure=StepFailure("media.damaged", "It is damaged", permanent=True))
    user.post(f"/jobs/{render['job_id']}/retry", expect=202)
    assert [step.state for step in steps_of(render)] == ["succeeded", "queued", "queued", "queued"]


def test_pieces_are_swept_when_their_time_is_over(app: Any) -> None:
    storage = get_storage()
    storage.put_bytes("chunks/u/a.zip", b"a", content_type="application/zip")
    now = datetime.now(UTC)
    assert sweep_chunks(storage, days=7, now=now + timedelta(days=6)) == 0
    assert storage.head("chunks/u/a.zip") is not None
    assert sweep_chunks(storage, days=7, now=now + timedelta(days=8)) >= 1
    assert storage.head("chunks/u/a.zip") is None
