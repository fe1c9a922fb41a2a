"""The gate behind the encoder: captions that are not where the stills show them fail a render."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.colour import BT2020, PQ, Colour
from render_node.composite import plane_of
from render_node.deep import words_of
from render_node.frames.plan import Rect
from render_node.parity import Frame, bounds_of, check_parity, choose_times
from render_node.parity_measure import punctuality, ssim
from render_node.parity_pictures import Moment
from render_node.render import Extras, render_file, render_files
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.errors import PermanentError
from tasks.scenario import parse
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.outputs import BT709, write_source
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


SUFFIXES = {"png": "zip"}
KINDS = {
    "h264": RenderOutput(encoder="libx264", preset="ultrafast", crf=30),
    "vp9-alpha": RenderOutput(container="webm", layer="captions", preset="ultrafast", crf=30),
    "prores": RenderOutput(container="mov"),
    "prores-alpha": RenderOutput(container="mov", layer="captions"),
    "png": RenderOutput(container="png"),
    "png-alpha": RenderOutput(container="png", layer="captions"),
    "gif": RenderOutput(container="gif", fps="10"),
    "gif-alpha": RenderOutput(container="gif", layer="captions", fps="10"),
    "alone": RenderOutput(encoder="libx264", preset="ultrafast", layer="captions", alpha=False, background="#204060"),
}
KEPT = {"hdr": RenderOutput(codec="hevc", encoder="libx265", preset="ultrafast", bit_depth=10, dynamic_range="keep")}
FRAME_S = 0.1
WRONG = ("moved right", "moved down", "late", "other colour")


def sabotaged(how: str) -> dict[str, Any]:
    """Return captions with one fault: two pixels off, a frame late, in another colour."""
    document = placed(0.8)
    style, (track,) = document["styles"]["caption"], document["tracks"]
    if how == "moved right":
        style["position"]["x"] += 2 / SIZE["width"]
    elif how == "moved down":
        style["position"]["y"] += 2 / SIZE["height"]
    elif how == "other colour":
        style["color"] = "#40FFC0"
    elif how == "late":
        for each in track["cues"]:
            for timed in (each, *each["words"]):
                timed["start"], timed["end"] = timed["start"] + FRAME_S, timed["end"] + FRAME_S
    return document


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a second and a half of grainy footage, SDR and PQ: what encoders smooth away must not count."""
    home, random, made = tmp_path_factory.mktemp("noisy"), np.random.default_rng(1), {}
    for name, form, codec in (("sdr", "yuv420p", "libx264"), ("hdr", "yuv420p10le", "libx265")):
        frames = []
        for number in range(15):
            frame = av.VideoFrame(SIZE["width"], SIZE["height"], form)
            for index in range(3):
                plane = plane_of(frame, index) if name == "sdr" else words_of(frame, index)
                slope = (np.arange(plane.shape[1]) * (1 + index) + number * 3) % 120 + 60
                grain = np.clip(slope + random.normal(0, 12, plane.shape), 20, 230)
                plane[...] = grain * (1 if name == "sdr" else 4)
            (BT709 if name == "sdr" else Colour(BT2020, False, BT2020, PQ)).tag(frame)
            frame.pts = None
            frames.append(frame)
        made[name] = write_source(home / f"{name}.mp4", frames, codec=codec, fps=Fraction(10))
    return made


Files = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, noisy: dict[str, Path], chromium: str) -> Files:
    """Return what renders every kind of output with a fault, or without one, and gives the file of a kind."""
    home = tmp_path_factory.mktemp("kinds")

    def path_of(how: str, kind: str) -> Path:
        output = (KINDS | KEPT)[kind]
        path = home / f"{how}-{kind}.{SUFFIXES.get(output.container, output.container)}"
        if not path.exists():
            for source, kinds in ((noisy["sdr"], KINDS), (noisy["hdr"], KEPT)):
                if kind in kinds:
                    render_all(source, how, kinds)
        return path

    def render_all(source: Path, how: str, kinds: dict[str, RenderOutput]) -> None:
        ends = {name: SUFFIXES.get(output.container, output.container) for name, output in kinds.items()}
        orders = [(home / f"{how}-{name}.{ends[name]}", output) for name, output in kinds.items()]
        render_files(source, sabotaged(how), orders, settings=settings_of(), extras=Extras())

    return path_of


class TestKinds:
    @pytest.mark.parametrize("kind", [*KINDS, *KEPT])
    def test_honest_files_of_every_kind_pass_with_a_margin(
        self, noisy: dict[str, Path], files: Files, kind: str
    ) -> None:
        output = (KINDS | KEPT)[kind]
        report = check(noisy["hdr" if kind == "hdr" else "sdr"], files("", kind), placed(0.8), output)
        bounds = bounds_of(complete_output(output))
        assert (len(report["samples"]) >= 1, report["kind"]) == (True, bounds.kind)
        assert report["bounds"] == {**asdict(bounds), "shift": [0, 0]}
        assert any(sample["punctual"] is not None for sample in report["samples"])
        for sample in report["samples"]:
            for name in ("likeness", "presence", "ssim", "punctual"):
                left = 1 - (1.0 if sample[name] is None else sample[name])
                assert left <= 0.67 * (1 - getattr(bounds, name)) + 0.0005, (name, sample)
            assert sample["colour"] <= 0.67 * bounds.colour, sample

    @pytest.mark.parametrize("how", WRONG)
    @pytest.mark.parametrize("kind", [*KINDS, *KEPT])
    def test_files_of_every_kind_with_a_small_fault_fail(
        self, noisy: dict[str, Path], files: Files, kind: str, how: str
    ) -> None:
        with pytest.raises(PermanentError) as caught:
            check(noisy["hdr" if kind == "hdr" else "sdr"], files(how, kind), placed(0.8), (KINDS | KEPT)[kind])
        assert caught.value.code == "render.parity_failed"
        samples = caught.value.extra["parity"]["samples"]
        if how.startswith("moved"):
            assert {tuple(sample["shift"]) for sample in samples} == {(2, 0) if how == "moved right" else (0, 2)}
        elif how == "late":
            assert min(sample["punctual"] for sample in samples if sample["punctual"] is not None) < 0.3


class TestPunctuality:
    @pytest.mark.parametrize(
        ("change", "noise", "late", "found"),
        [(40, 7, False, 1.0), (40, 7, True, 0.0), (5, 0, True, 0.0), (5, 7, True, None), (5, 7, False, None)],
    )
    def test_a_change_that_an_encoder_may_have_lost_is_not_judged(
        self, change: float, noise: float, late: bool, found: float | None
    ) -> None:
        before, after = (np.full((32, 32), 100, np.float32) for _ in range(2))
        after[8:14, 8:14] += change
        grey = np.full((16, 16), 128, np.float32)
        shown = (before if late else after) + np.random.default_rng(2).normal(0, noise, after.shape).astype(np.float32)
        moment = Moment(1.0, (before, grey, grey), (after, grey, grey), ((before, grey, grey),), Rect(8, 8, 6, 6))
        assert punctuality(moment, (shown, grey, grey)) == (None if found is None else pytest.approx(found, abs=0.1))


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
