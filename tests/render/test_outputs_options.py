"""Options of encoders: what each really takes, and hardware's by name (it is tried where there is any)."""

from __future__ import annotations

import pytest

from render_node.encode.options import build_options
from render_node.encode.settings import choose_encoder, probe_encoder
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import ENCODERS, PRESETS, complete_output

SOFTWARE = [(codec, names[-1]) for codec, names in ENCODERS.items() if codec not in ("gif", "png", "prores")]


@pytest.mark.parametrize("preset", [PRESETS[0], PRESETS[-1]])
@pytest.mark.parametrize(("codec", "encoder"), SOFTWARE)
@pytest.mark.parametrize("rate", [{"quality": "draft"}, {"bit_rate": 2_000_000}], ids=str)
def test_software_takes_its_options(codec: str, encoder: str, preset: str, rate: dict[str, int | str]) -> None:
    container = "webm" if codec == "vp9" else "mp4"
    output = complete_output(RenderOutput(container=container, codec=codec, preset=preset, **rate))
    options = build_options(encoder, output, threads=1)
    assert probe_encoder(encoder, 0, "yuv420p", tuple(options.items())) == ""


def test_hardware_is_asked_for_the_same_quality_on_its_own_card() -> None:
    output = complete_output(RenderOutput(codec="hevc", bit_depth=10, crf=24, preset="slow"))
    options = build_options("hevc_nvenc", output, gpu=3)
    assert options == {
        "preset": "p6", "tune": "hq", "rc": "vbr", "cq": "24", "b": "0", "spatial-aq": "1",
        "profile": "main10", "bf": "2", "gpu": "3",
    }  # fmt: skip


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("quality", ["draft", "best"])
def test_hardware_takes_its_options_or_software_says_why(codec: str, quality: str) -> None:
    choice = choose_encoder(RenderOutput(codec=codec, quality=quality))
    hardware, software = ENCODERS[codec]
    assert choice.name == (software if choice.fallback_reason else hardware)
    if not probe_encoder(hardware):
        assert choice.name == hardware, choice.fallback_reason


def test_a_node_set_to_software_takes_software_for_every_codec() -> None:
    choice = choose_encoder(RenderOutput(codec="hevc"), configured="libx264")
    assert (choice.name, choice.fallback_reason) == ("libx265", "")
