"""What is copied of a clip: whole, closed, and never a frame that needs what was cut away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tasks.shorts.runs import Sample, plan_runs


@st.composite
def streams(draw: st.DrawFn) -> list[Sample]:
    """Draw groups of pictures in the order of decoding: key frames, open or closed, and frames out of order."""
    samples: list[Sample] = []
    at = 0
    for length in draw(st.lists(st.integers(1, 24), min_size=1, max_size=6)):
        ahead = draw(st.integers(0, min(3, length - 1)))  # frames shown before the key frame that leads them
        shown = [at + n for n in range(length)]
        rest = [*shown[:ahead], *shown[ahead + 1 :]]
        run = draw(st.integers(1, 4))
        mixed = [pts for n in range(0, len(rest), run) for pts in [*rest[n : n + run][::-1]]]
        samples += [Sample(shown[ahead], is_entry=True), *(Sample(pts) for pts in mixed)]
        at += length
    return samples


@given(streams(), st.integers(0, 100), st.integers(1, 100), st.integers(1, 8))
def test_runs_hold_each_frame_once_and_copies_stand_alone(
    samples: list[Sample], start: int, length: int, fewest: int
) -> None:
    runs = plan_runs(samples, start, start + length, fewest=fewest)

    wanted = sorted(each.pts for each in samples if start <= each.pts < start + length)
    assert [pts for run in runs for pts in run.pts] == wanted
    for run in runs:
        if run.is_copied:
            copied = [samples[place] for place in run.packets]
            assert sorted(each.pts for each in copied) == list(run.pts)
            assert copied[0].is_entry and copied[0].pts == run.pts[0]
            assert list(run.packets) == sorted(run.packets)
            passed = [n for n in range(run.packets[0], run.packets[-1]) if n not in run.packets]
            assert all(samples[n].pts < run.pts[0] for n in passed)


def test_a_group_without_frames_out_of_order_is_copied_up_to_any_frame() -> None:
    samples = [Sample(n, is_entry=n % 10 == 0) for n in range(30)]

    runs = plan_runs(samples, 7, 26)

    assert [(run.pts[0], run.pts[-1], run.is_copied) for run in runs] == [(7, 9, False), (10, 25, True)]


def test_a_frame_beyond_the_end_that_others_need_ends_the_copy() -> None:
    order = [0, 4, 2, 1, 3, 8, 6, 5, 7]
    samples = [Sample(pts, is_entry=pts == 0) for pts in order]

    runs = plan_runs(samples, 0, 7, fewest=2)

    assert [(run.pts, run.is_copied) for run in runs] == [((0, 1, 2, 3, 4), True), ((5, 6), False)]
