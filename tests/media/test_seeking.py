"""In a file without an index the frame asked for is found all the same, whatever lies between its key frames."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from render_node.stills import read_frames
from tasks.media.container import open_media
from tasks.media.poster import extract_poster
from tasks.shorts.watching import iter_frames
from tests.media_samples import make_video, read_frame_number

FPS, SECONDS = 30, 6
KEY_EVERY = (15, 90, 600)
STARTS_AT = 0.022
"""Sound comes a moment before the first frame, and with it the file's time zero."""


@pytest.fixture(scope="module", params=KEY_EVERY)
def stream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MPEG-TS with a key frame every so many frames."""
    options = {"preset": "ultrafast", "g": str(request.param), "keyint_min": str(request.param)}
    path = tmp_path_factory.mktemp("stream") / "a.ts"
    return make_video(path, width=320, height=180, fps=FPS, duration_s=SECONDS, options=options)


def number_of(frame: av.VideoFrame) -> int:
    return read_frame_number(frame.to_ndarray(format="rgb24"))


@pytest.mark.parametrize("start_s", [0.0, 0.5, 1.7, 4.1, 5.9])
def test_a_stretch_begins_with_its_first_frame(stream: Path, start_s: float) -> None:
    seen = [(t, number_of(frame)) for t, frame in iter_frames(stream, start_s=start_s)]

    assert [number for _, number in seen] == list(range(round(start_s * FPS), FPS * SECONDS))
    assert seen[0][0] == pytest.approx(start_s, abs=STARTS_AT)


@pytest.mark.parametrize("t", [0.03, 0.5, 1.7, 4.1, 5.9])
def test_posters_and_stills_show_the_frame_asked_for(stream: Path, t: float, tmp_path: Path) -> None:
    extract_poster(stream, tmp_path / "poster.png", t + STARTS_AT)
    with av.open(str(tmp_path / "poster.png")) as picture:
        shown = number_of(next(picture.decode(video=0)))
    with open_media(stream) as container:
        [(_, still)] = read_frames(container, [t + STARTS_AT])

    assert (shown, number_of(still)) == (int(t * FPS + 1e-6), int(t * FPS + 1e-6))


def test_a_short_stream_has_a_poster(tmp_path: Path) -> None:
    short = make_video(tmp_path / "short.ts", width=64, height=64, duration_s=0.2, options={})

    assert extract_poster(short, tmp_path / "poster.png") == (64, 64)
