"""Body of the step that readies a sound."""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.attempt import StepContext
from tasks.contracts.sounds import SoundOrder, SoundReady
from tasks.media.audio import iter_mono
from tasks.media.limits import limits_of
from tasks.media.sound_file import MP3_320
from tasks.media.waveform import write_waveform
from tasks.sounds.level import Level, level_sound

OUTLINE_RATE = 22_050


def level(context: StepContext) -> dict[str, Any]:
    """Fetch a sound, bring it to its loudness, store that and its outline. The original stays as it is."""
    order = SoundOrder.from_json(context.input)
    context.plan_stages(download=5, level=90, upload=5)
    target = context.scratch / f"sound{MP3_320.suffix}"
    with context.source_copy(shared=False) as path:
        told = level_sound(
            path,
            target,
            MP3_320,
            level=Level(order.target_lufs, order.ceiling_dbtp),
            limits=limits_of(context.settings),
            tick=lambda share: context.progress(share, 1.0, stage="level", unit="rounds"),
        )
    samples = np.concatenate(list(iter_mono(target, OUTLINE_RATE)))
    outline = write_waveform(context.scratch / "waveform.json", samples, OUTLINE_RATE)
    ready = SoundReady(
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
    return ready.to_json()
