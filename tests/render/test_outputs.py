"""Every container and codec: one decoding for all, exact colours, alpha, times, shapes, receipts that say what was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.render import Extras, render_files
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.contracts.outputs import SUFFIXES
from tests.render.outputs import (
    BT709,
    CARD,
    card,
    centres,
    raw_frame,
    read_frames,
    read_index,
    to_rgb,
    write_source,
)
from tests.render.test_render import settings_of
from tests.unit.scenario.scenes import cue, scene, word

WIDTH, HEIGHT, FRAMES = 320, 256, 10
BOX = (210, 70, 30)
BOX_ALPHA = 128
BOX_AT = (180, 140)
"""Row and column inside the caption's box, above its text, over the middle of the card's fourth column."""
SMALL = {"preset": "ultrafast"}
OUTPUTS = {
    "h264": RenderOutput(encoder="libx264", crf=4, **SMALL),
    "hevc": RenderOutput(codec="hevc", encoder="libx265", crf=4, **SMALL),
    "hevc-10": RenderOutput(codec="hevc", encoder="libx265", crf=4, bit_depth=10, **SMALL),
    "av1": RenderOutput(codec="av1", encoder="libsvtav1", crf=8, **SMALL),
    "av1-10": RenderOutput(codec="av1", encoder="libsvtav1", crf=8, bit_depth=10, **SMALL),
    "vp9": RenderOutput(container="webm", crf=4, **SMALL),
    "prores": RenderOutput(container="mov"),
    "mov-h264": RenderOutput(container="mov", codec="h264", encoder="libx264", bit_rate=8_000_000, **SMALL),
    "gif": RenderOutput(container="gif"),
    "png": RenderOutput(container="png"),
    "vp9-alpha": RenderOutput(container="webm", layer="captions", crf=4, **SMALL),
    "prores-alpha": RenderOutput(container="mov", layer="captions"),
    "gif-alpha": RenderOutput(container="gif", layer="captions"),
    "png-alpha": RenderOutput(container="png", layer="captions"),
    "alone": RenderOutput(encoder="libx264", layer="captions", alpha=False, background="#C82828", crf=4, **SMALL),
}
VIDEOS = [name for name in OUTPUTS if "alpha" not in name and name != "alone"]
ALPHAS = [name for name in OUTPUTS if "alpha" in name]


def boxed(*, width: int = WIDTH, height: int = HEIGHT, alpha: int = BOX_ALPHA) -> dict[str, Any]:
    """Return a scenario whose one caption has a half-transparent box, from 0.08 s on."""
    colour = "#{:02X}{:02X}{:02X}{:02X}".format(*BOX, alpha)
    style = {
        "fontSize": 20,
        "background": {"color": colour, "paddingX": 60, "paddingY": 24},
        "position": {"x": 0.5, "y": 0.8, "anchor": "center"},
    }
    shown = cue(word(1, "ab", 0.08, 4.0), start=0.08, end=4.0)
    plain = {"enter": {"type": "none"}, "exit": {"type": "none"}, "activeWord": {"type": "none"}}
    return scene(shown, width=width, height=height, style=style, animation=plain)


Made = dict[str, tuple[Path, RenderReceipt]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Made:
    """Render every kind of output from one source at once."""
    home = tmp_path_factory.mktemp("outputs")
    source = write_source(home / "in.mkv", [raw_frame(card(WIDTH, HEIGHT), BT709) for _ in range(FRAMES)])
    return render_all(source, home, OUTPUTS)


def render_all(source: Path, home: Path, outputs: dict[str, RenderOutput], document: Any = None) -> Made:
    paths = {name: home / f"{name}{SUFFIXES[output.container]}" for name, output in outputs.items()}
    orders = [(paths[name], output) for name, output in outputs.items()]
    receipts = render_files(source, document or boxed(), orders, settings=settings_of(), extras=Extras())
    return {name: (paths[name], receipt) for name, receipt in zip(outputs, receipts, strict=True)}


def off_by(frame: av.VideoFrame) -> float:
    """Return how far the test card's colours are from the right ones, in levels."""
    return float(np.abs(centres(to_rgb(frame)[:120]) - np.array(CARD)).max())


