"""Chroma where the footage has it: thin edges of captions and the footage's own colours, held against a reference.

The reference is worked out here, in floating point, from RGB: each sample of chroma from the pixels around its place.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.colour import BT2020, PQ, Colour, signal_of
from render_node.composite import ColourSpace, blend, plane_of, to_yuv
from render_node.deep import blend_deep, to_deep, words_of
from render_node.frames.plan import Rect, Tile
from render_node.render import render_file
from tasks.contracts import RenderOutput
from tasks.media.siting import siting_of, turned
from tests.render.outputs import BT709, to_planes
from tests.render.test_layers import with_logo
from tests.render.test_render import settings_of

KERNELS = {"on": (0.25, 0.5, 0.25), "between": (0.0, 0.5, 0.5)}
"""Weights of the pixel before an even one, of that one and of the next."""
AXES = {"left": ("on", "between"), "center": ("between", "between"), "topleft": ("on", "on"), "top": ("between", "on")}
"""How samples lie to columns, and to rows."""
WIDTH, HEIGHT = 96, 64
LOSSLESS = {"libx264": {"qp": "0", "preset": "ultrafast"}}


def resample(values: np.ndarray, siting: str) -> np.ndarray:
    """Return the samples of chroma that a full plane has at a siting."""
    for axis, kind in zip((1, 0), AXES[siting], strict=True):
        rows = np.moveaxis(values, axis, 0)
        padded = np.concatenate([rows[:1], rows, rows[-1:]])
        parts = [padded[number : number + len(rows) : 2] * weight for number, weight in enumerate(KERNELS[kind])]
        values = np.moveaxis(sum(parts), 0, axis)
    return values


def stripes(width: int, height: int) -> np.ndarray:
    """Draw lines of one and two pixels, upright and level, at odd and even places, in full colours, soft ones too."""
    picture = np.zeros((height, width, 4), np.uint8)
    random = np.random.default_rng(3)
    x = 1
    for number, (gap, wide) in enumerate([(2, 1), (3, 1), (2, 2), (3, 2), (4, 1), (5, 2)] * (width // 25)):
        colour = [(255, 0, 0), (0, 0, 255), (255, 0, 255), (0, 255, 0)][number % 4]
        picture[:, x : x + wide] = (*colour, (255, 255, 140)[number % 3])
        picture[(x + number) % (height - 3) :, :][:wide] = (*colour[::-1], 255)
        x += gap + wide
    picture[height - 1] = (255, 0, 0, 255)
    picture[random.integers(0, height, 9), random.integers(0, width, 9)] = (0, 255, 255, 255)
    return picture


def laid_over(planes: list[np.ndarray], picture: np.ndarray, at: tuple[int, int], siting: str, **how: Any) -> Any:
    """Return Y, Cb, Cr of 4:2:0 footage with a picture at (x, y), blended in floating point."""
    height, width = planes[0].shape
    alpha, colour = np.zeros((height, width)), np.zeros((height, width, 3), picture.dtype)
    rows, columns = slice(at[1], at[1] + picture.shape[0]), slice(at[0], at[0] + picture.shape[1])
    alpha[rows, columns], colour[rows, columns] = picture[..., 3] / 255, picture[..., :3]
    y, *chroma = to_planes(colour, BT709, **how)
    cover = resample(alpha, siting)
    blended = [
        resample(plane * alpha, siting) + below * (1 - cover) for plane, below in zip(chroma, planes[1:], strict=True)
    ]
    return [y * alpha + planes[0] * (1 - alpha), *blended]


def noise(pixel_format: str) -> av.VideoFrame:
    frame, random = av.VideoFrame(WIDTH, HEIGHT, pixel_format), np.random.default_rng(1)
    for index in range(3):
        plane = plane_of(frame, index) if pixel_format == "yuv420p" else words_of(frame, index)
        plane[...] = random.integers(64, 900 if plane.dtype == np.uint16 else 236, plane.shape)
    return frame


def beside(picture: np.ndarray, rect: Rect) -> tuple[Tile, np.ndarray]:
    """Return a tile of a picture as the stage draws it."""
    drawn = Tile(1, rect).drawn
    return Tile(1, rect), picture[drawn.y : drawn.y + drawn.height, drawn.x : drawn.x + drawn.width]


@pytest.mark.parametrize("siting", AXES)
@pytest.mark.parametrize("rect", [Rect(0, 0, WIDTH, HEIGHT), Rect(20, 10, 50, 40), Rect(0, 12, 36, 52)])
def test_patches_are_within_a_level_of_the_reference(siting: str, rect: Rect) -> None:
    frame, drawn = noise("yuv420p"), stripes(WIDTH, HEIGHT)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] = True
    before = [plane_of(frame, index).astype(float) for index in range(3)]
    blend(frame, to_yuv(*beside(drawn, rect), ColourSpace("ITU709", False, siting)))
    for index, right in enumerate(laid_over(before, drawn, (0, 0), siting)):
        own = inside if index == 0 else inside[::2, ::2]
        assert np.abs(plane_of(frame, index) - right)[own].max() <= 1.6
        assert np.array_equal(plane_of(frame, index)[~own], before[index][~own])


@pytest.mark.parametrize("siting", AXES)
def test_ten_bit_patches_are_within_a_level_of_the_reference(siting: str) -> None:
    frame, drawn, rect = noise("yuv420p10le"), stripes(WIDTH, HEIGHT), Rect(10, 6, 70, 50)
    colour = Colour(BT2020, False, BT2020, PQ, siting)
    before = [words_of(frame, index).astype(float) for index in range(3)]
    blend_deep(frame, to_deep(*beside(drawn, rect), colour, half=2))
    signal = signal_of(drawn[..., :3].astype(np.float32) / np.float32(255), colour).astype(float)
    y = signal @ [0.2627, 0.6780, 0.0593]
    full = [(signal[..., 2] - y) / 1.8814 * 896 + 512, (signal[..., 0] - y) / 1.4746 * 896 + 512]
    alpha = drawn[..., 3] / 255
    own = np.s_[3:28, 5:40]
    for index, plane in enumerate(full, start=1):
        right = resample(plane * alpha, siting) + before[index] * (1 - resample(alpha, siting))
        # The alpha of a sample is one of 256 steps: half of one is two levels of ten bits.
        assert np.abs(words_of(frame, index) - right)[own].max() <= 2.6


def write_card(path: Path, siting: str, *, rotation: int = 0, codec: str = "libx264") -> list[np.ndarray]:
    """Write three equal frames without loss, tagged; return their planes."""
    across, down = np.meshgrid(np.linspace(0, 1, WIDTH * 2), np.linspace(0, 1, HEIGHT * 2))
    picture = np.stack([180 * across + 30, 200 - 150 * down, 220 - 180 * across * down], -1)
    y, *chroma = to_planes(picture, BT709)
    frame = av.VideoFrame(WIDTH * 2, HEIGHT * 2, "yuv420p")
    planes = [y, *(np.rint(resample(plane, siting)) for plane in chroma)]
    for index, plane in enumerate(planes):
        plane_of(frame, index)[...] = plane
    BT709.tag(frame)
    with av.open(str(path), "w") as container:
        told = {"chroma_sample_location": siting, **LOSSLESS.get(codec, {})}
        stream = container.add_stream(codec, rate=10, options=told)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_primaries, context.color_trc = 1, 1, 1, 1
        if rotation:
            stream.set_display_rotation(-rotation)
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return [plane.astype(float) for plane in planes]


def read_back(path: Path) -> tuple[str, list[np.ndarray]]:
    """Return the tag and the planes of the first frame."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        return siting_of(container.streams.video[0]), [plane_of(frame, index).astype(float) for index in range(3)]


