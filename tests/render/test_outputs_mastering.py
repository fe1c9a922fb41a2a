"""Static HDR metadata: what the footage says of its screen and its brightest pixels is in the output that keeps HDR."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from render_node.colour import PQ
from render_node.encode.mastering import Display, Mastering, read_mastering, tell
from render_node.encode.settings import EncoderChoice
from render_node.render import render_file
from tasks.media.limits import MediaLimits
from tests.render.test_outputs import boxed
from tests.render.test_outputs_sources import HEVC_10, hdr_source, render
from tests.render.test_render import settings_of

MASTERED = Mastering(
    Display((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), 0.0001, 1000.0), levels=(1000, 400)
)
TOLD = {
    "libx265": (
        "x265-params",
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400",
    ),
    "libsvtav1": (
        "svtav1-params",
        "mastering-display=G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)WP(0.31270,0.32900)"
        "L(1000.0000,0.0001):content-light=1000,400",
    ),
}


def mastered_source(path: Path) -> Path:
    """Write HDR footage that says what it was made on."""
    name, told = TOLD["libx265"]
    return hdr_source(path, PQ, **{name: f"log-level=error:{told}"})


def assert_same(found: Mastering, wanted: Mastering) -> None:
    assert found.display is not None and wanted.display is not None
    mine, theirs = (np.hstack([*asdict(one.display).values()]) for one in (found, wanted) if one.display)
    assert np.abs(mine - theirs).max() <= 0.0001 and found.levels == wanted.levels


def test_mastering_is_written_as_each_encoder_reads_it() -> None:
    for encoder, (name, told) in TOLD.items():
        choice = EncoderChoice(encoder, {name: "log-level=error"})
        assert tell(choice, MASTERED).options == {name: f"log-level=error:{told}"}
        assert tell(EncoderChoice(encoder, {}), MASTERED).options == {name: told}
        assert tell(choice, Mastering()) == choice
    assert tell(EncoderChoice("prores_ks", {}), MASTERED).options == {}


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_mastering_of_kept_footage_is_that_of_the_source(tmp_path: Path, codec: str) -> None:
    source = mastered_source(tmp_path / "in.mkv")
    assert_same(read_mastering(source, MediaLimits()), MASTERED)
    encoder = {"hevc": "libx265", "av1": "libsvtav1"}[codec]
    output = replace(HEVC_10, codec=codec, encoder=encoder, crf=30)
    receipt = render_file(source, boxed(alpha=255), tmp_path / "o.mp4", output=output, settings=settings_of())
    assert_same(read_mastering(tmp_path / "o.mp4", MediaLimits()), MASTERED)
    assert receipt.checks["mastering"]["levels"] == (1000, 400)


def test_mastering_of_mapped_footage_is_not_carried_on(tmp_path: Path) -> None:
    render(mastered_source(tmp_path / "in.mkv"), tmp_path / "out.mp4")
    assert read_mastering(tmp_path / "out.mp4", MediaLimits()) == Mastering()
