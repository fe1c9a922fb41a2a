"""Posters are upright, not dark, not too large."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tasks.errors import PermanentError
from tasks.media.poster import extract_poster
from tests import media_samples as samples


def read_png(path: Path) -> np.ndarray[Any, Any]:
    with av.open(str(path)) as picture:
        return next(picture.decode(video=0)).to_ndarray(format="rgb24")


def test_poster_shows_the_frame_at_the_time_asked_for(tmp_path: Path) -> None:
    clip = samples.make_video(tmp_path / "clip.mp4", width=360, height=640, fps=30, duration_s=3)
    out = tmp_path / "poster.png"

    size = extract_poster(clip, out, 1.5)

    assert size == (360, 640)
    assert out.read_bytes().startswith(b"\x89PNG")
    assert samples.read_frame_number(read_png(out)) == 45


def test_poster_passes_over_a_black_beginning(tmp_path: Path) -> None:
    card = samples.test_card(320, 240)

    def draw(number: int, time_s: float) -> np.ndarray[Any, Any]:
        return np.zeros((240, 320, 3), np.uint8) if time_s < 2.0 else card(number, time_s)

    clip = samples.make_video(tmp_path / "clip.mp4", width=320, height=240, duration_s=4, draw=draw)

    extract_poster(clip, tmp_path / "poster.png")

    assert read_png(tmp_path / "poster.png").mean() > 60


@pytest.mark.parametrize(("anticlockwise", "corner"), [(0, (0, 0)), (-90, (0, -1)), (90, (-1, 0)), (180, (-1, -1))])
def test_poster_of_a_turned_video_is_upright(tmp_path: Path, anticlockwise: int, corner: tuple[int, int]) -> None:
    """The coded picture has a red upper left corner; turning the display moves it."""
    picture = np.full((240, 320, 3), 128, np.uint8)
    picture[:60, :80] = (255, 0, 0)
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        if anticlockwise:
            stream.set_display_rotation(anticlockwise)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    size = extract_poster(path, tmp_path / "poster.png")
    shown = read_png(tmp_path / "poster.png").astype(int)

    assert size == ((240, 320) if abs(anticlockwise) == 90 else (320, 240))
    red = shown[corner[0] * 10 + (10 if corner[0] == 0 else 0), corner[1] * 10 + (10 if corner[1] == 0 else 0)]
    assert red[0] > 200 and red[1] < 60


def test_colours_of_a_tagged_video_come_out_right(tmp_path: Path) -> None:
    colour = (200, 60, 40)
    clip = samples.make_video(
        tmp_path / "clip.mp4",
        width=320,
        height=240,
        draw=lambda number, time_s: np.full((240, 320, 3), colour, np.uint8),
        options={"crf": "5"},
    )

    extract_poster(clip, tmp_path / "poster.png", 0.5)

    assert np.abs(read_png(tmp_path / "poster.png")[120, 160].astype(int) - colour).max() <= 4


def test_large_picture_is_scaled_down(tmp_path: Path) -> None:
    clip = samples.make_video(tmp_path / "clip.mp4", width=1920, height=1080, duration_s=0.2, audio=None)

    assert extract_poster(clip, tmp_path / "poster.png") == (1280, 720)


def test_sound_alone_has_no_poster(tmp_path: Path) -> None:
    tone = samples.make_tone(tmp_path / "tone.wav", duration_s=1)

    with pytest.raises(PermanentError) as caught:
        extract_poster(tone, tmp_path / "poster.png")

    assert caught.value.code == "media.no_streams"
    assert not (tmp_path / "poster.png").exists()
