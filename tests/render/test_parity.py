"""The gate behind the encoder: captions that are not where the stills show them fail a render."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_node.parity import Frame, check_parity, choose_times, ssim
from render_node.render import render_file
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.errors import PermanentError
from tasks.scenario import parse
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.test_render import settings_of
from tests.unit.scenario.scenes import cue, scene, word

SIZE: dict[str, Any] = {"width": 360, "height": 640}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clip") / "in.mp4", **SIZE, duration_s=3.0)


def placed(y: float) -> dict[str, Any]:
    """Return captions whose bottom is at a part of the height."""
    document = look("pop", **SIZE, texts=("It", "was", "the", "best", "of", "times"))
    document["styles"]["caption"]["position"] = {"x": 0.5, "y": y, "anchor": "bottom"}
    return document


def check(source: Path, result: Path, document: dict[str, Any], output: RenderOutput) -> dict[str, Any]:
    return check_parity(source, result, document, output=complete_output(output), settings=settings_of())


@pytest.mark.usefixtures("chromium")
class TestRenders:
    def test_a_render_shows_what_its_stills_show(self, clip: Path, tmp_path: Path) -> None:
        output = RenderOutput(encoder="libx264", preset="veryfast", crf=20)
        render_file(clip, placed(0.8), tmp_path / "out.mp4", output=output, settings=settings_of())
        report = check(clip, tmp_path / "out.mp4", placed(0.8), output)
        assert len(report["samples"]) >= 1
        for sample in report["samples"]:
            assert sample["shift"] == (0, 0)
            assert (sample["likeness"] > 0.97, sample["presence"] > 0.9, sample["ssim"] > 0.9) == (True, True, True)

    @pytest.mark.parametrize("off", [0.79, 0.81, 0.5])
    def test_captions_out_of_their_place_fail(self, clip: Path, tmp_path: Path, off: float) -> None:
        output = RenderOutput(encoder="libx264", preset="ultrafast", crf=20)
        render_file(clip, placed(off), tmp_path / "out.mp4", output=output, settings=settings_of())
        with pytest.raises(PermanentError) as caught:
            check(clip, tmp_path / "out.mp4", placed(0.8), output)
        assert caught.value.code == "render.parity_failed"
        shifts = {tuple(sample["shift"]) for sample in caught.value.extra["parity"]["samples"]}
        assert (0, 0) not in shifts or off == 0.5

    def test_captions_that_are_missing_fail(self, clip: Path) -> None:
        with pytest.raises(PermanentError) as caught:
            check(clip, clip, placed(0.8), RenderOutput())
        assert caught.value.code == "render.parity_failed"

    @pytest.mark.parametrize(
        "output",
        [
            RenderOutput(encoder="libx264", preset="ultrafast", bit_rate=60_000),
            RenderOutput(container="webm", quality="draft", preset="ultrafast"),
            RenderOutput(encoder="libx264", preset="ultrafast", fps="24000/1001", width=240),
            RenderOutput(codec="hevc", bit_depth=10, preset="ultrafast"),
        ],
    )
    def test_outputs_that_are_meant_to_differ_from_the_footage_pass(
        self, clip: Path, tmp_path: Path, output: RenderOutput
    ) -> None:
        out = tmp_path / f"out.{output.container}"
        render_file(clip, placed(0.8), out, output=output, settings=settings_of())
        assert len(check(clip, out, placed(0.8), output)["samples"]) >= 1

    def test_what_is_not_footage_with_captions_is_not_compared(self, clip: Path) -> None:
        report = check(clip, clip, placed(0.8), RenderOutput(container="gif"))
        assert report["samples"] == []


class TestTimes:
    SCENARIO = parse(scene(cue(word(1, "one", 10, 12), number=1, start=10, end=20)))

    def test_frames_next_to_key_frames_of_both_files_are_chosen(self) -> None:
        result = [Frame(n / 10, n % 25 + 1) for n in range(300)]
        source = [Frame(n / 10, n % 50 + 1) for n in range(300)]
        assert choose_times(self.SCENARIO, result, source) == [10.4, 15.0, 15.2, 17.6]

    def test_hardly_anything_is_decoded_twice(self) -> None:
        result = [Frame(n / 10, n + 1) for n in range(300)]  # one key frame: all are costly
        assert len(choose_times(self.SCENARIO, result, result)) == 1

    def test_captions_that_move_are_looked_at_only_when_there_are_no_others(self) -> None:
        brief = parse(scene(cue(word(1, "one", 1, 1.2), start=1, end=1.5)))
        frames = [Frame(n / 10, n % 5 + 1) for n in range(30)]
        assert choose_times(brief, frames, frames) == [1.0, 1.2, 1.4]
        assert choose_times(parse(scene(cue(word(1, "one", 50, 51), start=50, end=60))), frames, frames) == []


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise() -> None:
    picture = np.random.default_rng(1).uniform(0, 255, (64, 64)).astype(np.float32)
    noisy = picture + np.random.default_rng(2).normal(0, 60, (64, 64)).astype(np.float32)
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert 0.5 < ssim(picture, noisy) < 0.9
