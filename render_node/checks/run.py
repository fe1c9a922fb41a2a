"""One deep validation: the stage opened once for all boxes, the footage read at some captions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from render_node.checks.boxes import check_boxes
from render_node.checks.contrast import check_contrast
from render_node.frames.browser import open_browser
from render_node.frames.stage_page import CueLayout, StagePage
from render_node.geometry import choose_geometry
from render_node.shaper import Form, FrameShaper
from render_node.stills import Picture, alone_size, probe_video, read_frames, to_rgb
from render_node.workroom import open_workroom
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, VideoInfo
from tasks.contracts.check import CheckOrder, CheckResult
from tasks.fonts import check_scenario, faces_of, find_substitutes
from tasks.media.container import open_media
from tasks.media.limits import limits_of
from tasks.scenario import Scenario, parse
from tasks.scenario.quality import ERROR, Finding, find_flaws
from tasks.scenario.safe_areas import find_safe_area

if TYPE_CHECKING:  # a room imports this module, and must not load the whole worker with it
    from tasks.attempt import StepContext


def check(context: StepContext) -> dict[str, Any]:
    """Look at what was ordered and return everything that was found; the body of step ``check``."""
    order = CheckOrder.from_json(context.input)
    context.plan_stages(download=0.4, check=0.6)
    lent = context.source_copy(order.source_key) if order.source_key else nullcontext(None)
    with lent as source, open_workroom(context, source) as room:
        result = CheckResult.from_json(room.call("check", order=order.to_json()))
    context.progress(1, 1, stage="check", unit="scenarios")
    return result.to_json()


def find_all(order: CheckOrder, source: Path | None, *, settings: WorkerSettings) -> CheckResult:
    """Return every finding, errors first, then by time."""
    scenario = parse(order.scenario)
    check_scenario(scenario)
    video = (order.media.video if order.media else None) or (probe_video(source, settings) if source else None)
    size = output_size(scenario, order.output, video)
    duration_s = order.media.duration_s if order.media else None
    layouts, browser = measure(scenario, size, settings)
    area = find_safe_area(order.safe_area)
    findings = [*find_flaws(scenario, duration_s=duration_s, size=size), *find_substitutes(scenario)]
    findings += check_boxes(scenario, layouts, size=size, area=area)
    chosen = choose_cues(scenario, order.samples, duration_s) if source is not None else []
    if source is not None and video is not None:
        samples = read_samples(chosen, source, order.output, video=video, settings=settings)
        findings += check_contrast(scenario, layouts, samples)
    findings.sort(key=rank)
    return CheckResult(tuple(findings), *size, len(layouts), len(chosen), order.safe_area, browser)


def rank(finding: Finding) -> tuple[bool, float]:
    """Return what findings are sorted by."""
    return finding["severity"] != ERROR, finding["t"] or 0.0


def output_size(scenario: Scenario, output: RenderOutput, video: VideoInfo | None) -> tuple[int, int]:
    """Return the size of the picture that would be rendered."""
    if video is None:
        return alone_size(scenario, output)
    geometry = choose_geometry(video, output)
    return geometry.width, geometry.height


def measure(scenario: Scenario, size: tuple[int, int], settings: WorkerSettings) -> tuple[list[CueLayout], str]:
    """Return where each caption lies in the output, and the browser that says so."""
    with (
        open_browser(settings.chromium) as browser,
        StagePage(browser, scenario, width=size[0], height=size[1], fonts=faces_of(scenario)) as page,
    ):
        return page.open(), f"Chromium {browser.version}"


def choose_cues(scenario: Scenario, samples: int, duration_s: float | None) -> list[tuple[int, float]]:
    """Return captions evenly spread over the video, each with the time in its middle, by time."""
    middles = [(index, (cue.start + cue.end) / 2) for index, cue in enumerate(scenario.cues) if cue.words]
    inside = sorted((pair for pair in middles if duration_s is None or pair[1] < duration_s), key=lambda pair: pair[1])
    if len(inside) <= samples:
        return inside
    return [inside[round(number * (len(inside) - 1) / max(1, samples - 1))] for number in range(samples)]


def read_samples(
    chosen: list[tuple[int, float]],
    source: Path,
    output: RenderOutput,
    *,
    video: VideoInfo,
    settings: WorkerSettings,
) -> Iterator[tuple[int, float, Picture]]:
    """Yield the footage behind each chosen caption, in output size, without captions."""
    shaper = FrameShaper(choose_geometry(video, output), Form.YUV)
    with open_media(source, limits_of(settings)) as container:
        frames = read_frames(container, [t for _, t in chosen])
        for (index, t), (_, frame) in zip(chosen, frames, strict=True):
            yield index, t, to_rgb(shaper.shape(frame))
