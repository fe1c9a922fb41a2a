"""What Chromium draws with: chosen by trying, a real picture each time."""

from __future__ import annotations

import pytest

from cli import examine
from render_node.frames import graphics
from render_node.frames.browser import GRAPHICS, launch_arguments, open_browser
from render_node.frames.graphics import Graphics, choose_graphics, is_software, probe_graphics
from render_node.node_class import describe_node
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput
from tasks.contracts.farm import GpuState
from tests.render.test_gpu_sessions import slot

__all__ = ["slot"]  # fixture


@pytest.mark.parametrize(
    ("wanted", "working", "expected"),
    [
        ("off", {"vulkan", "gl"}, Graphics("off")),
        ("auto", {"vulkan", "gl"}, Graphics("vulkan")),
        ("auto", {"gl"}, Graphics("gl")),
        ("gl", {"vulkan"}, Graphics("off", "gl: no card")),
        ("auto", set(), Graphics("off", "vulkan: no card; gl: no card")),
    ],
)
def test_the_first_way_that_works_is_taken_and_the_processor_otherwise(
    wanted: str, working: set[str], expected: Graphics
) -> None:
    assert choose_graphics(wanted, lambda mode: "" if mode in working else "no card") == expected


def test_nothing_is_tried_unless_it_is_wanted() -> None:
    tried: list[str] = []

    choose_graphics("off", lambda mode: tried.append(mode) or "")

    assert tried == []


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("ANGLE (NVIDIA Corporation, NVIDIA L4/PCIe/SSE2, OpenGL ES 3.2)", False),
        ("ANGLE (NVIDIA, Vulkan 1.3.277 (NVIDIA H100 PCIe (0x2331)), NVIDIA-550.54.15)", False),
        ("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver-5.0.0)", True),
        ("ANGLE (Mesa/X.org, llvmpipe (LLVM 15.0.6 256 bits), OpenGL ES 3.2)", True),
        ("", True),
    ],
)
def test_a_rasteriser_on_the_processor_is_no_gpu(device: str, expected: bool) -> None:
    assert is_software(device) is expected


def test_the_processor_is_never_taken_for_a_gpu(chromium: str) -> None:
    """A real browser, told to draw on the processor, fails the probe by the name of what it drew on."""
    assert "it draws on the processor" in probe_graphics(chromium, "off")


def test_a_picture_of_other_colours_fails_the_probe(chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphics, "is_software", lambda _: False)
    assert probe_graphics.__wrapped__(chromium, "off") == ""

    monkeypatch.setattr(graphics, "RIGHT", (32, 96, 190))

    assert probe_graphics.__wrapped__(chromium, "off").endswith("draws other colours than were asked for")


def test_a_browser_draws_on_the_processor_unless_it_is_told_otherwise(chromium: str) -> None:
    assert "--disable-gpu" in launch_arguments("off")
    assert not any("--disable-gpu" in launch_arguments(mode) for mode in GRAPHICS if mode != "off")
    with open_browser(chromium) as browser:
        assert is_software(graphics.device_of(browser))


def test_what_is_drawn_with_is_part_of_a_nodes_class(
    chromium: str, slot: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = describe_node(slot, RenderOutput(encoder="libx264"))
    monkeypatch.setattr("render_node.node_class.own_graphics", lambda _: Graphics("vulkan"))

    other = describe_node(slot, RenderOutput(encoder="libx264"))

    assert (usual["graphics"], other["graphics"]) == ("off", "vulkan")
    assert {name for name in usual if usual[name] != other[name]} == {"graphics"}


def test_the_doctor_tells_of_each_card_and_what_it_was_seen_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    card = GpuState(uuid="GPU-1", index=0, name="NVIDIA L4", driver="550.54", memory_used=0, memory_total=1)
    monkeypatch.setattr("tasks.gpu.read_gpus", lambda _: (card,))
    monkeypatch.setattr("render_node.decode.probe_decoder", lambda codec, _: "" if codec == "h264" else "not this")
    monkeypatch.setattr("render_node.frames.graphics.probe_graphics", lambda _, mode: "" if mode == "gl" else "no")

    told = {finding.found: finding.state for finding in examine._gpus()}

    assert told["0: NVIDIA L4, driver 550.54"] == "ok"
    assert told["this slot works on 0, which has any number of encoding sessions"] == "ok"
    assert (told["NVDEC h264 works"], told["NVDEC hevc does not work here: not this"]) == ("ok", "note")
    assert (told["Chromium by gl works"], told["Chromium by vulkan does not work here: no"]) == ("ok", "note")


def test_the_doctor_says_when_there_is_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.gpu.read_gpus", lambda _: ())

    [finding] = examine._gpus()

    assert (finding.part, finding.state) == ("GPU", "note")


@pytest.mark.gpu
def test_a_gpu_draws_the_very_picture() -> None:
    problems = {mode: probe_graphics("", mode) for mode in ("vulkan", "gl")}
    if all(problems.values()):
        pytest.skip(f"no GPU that Chromium draws on: {problems}")

    assert "" in problems.values()
