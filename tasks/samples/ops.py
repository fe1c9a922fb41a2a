"""Bodies of the steps that make a sample of fetched media."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.samples import (
    LinkMedia,
    SampleDrawn,
    SampleExtracted,
    SampleHeard,
    SampleLooped,
    SampleSaved,
    StoredFile,
)
from tasks.errors import TransientError
from tasks.media.limits import limits_of
from tasks.media.sound_file import MP3_320, WAV_24
from tasks.samples.files import cut_loops, draw_sound, extract_sound, read_outline
from tasks.samples.fingerprint import fingerprint_file
from tasks.samples.loops import Grid


def extract(context: StepContext) -> dict[str, Any]:
    """Write the sound of the fetched media as WAV and MP3, and tell its fingerprint."""
    media = LinkMedia.from_json(context.results["download"])
    context.plan_stages(download=10, extract=70, upload=20)
    limits = limits_of(context.settings)
    wav, mp3 = context.scratch / "sample.wav", context.scratch / "sample.mp3"
    with context.source_copy(media.object_key, shared=False) as path:
        length_s = extract_sound(
            path,
            wav,
            mp3,
            limits=limits,
            tick=lambda done_s: context.progress(
                min(done_s, 2 * media.media.duration_s), 2 * media.media.duration_s, stage="extract", unit="s"
            ),
        )
    made = SampleExtracted(
        wav_key=context.put_output(wav.name, wav, content_type=WAV_24.content_type),
        wav_bytes=wav.stat().st_size,
        mp3_key=context.put_output(mp3.name, mp3, content_type=MP3_320.content_type),
        mp3_bytes=mp3.stat().st_size,
        duration_s=round(length_s, 3),
        fingerprint=fingerprint_file(wav, limits).hex(),
    )
    return made.to_json()


def waveform(context: StepContext) -> dict[str, Any]:
    """Draw the sound, and store its peaks."""
    made = SampleExtracted.from_json(context.results["extract"])
    context.plan_stages(download=40, draw=50, upload=10)
    picture, peaks = context.scratch / "waveform.png", context.scratch / "peaks.json"
    with context.source_copy(made.wav_key) as path:
        draw_sound(read_outline(path, limits_of(context.settings)), picture, peaks)
    context.progress(1, 1, stage="draw", unit="pictures")
    drawn = SampleDrawn(
        waveform_key=context.put_output(picture.name, picture, content_type="image/png"),
        waveform_bytes=picture.stat().st_size,
        peaks_key=context.put_output(peaks.name, peaks, content_type="application/json"),
        peaks_bytes=peaks.stat().st_size,
    )
    return drawn.to_json()


def loops(context: StepContext) -> dict[str, Any]:
    """Find stretches that can be repeated, and cut out the best."""
    made = SampleExtracted.from_json(context.results["extract"])
    heard = SampleHeard.from_json(context.results["analyze"])
    context.plan_stages(download=40, loops=50, upload=10)
    if heard.tempo.bpm is None:
        return SampleLooped(reason=heard.tempo.reason or "There is no beat").to_json()
    target = context.scratch / "loop.wav"
    with context.source_copy(made.wav_key) as path:
        found = cut_loops(path, target, grid_of(heard), limits=limits_of(context.settings))
    context.progress(1, 1, stage="loops", unit="loops")
    if not found:
        return SampleLooped(reason="It is shorter than a bar").to_json()
    key = context.put_output(target.name, target, content_type=WAV_24.content_type)
    return SampleLooped(found, key, target.stat().st_size).to_json()


def save(context: StepContext) -> dict[str, Any]:
    """See that every file of the sample lies in the storage as it was made, and tell them all."""
    files = files_of(context.results)
    for name, file in files.items():
        found = context.storage.head(file.key)
        if found is None or found.size_bytes != file.size_bytes:
            raise TransientError("sample.file_missing", f"The file {name} does not lie in the storage as it was made")
    return SampleSaved(files).to_json()


def files_of(results: dict[str, Any]) -> dict[str, StoredFile]:
    """Return the files that the steps before made, by name."""
    made = SampleExtracted.from_json(results["extract"])
    drawn = SampleDrawn.from_json(results["waveform"])
    looped = SampleLooped.from_json(results["loops"])
    media = LinkMedia.from_json(results["download"])
    files = {
        "wav": StoredFile(made.wav_key, made.wav_bytes),
        "mp3": StoredFile(made.mp3_key, made.mp3_bytes),
        "waveform": StoredFile(drawn.waveform_key, drawn.waveform_bytes),
        "peaks": StoredFile(drawn.peaks_key, drawn.peaks_bytes),
        "loop": StoredFile(looped.loop_key, looped.loop_bytes),
        "thumbnail": StoredFile(media.thumbnail_key, media.thumbnail_bytes),
    }
    return {name: file for name, file in files.items() if file.key}


def grid_of(heard: SampleHeard) -> Grid:
    """Return the beats that loops are looked for on."""
    return Grid(heard.beats, heard.downbeats, heard.tempo.bpm if heard.tempo.is_steady else None)