def png_of(picture: np.ndarray) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "rgba"
    encoder.time_base = Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(picture, format="rgba")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def logo(picture: np.ndarray, at: tuple[int, int]) -> dict[str, Any]:
    """Return a scenario that shows a picture, pixel by pixel, with its corner at a place."""
    document = with_logo(start=0, end=1, width=picture.shape[1] / (WIDTH * 2))
    document["canvas"] = {"width": WIDTH * 2, "height": HEIGHT * 2}
    position = {"x": at[0] / (WIDTH * 2), "y": at[1] / (HEIGHT * 2), "anchor": "top", "anchorX": "left"}
    document["tracks"][0]["items"][0]["position"] = position
    return document


def shifts_of(found: list[np.ndarray], right: list[np.ndarray]) -> dict[str, float]:
    """Return by how many levels the chroma of a card is off on the whole, for every siting that it may be meant for."""
    return {
        siting: max(
            abs(float((mine - resample(plane, siting))[4:-4, 4:-4].mean()))
            for mine, plane in zip(found, right, strict=True)
        )
        for siting in AXES
    }


@pytest.mark.usefixtures("chromium")
class TestRenders:
    @pytest.mark.parametrize("siting", AXES)
    @pytest.mark.parametrize("at", [(31, 20), (40, 33)])
    def test_edges_of_captions_are_where_the_footage_has_its_chroma(
        self, tmp_path: Path, siting: str, at: tuple[int, int]
    ) -> None:
        before, drawn = write_card(tmp_path / "in.mp4", siting), stripes(100, 60)
        output = RenderOutput(encoder="libx264", preset="ultrafast", crf=0)
        receipt = render_file(
            tmp_path / "in.mp4",
            logo(drawn, at),
            tmp_path / "out.mp4",
            output=output,
            settings=settings_of(),
            images={"logo": png_of(drawn)},
        )
        tag, after = read_back(tmp_path / "out.mp4")
        assert tag == siting == read_back(tmp_path / "in.mp4")[0] == receipt.encoder_options["chroma_sample_location"]
        for mine, right in zip(after, laid_over(before, drawn, at, siting), strict=True):
            assert np.abs(mine - right).max() <= 2

    @pytest.mark.parametrize("rotation", [90, 180, 270])
    def test_turned_footage_says_where_its_chroma_came_to_lie(self, tmp_path: Path, rotation: int) -> None:
        write_card(tmp_path / "in.mp4", "left", rotation=rotation)
        output = RenderOutput(encoder="libx264", preset="ultrafast", crf=0)
        document = logo(stripes(30, 30), (5, 5))
        images = {"logo": png_of(np.zeros((30, 30, 4), np.uint8))}
        settings = settings_of()
        render_file(
            tmp_path / "in.mp4", document, tmp_path / "out.mp4", output=output, settings=settings, images=images
        )
        tag, after = read_back(tmp_path / "out.mp4")
        assert tag == {90: "top", 180: "left", 270: "left"}[rotation]
        across, down = np.meshgrid(np.linspace(0, 1, WIDTH * 2), np.linspace(0, 1, HEIGHT * 2))
        picture = np.stack([180 * across + 30, 200 - 150 * down, 220 - 180 * across * down], -1)
        off = shifts_of(after[1:], to_planes(np.rot90(picture, -rotation // 90), BT709)[1:])
        assert min(off, key=lambda each: off[each]) == tag and off[tag] < 0.12

    @pytest.mark.parametrize("siting", AXES)
    @pytest.mark.parametrize("fit", ["stretch", "pad", "blur"])
    def test_scaled_footage_keeps_its_chroma_in_place(self, tmp_path: Path, siting: str, fit: str) -> None:
        write_card(tmp_path / "in.mp4", siting)
        tall = {"width": WIDTH, "height": HEIGHT} if fit == "stretch" else {"width": WIDTH, "height": HEIGHT * 2}
        output = RenderOutput(encoder="libx264", preset="ultrafast", crf=0, fit=fit, **tall)
        document, images = logo(stripes(30, 30), (5, 5)), {"logo": png_of(np.zeros((30, 30, 4), np.uint8))}
        settings = settings_of()
        render_file(
            tmp_path / "in.mp4", document, tmp_path / "out.mp4", output=output, settings=settings, images=images
        )
        _, after = read_back(tmp_path / "out.mp4")
        # A pixel of the small picture lies between two of the large one.
        across, down = np.meshgrid(*((2 * np.arange(side) + 0.5) / (2 * side - 1) for side in (WIDTH, HEIGHT)))
        picture = np.stack([180 * across + 30, 200 - 150 * down, 220 - 180 * across * down], -1)
        top = 0 if fit == "stretch" else (HEIGHT // 4 * 2) // 2
        found = [plane[top : top + HEIGHT // 2] for plane in after[1:]]
        off = shifts_of(found, to_planes(picture, BT709)[1:])
        assert min(off, key=lambda each: off[each]) == siting and off[siting] < 0.12


@pytest.mark.parametrize(
    ("codec", "suffix", "told"),
    [("libx264", "mp4", "topleft"), ("libx265", "mp4", "center"), ("libvpx-vp9", "webm", "topleft"),
     ("libsvtav1", "mp4", "topleft"), ("mpeg2video", "mkv", "left")],
)  # fmt: skip
def test_files_say_where_their_chroma_lies(tmp_path: Path, codec: str, suffix: str, told: str) -> None:
    write_card(tmp_path / f"in.{suffix}", told, codec=codec)
    with av.open(str(tmp_path / f"in.{suffix}")) as container:
        assert siting_of(container.streams.video[0]) == told


def test_what_a_file_does_not_say_is_left(tmp_path: Path) -> None:
    write_card(tmp_path / "in.mp4", "left", codec="libvpx-vp9")
    with av.open(str(tmp_path / "in.mp4")) as container:
        assert siting_of(container.streams.video[0]) == ""
    assert turned("", 0) == "left"


def test_turning_moves_chroma() -> None:
    assert [turned("left", turn) for turn in (0, 90, 180, 270)] == ["left", "top", "", "bottom"]
    assert [turned("center", turn) for turn in (0, 90, 180, 270)] == ["center"] * 4
    assert [turned("topleft", turn) for turn in (0, 90, 180, 270)] == ["topleft", "", "", "bottomleft"]
