"""A self-test renders, and finds what a node has lost since it started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render_node.encode.settings import probe_encoder
from render_node.rehearsal import (
    FRAMES,
    SIDE,
    compare_with_start,
    draw_footage,
    examine_frame,
    examine_video,
    rehearse,
    write_footage,
)
from tasks.config import WorkerSettings, read_worker_settings
from tests.media_samples import make_video


@pytest.fixture
def settings(service_environ: dict[str, str], chromium: str, tmp_path: Path) -> WorkerSettings:
    return replace(read_worker_settings(service_environ), chromium=chromium, scratch_dir=str(tmp_path))


def lost() -> bool:
    """Tell whether this machine has no encoder on a card."""
    return bool(probe_encoder("h264_nvenc"))


def test_a_node_that_works_draws_encodes_and_decodes_and_leaves_nothing(
    settings: WorkerSettings, tmp_path: Path
) -> None:
    assert rehearse(settings) == []
    assert list(tmp_path.iterdir()) == []


def test_a_browser_that_is_gone_and_an_encoder_that_is_not_there_fail_it(settings: WorkerSettings) -> None:
    without = rehearse(replace(settings, chromium="/nowhere/chromium"))

    assert without == ["render: REELYARD_CHROMIUM names /nowhere/chromium, which is not there"]
    if lost():
        (problem,) = rehearse(replace(settings, encoder="h264_nvenc"))
        assert problem.startswith("render: h264_nvenc cannot be used on this node: ")


def test_a_browser_that_draws_nothing_fails_it(settings: WorkerSettings, tmp_path: Path) -> None:
    write_footage(tmp_path / "plain.mkv")

    assert examine_video(tmp_path / "plain.mkv") == ["render: captions cover 0.0% of the picture"]


def test_footage_that_comes_back_otherwise_fails_it(tmp_path: Path) -> None:
    captioned = draw_footage()
    captioned[100:130, 60:200] = 235
    make_video(tmp_path / "short.mp4", width=SIDE, height=SIDE, duration_s=0.2)

    assert examine_frame(captioned) == []
    assert examine_frame(captioned + np.uint8(10)) == ["render: the footage came back 10 levels different"]
    assert examine_frame(np.full_like(captioned, 235)) == ["render: captions cover 100.0% of the picture"]
    assert examine_video(tmp_path / "short.mp4") == [f"render: 6 of {FRAMES} frames came back"]


def test_what_worked_as_the_node_started_and_does_not_any_more_is_named(settings: WorkerSettings) -> None:
    if not lost():
        pytest.skip("this machine has NVENC")
    about: dict[str, Any] = {
        "encoders": {"libx264": {"ok": True}, "h264_nvenc": {"ok": True}, "av1_nvenc": {"ok": False, "reason": "old"}},
        "decoders": {"hevc": {"ok": True}, "vp9": {"ok": False, "reason": "none"}},
    }

    found = compare_with_start(about, settings)

    assert [problem.partition(": ")[0] for problem in found] == ["encoder h264_nvenc", "decoder hevc"]
    assert all("worked as the node started, not now: " in problem for problem in found)
    assert compare_with_start({}, settings) == []


def test_the_process_of_a_self_test_is_told_what_worked(service_environ: dict[str, str], chromium: str) -> None:
    if not lost():
        pytest.skip("this machine has NVENC")
    environ = {**os.environ, **service_environ, "REELYARD_CHROMIUM": chromium}
    about = json.dumps({"encoders": {"h264_nvenc": {"ok": True}}, "decoders": {}})
    command = [sys.executable, "-m", "render_node.profile", "examine", about]

    done = subprocess.run(command, env=environ, capture_output=True, text=True)

    problems = json.loads(done.stdout.splitlines()[-1])
    assert [problem for problem in problems if problem.startswith("encoder h264_nvenc: worked as the node started")]
    assert [problem for problem in problems if problem.startswith("render: ")] == []
