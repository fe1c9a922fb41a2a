"""Encoders leave the machine to others."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from render_node.encode.settings import probe_encoder
from tasks.media.priority import ordinary_priority


def policies() -> set[int]:
    return {os.sched_getscheduler(int(thread.name)) for thread in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("encoder", ["libx264", "libx265", "libsvtav1", "libvpx-vp9"])
def test_no_encoder_keeps_a_thread_in_real_time(encoder: str) -> None:
    probe_encoder.cache_clear()
    assert probe_encoder(encoder) == ""
    assert policies() == {os.SCHED_OTHER}


def test_running_threads_become_ordinary_too() -> None:
    context = av.CodecContext.create("libsvtav1", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 256, 256, "yuv420p", Fraction(1, 30)
    frame = av.VideoFrame(256, 256, "yuv420p")
    frame.pts = 0
    with ordinary_priority():
        context.encode(frame)
    assert policies() == {os.SCHED_OTHER}
    context.encode(None)