class TestEveryOutput:
    @pytest.mark.parametrize("name", VIDEOS)
    def test_card_keeps_its_colours(self, made: Made, name: str) -> None:
        frames = read_frames(made[name][0])
        assert len(frames) == FRAMES
        assert max(off_by(frame) for frame in (frames[0], frames[-1])) <= 2

    @pytest.mark.parametrize("name", VIDEOS)
    def test_box_is_mixed_with_the_footage_by_its_alpha(self, made: Made, name: str) -> None:
        row, column = BOX_AT
        cover = BOX_ALPHA / 255
        right = np.array(BOX) * cover + np.array(CARD[3]) * (1 - cover)
        first, last = (to_rgb(read_frames(made[name][0])[at])[row, column] for at in (0, -1))
        assert np.abs(last - right).max() <= 2
        assert np.abs(first - CARD[3]).max() <= 2  # it is not there yet

    @pytest.mark.parametrize("name", [name for name in ALPHAS if name != "gif-alpha"])
    def test_captions_alone_have_straight_alpha(self, made: Made, name: str) -> None:
        frame = read_frames(made[name][0])[-1]
        picture = frame.to_ndarray(format="rgba") if frame.format.is_rgb else None
        colour, alpha = (picture[..., :3], picture[..., 3]) if picture is not None else (to_rgb(frame), alpha_of(frame))
        assert np.abs(colour[BOX_AT] - np.array(BOX)).max() <= 2
        assert abs(float(alpha[BOX_AT]) - BOX_ALPHA) <= 2
        assert alpha[:120].max() == 0

    def test_gif_has_all_or_nothing(self, made: Made) -> None:
        frame = read_frames(made["gif-alpha"][0])[-1].to_ndarray(format="rgba")
        assert np.abs(frame[BOX_AT][:3].astype(int) - BOX).max() <= 2
        assert (frame[BOX_AT][3], frame[:120, :, 3].max()) == (255, 0)

    def test_captions_alone_lie_on_the_background_when_there_is_no_alpha(self, made: Made) -> None:
        picture = to_rgb(read_frames(made["alone"][0])[-1])
        assert np.abs(picture[:120] - (200, 40, 40)).max() <= 2
        cover = BOX_ALPHA / 255
        assert np.abs(picture[BOX_AT] - (np.array(BOX) * cover + np.array((200, 40, 40)) * (1 - cover))).max() <= 2

    def test_one_browser_draws_for_all(self, made: Made) -> None:
        assert len({receipt.captured_states for _, receipt in made.values()}) == 1
        assert len({receipt.recipe for _, receipt in made.values()}) == len(OUTPUTS)

    def test_receipts_name_what_was_used(self, made: Made) -> None:
        used = {name: (receipt.encoder, receipt.pixel_format) for name, (_, receipt) in made.items()}
        assert used["hevc-10"] == ("libx265", "yuv420p10le")
        assert used["prores-alpha"] == ("prores_ks", "yuva444p10le")
        assert used["vp9-alpha"] == ("libvpx-vp9", "yuva420p")
        assert made["h264"][1].colour == {"space": "bt709", "range": "tv", "primaries": "bt709", "transfer": "bt709"}

    def test_pictures_carry_their_times(self, made: Made) -> None:
        index = read_index(made["png"][0])
        assert (index["fps"], index["frames"], index["times_s"][:3]) == ("25", FRAMES, ["0", "1/25", "2/25"])


def alpha_of(frame: av.VideoFrame) -> np.ndarray[Any, Any]:
    """Return the alpha plane in 0..255."""
    bits = frame.format.components[3].bits
    plane = np.frombuffer(frame.planes[3], np.uint8 if bits == 8 else np.uint16).reshape(frame.height, -1)
    return plane[:, : frame.width] * (255 / (2**bits - 1))
