"""Inputs of the render benchmark, made at run time: a busy clip, a tone, and a scenario of 50 timed words."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FPS = 30
BASE_S = 20.0
"""Length of the clip that is made; longer ones repeat it."""
LINES = (
    "most people start too late",
    "and finish far too early",
    "so we built one small",
    "habit that changes everything",
    "every morning before sunrise",
    "write down three hard things",
    "and give it ninety minutes",
    "no phone no music",
    "no excuses at all",
    "after thirty quiet days",
    "you will not recognise yourself",
)


def make_clip(path: Path, *, width: int, height: int, duration_s: float) -> None:
    """Write fractal footage with a moving card and film noise: as hard on an encoder as a real clip is."""
    half_width, half_height = width // 2, height // 2
    background = (
        f"mandelbrot=size={half_width}x{half_height}:rate={FPS}:start_scale=2.2:end_scale=0.02:end_pts=600:"
        "bailout=8:maxiter=400,"
        f"scale={width}:{height}:flags=bicubic,hue=H=0.25*t:s=0.85[bg]"
    )
    card = f"testsrc2=size={half_width}x{half_height // 2}:rate={FPS},format=yuva420p,colorchannelmixer=aa=0.55[fg]"
    mix = "[bg][fg]overlay=x='(W-w)/2+W*0.12*sin(t*1.3)':y='H*0.18+H*0.05*cos(t*0.9)'"
    noise = "noise=alls=3:allf=t,format=yuv420p[out0]"
    with av.open(str(path), "w") as out:
        video = out.add_stream(
            "libx264",
            rate=FPS,
            options={"crf": "22", "preset": "medium", "maxrate": "12M", "bufsize": "24M", "bf": "2", "threads": "2"},
        )
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.color_range = 1
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = 1
        audio = out.add_stream("aac", rate=48000, layout="stereo")
        frames = int(duration_s * FPS)
        write_audio(out, audio, duration_s)
        for frame in lavfi_frames(f"{background};{card};{mix},{noise}", frames):
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def lavfi_frames(description: str, count: int) -> Any:
    """Yield frames that a chain of FFmpeg filters draws, numbered from zero."""
    with av.open(description, format="lavfi") as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number == count:
                return
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            frame.pict_type = 0
            yield frame


def write_audio(out: Any, stream: Any, duration_s: float) -> None:
    """Encode a soft chord."""
    times = np.arange(int(duration_s * 48000)) / 48000
    wave = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220.0, 277.2, 329.6)) / 12
    samples = np.stack([wave, wave]).astype("float32")
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
    fifo = av.AudioFifo()
    fifo.write(frame)
    for part in fifo.read_many(1024, partial=True):
        out.mux(stream.encode(part))
    out.mux(stream.encode(None))


def repeat_clip(source: Path, target: Path, times: int) -> None:
    """Write a clip several times over, packets as they are."""
    with av.open(str(target), "w") as out:
        kept: dict[int, Any] = {}
        last: dict[int, int] = {}
        for number in range(times):
            with av.open(str(source)) as reader:
                for stream in reader.streams:
                    if stream.index not in kept:
                        kept[stream.index] = out.add_stream_from_template(stream)
                for packet in reader.demux():
                    index, shift = packet.stream.index, round(number * Fraction(BASE_S) / packet.time_base)
                    if packet.dts is None or packet.dts + shift <= last.get(index, packet.dts + shift - 1):
                        continue
                    last[index] = packet.dts + shift
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = kept[index]
                    out.mux(packet)


def make_transcript(duration_s: float) -> dict[str, Any]:
    """Say the lines over and over, five words in two seconds, each 80 % voiced, as a transcript document."""
    slot = (BASE_S - 0.7) / sum(len(line.split()) for line in LINES)
    segments: list[dict[str, Any]] = []
    number = 0
    while 0.3 + (number + 6) * slot < duration_s:
        line = LINES[len(segments) % len(LINES)]
        timed = []
        for text in line.split():
            start = round(0.3 + number * slot, 3)
            end = round(start + 0.8 * slot, 3)
            timed.append({"id": f"w{number:06d}", "text": text, "start": start, "end": end, "score": 1.0})
            number += 1
        name = f"s{len(segments):05d}"
        segments.append({"id": name, "text": line, "start": timed[0]["start"], "end": timed[-1]["end"], "words": timed})
    return {
        "version": 1, "language": "en", "language_probability": 1.0, "duration_s": duration_s, "engine": "bench",
        "engine_version": "1", "model": "none", "alignment_method": "none", "segments": segments,
    }  # fmt: skip


def make_scenario(duration_s: float, *, width: int, height: int, style: str) -> dict[str, Any]:
    """Return a scenario in a preset's look, or, for the name of a motion, in that motion."""
    from tasks.contracts import Transcript
    from tasks.scenario import motions, presets
    from tasks.scenario.build import scenario_from_transcript

    is_preset = style in {preset["name"] for preset in presets()}
    transcript = Transcript.from_json(make_transcript(duration_s))
    preset = style if is_preset else "pop"
    scenario = scenario_from_transcript(transcript, width=width, height=height, preset=preset)
    if not is_preset:
        (motion,) = [motion for motion in motions() if motion["name"] == style]
        scenario["tracks"][0]["animation"] = motion["animation"]
    return scenario


def prepare(folder: Path, *, width: int, height: int, duration_s: float, style: str) -> tuple[Path, Path]:
    """Return (clip, scenario) paths, making what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = folder / f"clip_{width}x{height}_{duration_s:g}s.mp4"
    part = clip.with_suffix(".part.mp4")
    if not clip.exists():
        if duration_s > BASE_S:
            base, _ = prepare(folder, width=width, height=height, duration_s=BASE_S, style=style)
            repeat_clip(base, part, round(duration_s / BASE_S))
        else:
            make_clip(part, width=width, height=height, duration_s=duration_s)
        part.rename(clip)
    scenario = folder / f"scenario_{width}x{height}_{duration_s:g}s_{style}.json"
    scenario.write_text(json.dumps(make_scenario(duration_s, width=width, height=height, style=style)))
    return clip, scenario
