"""Bodies of the steps that ready a sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tasks.attempt import StepContext
from tasks.contracts.samples import LinkMedia
from tasks.contracts.sounds import SoundOrder, SoundReady, SoundTaken, TakeOrder
from tasks.contracts.voices import SpeechOrder
from tasks.errors import PermanentError
from tasks.media.audio import iter_mono
from tasks.media.checksum import sha256_of
from tasks.media.limits import limits_of
from tasks.media.sound_file import MP3_320
from tasks.media.waveform import write_waveform
from tasks.sounds.level import Level, level_sound
from tasks.sounds.speaker import get_speaker

OUTLINE_RATE = 22_050


def level(context: StepContext) -> dict[str, Any]:
    """Fetch a sound, bring it to its loudness, store that and its outline. The original stays as it is."""
    order = SoundOrder.from_json(context.input)
    context.plan_stages(download=5, level=90, upload=5)
    with context.source_copy(shared=False) as path:
        return store_levelled(context, path, Level(order.target_lufs, order.ceiling_dbtp)).to_json()


def level_link(context: StepContext) -> dict[str, Any]:
    """Bring the sound of what was fetched from a link to its loudness."""
    order, media = SoundOrder.from_json(context.input), LinkMedia.from_json(context.results["download"])
    context.plan_stages(download=5, level=90, upload=5)
    with context.source_copy(media.object_key, shared=False) as path:
        return store_levelled(context, path, Level(order.target_lufs, order.ceiling_dbtp)).to_json()


def speak(context: StepContext) -> dict[str, Any]:
    """Say a text, bring it to its loudness, store that and its outline."""
    order = SpeechOrder.from_json(context.input)
    context.plan_stages(speak=20, level=75, upload=5)
    spoken = context.scratch / "spoken.wav"
    speaker = get_speaker(limits_of(context.settings), context.scratch)
    speaker.speak(order.speech, spoken, max_s=order.max_s)
    context.progress(1.0, 1.0, stage="speak", unit="texts")
    return store_levelled(context, spoken, Level(order.target_lufs, order.ceiling_dbtp)).to_json()


def take(context: StepContext) -> dict[str, Any]:
    """Fetch a file that nobody has looked at, and make a sound of it; the file stays where it is."""
    order = TakeOrder.from_json(context.input)
    context.plan_stages(download=5, level=90, upload=5)
    with context.source_copy(shared=False) as path:
        sha256 = sha256_of(path)
        heard = iter_mono(path, OUTLINE_RATE, limits_of(context.settings))
        length_s = sum(len(block) for block in heard) / OUTLINE_RATE
        if length_s > order.max_s:
            raise PermanentError("sound.too_long", f"The sound lasts {length_s:.0f} seconds, longer than it may")
        ready = store_levelled(context, path, Level(order.target_lufs, order.ceiling_dbtp))
    return SoundTaken(sha256, ready).to_json()


def store_levelled(context: StepContext, source: Path, level: Level) -> SoundReady:
    """Bring a file to its loudness, store that and its outline, and say what was done."""
    target, limits = context.scratch / f"sound{MP3_320.suffix}", limits_of(context.settings)
    told = level_sound(
        source,
        target,
        MP3_320,
        level=level,
        limits=limits,
        tick=lambda share: context.progress(share, 1.0, stage="level", unit="rounds"),
    )
    pieces = list(iter_mono(target, OUTLINE_RATE, limits))
    if not pieces:  # what wrote the file read a stranger's: it is believed no more than that
        raise PermanentError("media.no_audio", "What was written holds no sound")
    samples = np.concatenate(pieces)
    outline = write_waveform(context.scratch / "waveform.json", samples, OUTLINE_RATE)
    return SoundReady(
        object_key=context.put_output(target.name, target, content_type=MP3_320.content_type),
        waveform_key=context.put_output("waveform.json", outline, content_type="application/json"),
        size_bytes=target.stat().st_size,
        duration_s=round(len(samples) / OUTLINE_RATE, 3),
        before=told.before,
        after=told.after,
        gain_db=told.gain_db,
        limited=told.limited,
        reason=told.reason,
    )
