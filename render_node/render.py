"""One render: source, scenario -> videos, poster, receipts. The task and ``reelyard render`` both come through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from render_node.allocator import give_memory_back
from render_node.decode import Decoder, choose_decoder, decode_safely
from render_node.drawing import Drawing, Script
from render_node.encode.mastering import Mastering, read_mastering, tell
from render_node.encode.sessions import card_of, choose_encoders, hold_sessions
from render_node.encode.settings import tell_siting
from render_node.footage import USUAL_RATE, Footage, frame_times
from render_node.framed import framer
from render_node.frames.browser import browser_ahead
from render_node.geometry import choose_geometry
from render_node.lanes import Lane, Look, Pace, Target
from render_node.ordered_images import offered_images
from render_node.passes import Pass, Progress, open_outlets
from render_node.receipt import Job, build_receipt
from render_node.sound import SoundFiles, SoundPlan, plan_sound
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, RenderReceipt, SoundOutput
from tasks.contracts.outputs import complete_output
from tasks.contracts.shorts import Reframing
from tasks.edits.framing import framed_info
from tasks.errors import InvalidInputError, PermanentError
from tasks.fonts import check_scenario, faces_of
from tasks.media.container import open_media
from tasks.media.limits import limits_of
from tasks.media.probe import find_video, probe_file
from tasks.scenario import Scenario, parse

__all__ = ["Extras", "Progress", "render_file", "render_files"]


@dataclass(frozen=True)
class Extras:
    """What else a render may be given.

    :param poster: where to write a PNG of a captioned frame of the first output, :param posters: likewise of others, by
        their position; outputs that look alike have the same picture.
    :param encode: False draws but writes nothing.
    :param progress: called with (frames done, frames in all, stage); what it raises ends the render.
    :param source_sha256: what the source's bytes must hash to; others are ``render.source_changed``.
    :param images: the scenario's pictures, name -> bytes, :param music: a file to mix in where an output asks for it.
    :param reframing: how the source's picture is framed before anything is drawn on it.
    """

    poster: Path | None = None
    encode: bool = True
    progress: Progress | None = None
    source_sha256: str = ""
    images: dict[str, bytes] | None = None
    music: Path | None = None
    posters: dict[int, Path] = field(default_factory=dict)
    reframing: Reframing | None = None


def render_file(
    source: Path,
    scenario: dict[str, Any],
    out: Path,
    *,
    output: RenderOutput,
    settings: WorkerSettings,
    **extras: Any,
) -> RenderReceipt:
    """Draw a scenario over a source and write ``out``; return what was really used.

    :param extras: the fields of :class:`Extras`.
    Errors: ``scenario.* media.* render.* browser.*``.
    """
    return render_files(source, scenario, [(out, output)], settings=settings, extras=Extras(**extras))[0]


def render_files(
    source: Path,
    scenario: dict[str, Any],
    outputs: list[tuple[Path, RenderOutput]],
    *,
    settings: WorkerSettings,
    extras: Extras | None = None,
) -> list[RenderReceipt]:
    """Write several outputs of one source, which is decoded once; what looks alike is drawn once.

    Returns a receipt for each output, in their order. Nothing is left at any output's path when it fails.
    """
    extras, started = extras or Extras(), time.monotonic()
    parsed = read_scenario(scenario)
    with browser_ahead(settings.chromium):
        job = prepare(source, parsed, outputs, settings=settings, extras=extras)
        job.timings_s["prepare"] = round(time.monotonic() - started, 3)
        try:
            decoder = choose_decoder(job.video, settings)
            receipts = decode_safely(decoder, partial(_run, source, job, settings=settings, extras=extras))
        except BaseException:
            for target in job.targets:
                if target.path is not None:
                    target.path.unlink(missing_ok=True)
            raise
    job.timings_s["total"] = round(time.monotonic() - started, 3)
    return receipts


def read_scenario(scenario: dict[str, Any]) -> Scenario:
    """Read a scenario that can be drawn here; raise ``scenario.*``."""
    parsed = parse(scenario)
    check_scenario(parsed)
    return parsed


def prepare(
    source: Path,
    scenario: Scenario,
    outputs: Sequence[tuple[Path | None, RenderOutput]],
    *,
    settings: WorkerSettings,
    extras: Extras,
) -> Job:
    """Check everything that can be checked before an encoder starts."""
    wanted = [(path, complete_output(output)) for path, output in outputs]
    if extras.music is None and any(output.sound.music for _, output in wanted):
        raise InvalidInputError("render.sound_unsupported", "The output asks for music, but there is none to mix")
    media = probe_file(source, limits_of(settings))
    if media.video is None:
        raise PermanentError("render.no_video", "The source has no picture to draw captions over")
    if extras.source_sha256 and media.sha256 != extras.source_sha256:
        raise PermanentError("render.source_changed", "The source is not the file that this render was ordered for")
    give_memory_back(media.video.width * media.video.height * 3 // 2)
    video = media.video if extras.reframing is None else framed_info(media.video, extras.reframing)
    choices = choose_encoders([output for _, output in wanted], settings)
    is_kept = any(output.dynamic_range == "keep" for _, output in wanted)
    mastering = read_mastering(source, limits_of(settings)) if is_kept else Mastering()
    targets = []
    for (path, output), choice in zip(wanted, choices, strict=True):
        geometry = choose_geometry(video, output)
        told = tell_siting(tell(choice, mastering) if output.dynamic_range == "keep" else choice, geometry.siting)
        targets.append(Target(path if extras.encode else None, output, told, geometry))
    images = offered_images() if extras.images is None else extras.images
    script = Script(scenario, faces_of(scenario), settings.chromium, images)
    card = card_of(settings).name
    return Job(script, media, media.video, targets, card=card, mastering=mastering, reframing=extras.reframing)


def _run(source: Path, job: Job, decoder: Decoder, *, settings: WorkerSettings, extras: Extras) -> list[RenderReceipt]:
    job.decoder = decoder
    with open_media(source, limits_of(settings)) as container:
        stream = find_video(container)
        assert stream is not None
        times = frame_times(container, stream)
    job.expected_frames = len(times)
    lanes = plan_lanes(job, times)
    files = SoundFiles(source if job.media.audio else None, extras.music, length_of(job, times), limits_of(settings))
    job.mixes = plan_mixes(job, files, extras.progress)
    posters = ({0: extras.poster} if extras.poster else {}) | extras.posters
    for position, poster in posters.items():
        lanes[position].posters.append(poster)
        lanes[position].poster_from_s = choose_poster_time(job.script.scenario, lanes[position].pace.times)
    distinct = list(dict.fromkeys(lanes.values()))
    with ExitStack() as stack:
        for drawing in {id(lane.drawing): lane.drawing for lane in distinct}.values():
            stack.callback(drawing.close)
        opened = open_media(source, limits_of(settings), acceleration=decoder.acceleration())
        container = stack.enter_context(opened)
        stack.enter_context(hold_for(job, settings, extras.progress))
        outlets = open_outlets(stack, lanes, job.targets)
        footage = Footage(container, shape=framer(job.video, job.reframing) if job.reframing else None)
        whole = Pass(footage, distinct, total=len(times), mixes=job.mixes, progress=extras.progress)
        whole.run(outlets)
        job.dropped_frames = footage.dropped
    written = {id(outlet.target): outlet for outlet in outlets}
    return [
        build_receipt(job, target, lanes[position], written.get(id(target)))
        for position, target in enumerate(job.targets)
    ]


def hold_for(job: Job, settings: WorkerSettings, progress: Progress | None) -> AbstractContextManager[None]:
    """Return what holds the encoding sessions that a job needs."""
    count = sum(target.choice.is_hardware for target in job.targets if target.path is not None)
    tick = partial(progress, 0, job.expected_frames, "frames") if progress else None
    return hold_sessions(count, card_of(settings), tick=tick)


def plan_lanes(
    job: Job, times: list[float], *, pace: Callable[[list[float], str, Fraction], Pace] = Pace
) -> dict[int, Lane]:
    """Return the lane of each target by its position; targets that look alike share one, equal sizes one drawing.

    :param times: of the source's frames, :param pace: makes of them, of a rate and of the source's own when frames are
        shown.
    """
    lanes: dict[Look, Lane] = {}
    drawings: dict[tuple[tuple[int, int], str], Drawing] = {}
    rate = rate_of(job, times)
    shares = len({target.look for target in job.targets}) > 1
    for look in dict.fromkeys(target.look for target in job.targets):
        own = pace(times, look.fps, rate)
        key = (look.size, look.fps)
        if key not in drawings:
            drawings[key] = Drawing(job.script, own.times, look.size)
        lanes[look] = Lane(look, drawings[key], own, shares=shares)
    return {position: lanes[target.look] for position, target in enumerate(job.targets)}


def plan_mixes(job: Job, files: SoundFiles, progress: Progress | None) -> dict[SoundOutput, SoundPlan]:
    """Measure for every sound that must be made; without any sound to begin with there is none to make."""
    sounds = dict.fromkeys(target.output.sound for target in job.targets if target.output.sound.is_mixed)
    tick = partial(progress, 0, job.expected_frames, "frames") if progress else None
    return {sound: plan_sound(files, sound, tick=tick) for sound in sounds if files.speech is not None or sound.music}


def length_of(job: Job, times: list[float]) -> float:
    """Return when the last frame ends, in seconds."""
    return (times[-1] if times else 0.0) + float(1 / rate_of(job, times))


def rate_of(job: Job, times: list[float]) -> Fraction:
    """Return the source's usual rate, measured where its header says nothing."""
    if job.video.fps_num > 0 and job.video.fps_den > 0:
        return Fraction(job.video.fps_num, job.video.fps_den)
    if len(times) > 1 and times[-1] > times[0]:
        return Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
    return USUAL_RATE


def choose_poster_time(scenario: Scenario, times: list[float]) -> float:
    """Return a time that shows a spoken word, in the first third, or the middle when nothing is said."""
    times = times or [0.0]
    for cue in scenario.cues:
        if cue.start >= times[-1] / 4:
            word = cue.words[len(cue.words) // 2]
            return min((word.start + word.end) / 2, times[-1])
    return times[len(times) // 2]
