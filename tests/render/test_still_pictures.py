"""Stills are the render's own pictures: same stage, same footage, same blending."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_node.frames.stage_page import decode_png
from render_node.stills import build_sheet, draw_pictures, encode_png
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.errors import InvalidInputError, PermanentError
from tests.media_samples import make_tone, make_video, read_frame_number
from tests.render.looks import look

WIDTH, HEIGHT = 320, 568


@pytest.fixture(scope="session")
def settings(service_environ: dict[str, str]) -> WorkerSettings:
    from tasks.config import read_worker_settings

    return read_worker_settings(service_environ)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("stills") / "clip.mp4", width=WIDTH, height=HEIGHT, duration_s=3.0)


@pytest.fixture
def document() -> dict[str, Any]:
    return look("pop", width=WIDTH, height=HEIGHT)


def test_each_picture_shows_the_frame_of_its_time_in_the_order_asked(
    chromium: str, settings: WorkerSettings, clip: Path, document: dict[str, Any]
) -> None:
    drawn = draw_pictures(document, [2.0, 0.34, 99.0, 1.0], settings=settings, output=RenderOutput(), source=clip)

    assert [read_frame_number(picture) for picture in drawn.pictures] == [60, 10, 89, 30]
    assert drawn.times == pytest.approx([2.0, 1 / 3, 89 / 30, 1.0], abs=1e-6)
    assert drawn.browser.startswith("Chromium")


def test_a_still_without_footage_is_transparent_beside_its_captions(
    chromium: str, settings: WorkerSettings, document: dict[str, Any]
) -> None:
    (picture,) = draw_pictures(document, [0.5], settings=settings, output=RenderOutput(), source=None).pictures

    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert picture[0, 0].tolist()[3] == 0
    assert picture[..., 3].max() == 255


def test_a_still_can_lie_on_a_colour_and_have_another_size(
    chromium: str, settings: WorkerSettings, document: dict[str, Any]
) -> None:
    output = RenderOutput(width=160)

    drawn = draw_pictures(document, [0.5], settings=settings, output=output, source=None, background="#204060")

    assert drawn.pictures[0].shape == (284, 160, 3)
    assert drawn.pictures[0][0, 0].tolist() == [0x20, 0x40, 0x60]


def test_captions_over_footage_are_those_drawn_alone(
    chromium: str, settings: WorkerSettings, clip: Path, document: dict[str, Any]
) -> None:
    bare = {**document, "tracks": []}
    (over,) = draw_pictures(document, [1.0], settings=settings, output=RenderOutput(), source=clip).pictures
    (footage,) = draw_pictures(bare, [1.0], settings=settings, output=RenderOutput(), source=clip).pictures
    (alone,) = draw_pictures(document, [1.0], settings=settings, output=RenderOutput(), source=None).pictures

    alpha = alone[..., 3:].astype(float) / 255
    expected = alone[..., :3] * alpha + footage * (1 - alpha)
    inside, outside = (alone[..., 3] == 255), (alone[..., 3] == 0)
    assert inside.sum() > 1000
    assert np.abs(over.astype(float) - expected)[outside].mean() < 0.2
    assert np.abs(over.astype(float) - expected)[inside].mean() < 12  # colour lies at half the size


def test_a_sheet_has_every_picture_in_reading_order() -> None:
    pictures = [np.full((40, 20, 3), 40 * number, np.uint8) for number in range(1, 6)]

    sheet = build_sheet(pictures, columns=3)

    assert sheet.shape == (2 * 48 + 8, 3 * 28 + 8, 3)
    assert [sheet[20, 15 + 28 * n, 0] for n in range(3)] == [40, 80, 120]
    assert [sheet[70, 15 + 28 * n, 0] for n in range(3)] == [160, 200, 32]


def test_a_png_holds_the_very_pixels() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (6, 10, 4), np.uint8)

    assert np.array_equal(decode_png(encode_png(picture)), picture)


def test_a_source_without_picture_and_a_broken_scenario_are_refused(
    settings: WorkerSettings, tmp_path: Path, document: dict[str, Any]
) -> None:
    sound = make_tone(tmp_path / "sound.wav", duration_s=1.0)

    with pytest.raises(PermanentError) as refused:
        draw_pictures(document, [0.0], settings=settings, output=RenderOutput(), source=sound)
    with pytest.raises(InvalidInputError):
        draw_pictures({"version": "1"}, [0.0], settings=settings, output=RenderOutput(), source=None)

    assert refused.value.code == "render.no_video"
