"""Where a long video is cut, what each piece shows, and how pieces are put in order again."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.chunk import ChunkOrder, ChunkResult, StoredPiece
from tasks.contracts.outputs import complete_output
from tasks.scenario import parse
from tasks.scenario.slices import slice_scenario
from tasks.workflows.captions import build_chunked_steps
from tasks.workflows.chunks import Span, decode_times, piece_form, plan_spans
from tests.unit.scenario.scenes import cue, scene, word


@pytest.mark.parametrize(
    ("duration_s", "spans"),
    [
        (179.9, [(0, None)]),
        (180.0, [(0, 60_000), (60_000, 120_000), (120_000, None)]),
        (209.0, [(0, 60_000), (60_000, 120_000), (120_000, None)]),
        (211.0, [(0, 60_000), (60_000, 120_000), (120_000, 180_000), (180_000, None)]),
    ],
)
def test_cuts_lie_on_a_grid_and_the_rest_lengthens_the_last_piece(duration_s: float, spans: list[Any]) -> None:
    found = plan_spans(duration_s, target_s=60, from_s=180)
    assert [(span.start_ms, span.end_ms) for span in found] == spans


def test_each_frame_belongs_to_exactly_one_piece() -> None:
    spans = plan_spans(10.0, target_s=1, from_s=2)
    times = [Fraction(number * 1001, 30000) - Fraction(1, 10) for number in range(310)]
    assert {sum(span.holds(t) for span in spans) for t in times} == {1}
    assert {sum(span.holds(float(t)) for span in spans) for t in times} == {1}


def test_even_frames_are_shared_out_without_gap_or_overlap() -> None:
    rate = Fraction(30000, 1001)
    edges = [span.numbers(rate) for span in plan_spans(5.0, target_s=1, from_s=2)]
    assert edges[0][0] is None and edges[-1][1] is None
    assert [end for _, end in edges[:-1]] == [first for first, _ in edges[1:]] == [30, 60, 90, 120]


@pytest.mark.parametrize(
    ("output", "form"),
    [
        (RenderOutput(), "mp4"),
        (RenderOutput(codec="hevc", bit_depth=10), "mp4"),
        (RenderOutput(container="webm"), "mp4"),
        (RenderOutput(container="mov"), "mov"),
        (RenderOutput(container="mov", layer="captions"), "mov"),
        (RenderOutput(container="mov", codec="h264"), "mp4"),
        (RenderOutput(container="gif"), "png"),
        (RenderOutput(container="png", layer="captions"), "png"),
        (RenderOutput(layer="captions", alpha=False), "mp4"),
        (RenderOutput(container="webm", layer="captions"), "webm"),
    ],
)
def test_every_output_is_cut_and_kept_in_what_holds_it(output: RenderOutput, form: str) -> None:
    assert piece_form(complete_output(output)) == form


def order_of(*outputs: RenderOutput) -> list[dict[str, Any]]:
    order = RenderOrder("key", scene(cue(word(1, "one", 1.0, 1.5))), outputs[0], further=tuple(outputs[1:]))
    specs = build_chunked_steps(order, plan_spans(3.0, target_s=1, from_s=2), owner="u", reuse_s=1.0)
    return [spec.input for spec in specs[:-1]]


def test_pieces_that_an_older_node_can_make_are_ordered_in_its_words() -> None:
    for piece in order_of(RenderOutput()):
        assert (piece["version"], "further" in piece, "forms" in piece) == (1, False, False)
    assert [piece["version"] for piece in order_of(RenderOutput(container="gif"))] == [2, 2, 2]
    [piece, *_] = order_of(RenderOutput(), RenderOutput(container="mov"))
    assert (piece["version"], piece["forms"], len(piece["further"])) == (2, ["mp4", "mov"], 1)
    assert ChunkOrder.from_json(piece).form_of(1) == "mov"


def test_a_result_of_one_mp4_is_told_as_before() -> None:
    plain = ChunkResult.of([StoredPiece("a", "mp4", reused=True)], "kind").to_json()
    assert (plain["version"], "form" in plain, "further" in plain) == (1, False, False)
    pieces = (StoredPiece("a", "mov", reused=True), StoredPiece("b", "mp4", reused=False))
    told = ChunkResult.of(pieces, "kind").to_json()
    assert told["version"] == 2
    assert ChunkResult.from_json(told).pieces == pieces


def test_decoding_times_rise_and_never_come_after_their_frames() -> None:
    pts = [0, 4, 2, 1, 3, 10, 6, 5, 100, 50]
    dts = list(decode_times(pts))
    assert dts == [-2, -1, 0, 1, 2, 3, 4, 5, 6, 10]
    assert all(decoded <= shown for decoded, shown in zip(dts, pts, strict=True))


def test_frames_in_order_are_decoded_when_they_are_shown() -> None:
    assert list(decode_times([5, 6, 9])) == [5, 6, 9]
    assert list(decode_times([7])) == [7]
    assert list(decode_times([])) == []


def test_a_slice_has_what_is_on_screen_and_nothing_else() -> None:
    document = scene(*(cue(word(n, f"w{n}", n, n + 0.5), number=n, start=n, end=n + 1) for n in range(4)))
    kept = slice_scenario(document, 1.2, 3.0)
    assert [each.id for each in parse(kept).cues] == ["c1", "c2"]
    assert len(document["tracks"][0]["cues"]) == 4


def test_a_slice_without_captions_has_no_track() -> None:
    document = scene(cue(word(1, "one", 1.0, 1.5)))
    assert slice_scenario(document, 5.0, None)["tracks"] == []
    assert parse(slice_scenario(document, 5.0, None)).layers == ()


def test_a_bar_over_the_whole_video_is_in_every_slice() -> None:
    bar = {"id": "p", "type": "progress", "start": 0, "end": 10}
    document = {**scene(cue(word(1, "one", 1.0, 1.5))), "tracks": [bar]}
    assert all(slice_scenario(document, start, start + 1)["tracks"] == [bar] for start in range(10))


def test_piece_without_end_takes_what_lies_behind_the_expected_end() -> None:
    assert Span(60_000, None).holds(10_000.0)
    assert Span(0, 60_000).holds(-0.5)
    assert not Span(0, 60_000).holds(60.0)
