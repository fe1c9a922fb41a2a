"""How far a video is, from its steps alone."""

from __future__ import annotations

import pytest

from api.videos.progress import Part, Standing, stand

PIECE = Part("chunk", "running", 0.75)
MADE, HALF = Part("make", "succeeded", 1.0), Part("make", "running", 0.5)


@pytest.mark.parametrize(
    ("parts", "made", "percent", "stage"),
    [
        ([Part("listen", "running", 0.9)], 0, 0.0, "clips"),
        ([MADE, HALF], 1, 60.0, "clips"),
        ([MADE, MADE], 2, 80.0, "clips"),
        ([Part("compose", "queued", 0.0)], 2, 80.0, "compose"),
        ([Part("compose", "running", 0.5), Part("caption", "queued", 0.0)], 2, 85.0, "compose"),
        ([Part("compose", "succeeded", 1.0), Part("caption", "queued", 0.0)], 2, 90.0, "captions"),
        ([Part("compose", "succeeded", 1.0), Part("caption", "running", 0.95)], 2, 95.0, "captions"),
        ([Part("compose", "succeeded", 1.0)], 2, 95.0, "compose"),
        ([Part("compose", "succeeded", 1.0), PIECE, PIECE, Part("caption", "queued", 0.0)], 2, 92.8, "captions"),
    ],
)
def test_clips_fill_80_and_the_film_the_rest(parts: list[Part], made: int, percent: float, stage: str) -> None:
    assert stand(parts, made=made, total=2, purpose="clips", state="working") == Standing(percent, stage, made, 2)


def test_stills_are_no_progress_of_the_clips_and_a_film_is_all_of_it() -> None:
    assert stand([HALF], made=0, total=2, purpose="stills", state="working").percent == 0.0
    assert stand([], made=2, total=2, purpose="", state="ready") == Standing(100.0, "ready", 2, 2)
