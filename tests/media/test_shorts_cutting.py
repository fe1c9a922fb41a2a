"""Cuts to the frame, sound in step, and crops to the pixel."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tasks.contracts.shorts import CropKey, Framing, SceneFrame
from tasks.errors import InvalidInputError
from tasks.media.audio import decode_speech_audio
from tasks.shorts.cutter import CutPlan, cut_clip
from tasks.shorts.watching import find_scene_cuts
from tasks.transcripts.cuts import Span
from tests.media_samples import make_video, read_frame_number
from tests.spoken import write_wav

Pixels = np.ndarray[Any, Any]


def pictures(path: Path) -> tuple[list[float], list[Pixels]]:
    """Return times and RGB pictures of a file."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [float(frame.time or 0) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


def write_clicks(path: Path, beats: list[float], *, duration_s: float) -> Path:
    """Write short loud tones at these times."""
    samples = np.zeros(round(duration_s * 48000))
    tone = np.sin(np.arange(round(0.08 * 48000)) / 48000 * 2 * np.pi * 1000) * 26000
    for beat in beats:
        samples[round(beat * 48000) :][: len(tone)] = tone[: len(samples) - round(beat * 48000)]
    return write_wav(path, samples, 48000)


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001)])
def test_a_clip_has_exactly_the_frames_that_are_kept_and_lasts_as_long(tmp_path: Path, fps: Fraction) -> None:
    source = make_video(tmp_path / "source.mp4", width=320, height=180, fps=fps, duration_s=6)

    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(1.0, 5.0, (Span(2.0, 3.0), Span(3.5, 3.6))))
    times, shown = pictures(tmp_path / "clip.mp4")

    def first(t: float) -> int:
        return round(t * float(fps))

    wanted = [*range(first(1), first(2)), *range(first(3), first(3.5)), *range(first(3.6), first(5))]
    assert abs(len(wanted) - clip.frame_count) <= 2
    numbers = [read_frame_number(picture) for picture in shown]
    assert numbers[0] == pytest.approx(first(1), abs=1)
    jumps = [b for a, b in itertools.pairwise(numbers) if b != a + 1]
    assert len(numbers) == clip.frame_count
    assert [j == pytest.approx(first(t), abs=1) for j, t in zip(jumps, (3.0, 3.6), strict=True)] == [True, True]
    assert times == pytest.approx([n / float(fps) for n in range(len(times))], abs=0.002)


def test_pictures_and_sound_change_at_the_same_moment(tmp_path: Path) -> None:
    beats = [0.5 * number for number in range(1, 16)]
    wav = write_clicks(tmp_path / "clicks.wav", beats, duration_s=8.0)

    def flash(_number: int, t: float) -> Pixels:
        lit = any(beat <= t + 1e-6 < beat + 0.08 for beat in beats)
        return np.full((180, 320, 3), 250 if lit else 10, np.uint8)

    source = make_video(tmp_path / "source.mp4", width=320, height=180, fps=25, duration_s=8, audio=wav, draw=flash)
    cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.8, 7.3, (Span(2.2, 3.33), Span(5.1, 5.77))))

    times, shown = pictures(tmp_path / "clip.mp4")
    lit = [picture.mean() > 128 for picture in shown]
    seen = [t for t, now, before in zip(times, lit, [False, *lit], strict=False) if now and not before]
    samples = np.abs(decode_speech_audio(tmp_path / "clip.mp4"))
    loud = np.flatnonzero(samples > 0.25) / 16000
    heard = [float(t) for t, before in zip(loud, [-1.0, *loud], strict=False) if t - before > 0.2]

    assert len(seen) == len(heard) >= 8
    assert max(abs(eye - ear) for eye, ear in zip(seen, heard, strict=True)) <= 0.04


def test_a_crop_shows_what_its_path_says_to_two_pixels(tmp_path: Path) -> None:
    def bar(_number: int, t: float) -> Pixels:
        picture = np.full((360, 640, 3), 30, np.uint8)
        middle = round(640 * (0.3 + 0.1 * t))
        picture[:, middle - 10 : middle + 10] = 230
        return picture

    source = make_video(tmp_path / "source.mp4", width=640, height=360, fps=25, duration_s=4, audio=None, draw=bar)
    keys = (CropKey(0.0, 0.3, 0.5), CropKey(4.0, 0.7, 0.5))
    framing = Framing("9:16", (SceneFrame(0.0, 4.0, "fill", 0.316406, 1.0, keys),))
    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.0, 4.0, framing=framing))

    assert (clip.width, clip.height) == (360, 640)
    for picture in pictures(tmp_path / "clip.mp4")[1]:
        columns = np.flatnonzero(picture[:, :, 1].mean(0) > 130)
        assert (columns[0] + columns[-1]) / 2 == pytest.approx(clip.width / 2 - 0.5, abs=3.0)


def test_a_split_lays_two_crops_one_above_the_other_and_fit_shows_all(tmp_path: Path) -> None:
    def halves(_number: int, _t: float) -> Pixels:
        picture = np.zeros((360, 640, 3), np.uint8)
        picture[:, :320], picture[:, 320:] = (220, 30, 30), (30, 30, 220)
        return picture

    source = make_video(tmp_path / "source.mp4", width=640, height=360, fps=25, duration_s=2, audio=None, draw=halves)
    split = SceneFrame(0.0, 1.0, "split", 0.316406, 0.5, (CropKey(0, 0.25, 0.5),), (CropKey(0, 0.75, 0.5),))
    fit = SceneFrame(1.0, 2.0, "fit", 1.0, 1.0, (CropKey(1, 0.5, 0.5),))
    cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.0, 2.0, framing=Framing("9:16", (split, fit))))
    shown = pictures(tmp_path / "clip.mp4")[1]

    height, width = shown[10].shape[:2]
    upper, lower = shown[10][: height // 2 - 4].mean((0, 1)), shown[10][height // 2 + 4 :].mean((0, 1))
    assert upper[0] > 200 > 60 > upper[2]
    assert lower[2] > 200 > 60 > lower[0]
    middle = shown[40][height // 2]
    assert middle[: width // 2 - 6, 0].min() > 190
    assert middle[width // 2 + 6 :, 2].min() > 190


def test_scene_cuts_are_found_where_they_are_and_movement_is_none(tmp_path: Path) -> None:
    def scenes(number: int, t: float) -> Pixels:
        picture = np.full((180, 320, 3), (40, 200, 90)[int(t // 2) % 3], np.uint8)
        picture[60:100, (number * 3) % 280 : (number * 3) % 280 + 40] = 128
        return picture

    source = make_video(tmp_path / "source.mp4", width=320, height=180, fps=25, duration_s=6, audio=None, draw=scenes)

    assert find_scene_cuts(source) == [2.0, 4.0]


def test_a_cut_that_leaves_nothing_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", width=320, height=180, fps=25, duration_s=2)

    with pytest.raises(InvalidInputError) as caught:
        cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.5, 1.5, (Span(0.0, 2.0),)))

    assert caught.value.code == "shorts.nothing_left"
    assert not (tmp_path / "clip.mp4").exists()
