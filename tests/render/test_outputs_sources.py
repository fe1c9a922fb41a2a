"""Unusual sources, shapes and rates: colours stay right, nothing is resampled or dropped without being asked."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.colour import BT2020, HLG, PQ, Colour, hlg_of, pq_of
from render_node.render import render_file
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.contracts.outputs import complete_output
from tasks.errors import InvalidInputError
from tests.media_samples import make_video
from tests.render.outputs import (
    BT601,
    BT709,
    CARD,
    FULL_709,
    card,
    raw_frame,
    read_frames,
    read_index,
    to_rgb,
    write_source,
)
from tests.render.test_outputs import BOX, BOX_AT, HEIGHT, WIDTH, boxed, off_by, render_all
from tests.render.test_render import settings_of

X264 = {"encoder": "libx264", "preset": "ultrafast", "crf": 4}
HEVC_10 = RenderOutput(codec="hevc", encoder="libx265", preset="ultrafast", crf=4, bit_depth=10, dynamic_range="keep")

pytestmark = pytest.mark.usefixtures("chromium")


def render(source: Path, out: Path, document: dict[str, Any] | None = None, **output: Any) -> RenderReceipt:
    wanted = RenderOutput(**{**X264, **output})
    return render_file(source, document or boxed(), out, output=wanted, settings=settings_of())


class TestColoursOfSources:
    @pytest.mark.parametrize(
        ("colour", "pixel_format"),
        [
            (BT601, "yuv420p"),
            (FULL_709, "yuv420p"),
            (BT709, "yuv444p"),
            (BT601, "yuv422p"),
            (BT709, "yuv420p10le"),
            (BT709, "yuv444p10le"),
            (Colour(2, False), "yuv420p"),
        ],
        ids=str,
    )
    def test_card_stays_within_two_levels(self, tmp_path: Path, colour: Colour, pixel_format: str) -> None:
        meant = BT601 if colour.space == 2 else colour  # small and untagged: what players take it for
        frames = [raw_frame(card(WIDTH, HEIGHT), meant, pixel_format) for _ in range(4)]
        for frame in frames:
            colour.tag(frame)
        source = write_source(tmp_path / "in.mkv", frames)
        receipt = render(source, tmp_path / "out.mp4", boxed(alpha=255))
        last = read_frames(tmp_path / "out.mp4")[-1]
        assert off_by(last) <= 2
        assert np.abs(to_rgb(last)[BOX_AT] - BOX).max() <= 2
        converted = receipt.checks.get("converted_from")
        assert converted == (None if pixel_format == "yuv420p" else pixel_format)

    def test_untagged_footage_made_larger_says_which_matrix_it_has(self, tmp_path: Path) -> None:
        frames = [raw_frame(card(WIDTH, HEIGHT), BT601) for _ in range(2)]
        for frame in frames:
            Colour(2, False).tag(frame)
        render(write_source(tmp_path / "in.mkv", frames), tmp_path / "out.mp4", width=960)
        picture = read_frames(tmp_path / "out.mp4")[-1]
        assert (picture.width, picture.height, int(picture.colorspace)) == (960, 768, 6)
        assert off_by(picture.reformat(width=WIDTH, height=HEIGHT)) <= 3

    def test_rgb_footage_becomes_tagged_yuv(self, tmp_path: Path) -> None:
        frames = [av.VideoFrame.from_ndarray(card(WIDTH, HEIGHT), format="rgb24") for _ in range(2)]
        source = write_source(tmp_path / "in.mov", frames, codec="png")
        receipt = render(source, tmp_path / "out.mp4")
        assert off_by(read_frames(tmp_path / "out.mp4")[-1]) <= 2
        assert receipt.checks["converted_from"] == "rgb24"


def hdr_source(path: Path, transfer: int, **options: str) -> Path:
    """Write gray columns of 0, 50, 203 and 1000 cd/m2."""
    levels = np.repeat(np.array([0, 50, 203, 1000], np.float32)[:, None], 3, 1)
    signal = (pq_of(levels) if transfer == PQ else hlg_of(levels)).repeat(WIDTH // 4, 0)
    picture = np.broadcast_to(signal * 255, (HEIGHT, WIDTH, 3))
    colour = Colour(BT2020, False, BT2020, transfer)
    frames = [raw_frame(picture, colour, "yuv420p10le") for _ in range(4)]
    return write_source(path, frames, codec="libx265", **options)


class TestHighDynamicRange:
    COLUMNS = (40, 120, 200, 280)

    @pytest.mark.parametrize("transfer", [PQ, HLG])
    def test_is_mapped_to_tagged_sdr_without_clipping(self, tmp_path: Path, transfer: int) -> None:
        source = hdr_source(tmp_path / "in.mkv", transfer)
        receipt = render(source, tmp_path / "out.mp4")
        frame = read_frames(tmp_path / "out.mp4")[0]
        black, dim, white, bright = (to_rgb(frame)[30, at] for at in self.COLUMNS)
        assert (int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)) == (1, 1, 1)
        assert black.max() <= 2 and black.max() < dim.min() < white.min() < bright.min() <= 258
        assert abs(white.mean() - 0.83 * 255) <= 6  # paper white stays bright, with room above it
        assert receipt.checks["tone_mapped_from"] == ("smpte2084" if transfer == PQ else "arib-std-b67")

    @pytest.mark.parametrize("transfer", [PQ, HLG])
    def test_passes_through_with_its_tags_and_captions_at_paper_white(self, tmp_path: Path, transfer: int) -> None:
        source = hdr_source(tmp_path / "in.mkv", transfer)
        document = boxed(alpha=255)
        document["tracks"][0]["style"]["background"]["color"] = "#FFFFFFFF"
        receipt = render_file(source, document, tmp_path / "o.mp4", output=HEVC_10, settings=settings_of())
        frame, before = read_frames(tmp_path / "o.mp4")[-1], read_frames(source)[-1]
        tags = (int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc))
        assert (tags, frame.format.name) == ((9, 9, transfer), "yuv420p10le")
        assert np.abs(to_rgb(frame)[:120] - to_rgb(before)[:120]).max() <= 1
        white = pq_of(np.full(3, 203, np.float32)) if transfer == PQ else hlg_of(np.full((1, 3), 203, np.float32))[0]
        assert np.abs(to_rgb(frame)[BOX_AT] - white * 255).max() <= 1
        assert (receipt.pixel_format, receipt.colour["transfer"]) == ("yuv420p10le", before_name(transfer))
        assert "tone_mapped_from" not in receipt.checks


def before_name(transfer: int) -> str:
    return "smpte2084" if transfer == PQ else "arib-std-b67"


def odd_source(path: Path) -> Path:
    """Write a clip of 271 by 481, its columns alternately dark and light so that any resampling shows."""
    picture = np.zeros((481, 271, 3), np.uint8)
    picture[:, ::2] = 200
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv444p")
    return write_source(path, [frame] * 1, codec="libx264")


class TestShapes:
    def test_odd_column_and_row_are_cut_off_and_nothing_is_resampled(self, tmp_path: Path) -> None:
        source = odd_source(tmp_path / "in.mkv")
        receipt = render(source, tmp_path / "out.mp4", boxed(width=270, height=480), crf=0)
        assert (receipt.width, receipt.height) == (270, 480)
        mine = read_frames(tmp_path / "out.mp4")[0].to_ndarray(format="gray")[:200]
        theirs = read_frames(source)[0].to_ndarray(format="gray")[:200, :270]
        assert np.abs(mine.astype(int) - theirs).max() <= 1

    @pytest.mark.parametrize(
        ("aspect", "fit", "size"),
        [
            ("9:16", "crop", (144, 256)),
            ("1:1", "crop", (256, 256)),
            ("4:5", "pad", (320, 400)),
            ("9:16", "blur", (320, 568)),
            ("16:9", "pad", (454, 256)),
        ],
    )
    def test_aspects(self, tmp_path: Path, aspect: str, fit: str, size: tuple[int, int]) -> None:
        source = write_source(tmp_path / "in.mkv", [raw_frame(card(WIDTH, HEIGHT), BT709) for _ in range(2)])
        more = {"aspect": aspect, "fit": fit, "background": "#2090C0"}
        receipt = render(source, tmp_path / "out.mp4", boxed(width=size[0], height=size[1]), **more)
        picture = to_rgb(read_frames(tmp_path / "out.mp4")[0])
        assert (receipt.width, receipt.height) == size == (picture.shape[1], picture.shape[0])
        assert np.abs(picture[size[1] // 2, size[0] // 2 + 20] - CARD[4]).max() <= 3  # the middle is the middle
        corner = picture[4, 4]
        if fit == "pad":
            assert np.abs(corner - (0x20, 0x90, 0xC0)).max() <= 2
        elif fit == "blur":
            assert corner.max() > 60  # some of the picture, not black bars

    def test_unequal_pixels_are_made_square(self, tmp_path: Path) -> None:
        path = tmp_path / "in.mp4"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 240, 240, "yuv420p"
            stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
            for number in range(3):
                frame = raw_frame(card(240, 240), BT709)
                frame.pts, frame.time_base = number, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        receipt = render(path, tmp_path / "out.mp4", boxed(width=320, height=240))
        assert (receipt.width, receipt.height) == (320, 240)


class TestRates:
    def test_uneven_times_become_even_ones(self, tmp_path: Path) -> None:
        stamps = [0, 40, 60, 200, 210, 400, 410, 700, 960]
        frames = []
        for stamp in stamps:
            frame = raw_frame(np.full((HEIGHT, WIDTH, 3), stamp // 5, np.uint8), BT709)
            frame.pts = stamp
            frames.append(frame)
        source = write_source(tmp_path / "in.mkv", frames)
        receipt = render(source, tmp_path / "out.mp4", fps="30000/1001")
        with av.open(str(tmp_path / "out.mp4")) as container:
            stream = container.streams.video[0]
            shown = [(frame.pts * stream.time_base, to_rgb(frame)[20, 20, 0]) for frame in container.decode(stream)]
        assert (receipt.fps_num, receipt.fps_den) == (30000, 1001)
        assert [t for t, _ in shown] == [n * Fraction(1001, 30000) for n in range(len(shown))]
        for t, level in shown:
            held = max(stamp for stamp in stamps if stamp <= t * 1000 + 0.5)
            assert abs(level - held // 5) <= 2, t

    def test_outputs_of_several_sizes_and_rates_come_from_one_pass(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.mp4", width=WIDTH, height=HEIGHT, fps=30, duration_s=1)
        outputs = {
            "whole": RenderOutput(**X264),
            "small": RenderOutput(**{**X264, "width": 160}),
            "slow": RenderOutput(container="gif", fps="10", width=160),
            "pictures": RenderOutput(container="png", fps="5", layer="captions"),
        }
        made = render_all(source, tmp_path, outputs)
        receipts = {name: receipt for name, (_, receipt) in made.items()}
        assert {name: receipt.frame_count for name, receipt in receipts.items()} == {
            "whole": 30, "small": 30, "slow": 10, "pictures": 5,
        }  # fmt: skip
        assert {name: receipt.audio for name, receipt in receipts.items()} == {
            "whole": "copy", "small": "copy", "slow": "none", "pictures": "none",
        }  # fmt: skip
        assert read_index(made["pictures"][0])["times_s"] == ["0", "1/5", "2/5", "3/5", "4/5"]
        alone = tmp_path / "alone.mp4"
        render_file(source, boxed(), alone, output=outputs["small"], settings=settings_of())
        assert alone.read_bytes() == made["small"][0].read_bytes()


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"container": "webm", "codec": "h264"}, "render.unsupported_output"),
        ({"codec": "hevc", "encoder": "libx264"}, "render.unsupported_output"),
        ({"crf": 20, "bit_rate": 1_000_000}, "render.quality_conflict"),
        ({"quality": "high", "crf": 0}, "render.quality_conflict"),
        ({"container": "mov", "crf": 20}, "render.quality_conflict"),
        ({"crf": 52}, "render.invalid_output"),
        ({"fps": "0/5"}, "render.invalid_fps"),
        ({"fps": "fast"}, "render.invalid_fps"),
        ({"container": "gif", "fps": "60"}, "render.invalid_fps"),
        ({"width": 100, "height": 100, "aspect": "9:16"}, "render.size_conflict"),
        ({"layer": "captions"}, "render.alpha_unsupported"),
        ({"container": "webm", "alpha": True}, "render.alpha_unsupported"),
        ({"bit_depth": 10}, "render.bit_depth_unsupported"),
        ({"dynamic_range": "keep"}, "render.bit_depth_unsupported"),
        ({"codec": "hevc", "dynamic_range": "keep", "bit_depth": 8}, "render.bit_depth_unsupported"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(output: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        complete_output(RenderOutput(**output))
    assert refused.value.code == code


def test_completing_twice_changes_nothing() -> None:
    once = complete_output(RenderOutput(container="webm", quality="best"))
    assert complete_output(once) == once
    assert (once.codec, once.crf, once.alpha, once.bit_depth) == ("vp9", 18, False, 8)


class TestFilesThatLie:
    def test_frames_without_times_follow_each_other(self, tmp_path: Path) -> None:
        source = make_video(
            tmp_path / "in.avi", width=WIDTH, height=HEIGHT, fps=20, duration_s=1, audio=None, codec="mpeg4", options={}
        )
        receipt = render(source, tmp_path / "out.mp4")
        with av.open(str(tmp_path / "out.mp4")) as container:
            times = [float(frame.time) for frame in container.decode(video=0)]
        assert receipt.frame_count == len(times) == 20
        assert np.abs(np.diff(times) - 0.05).max() < 0.001

    def test_size_that_changes_midway_is_fitted_again(self, tmp_path: Path) -> None:
        path = tmp_path / "in.ts"
        with path.open("wb") as joined:
            for number, (width, height) in enumerate(((WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2))):
                part = tmp_path / f"{number}.ts"
                frames = [raw_frame(card(width, height), BT709) for _ in range(5)]
                for at, frame in enumerate(frames):
                    frame.pts = 40 * (5 * number + at)
                write_source(part, frames)
                joined.write(part.read_bytes())
        receipt = render(path, tmp_path / "out.mp4")
        shown = read_frames(tmp_path / "out.mp4")
        assert {(frame.width, frame.height) for frame in shown} == {(receipt.width, receipt.height)}
        assert len(shown) == 10
        assert max(off_by(frame) for frame in (shown[0], shown[-1])) <= 3
