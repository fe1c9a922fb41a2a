"""Who decodes: the rule, what the probe is tried on, and what happens when a card fails."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render_node import decode
from render_node.decode import (
    SAMPLE_ENCODERS,
    Decoder,
    choose_decoder,
    decode_safely,
    is_heavy,
    make_sample,
    planar,
    probe_decoder,
    read_sample,
)
from render_node.render import render_file
from tasks.config import WorkerSettings
from tasks.contracts import RenderOutput, VideoInfo
from tasks.errors import PermanentError
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.test_gpu_sessions import slot

__all__ = ["slot"]  # fixture

UHD = VideoInfo("h264", 3840, 2160, 30, 1, pixel_format="yuv420p")
gpu = pytest.mark.gpu


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"codec": "hevc"}, True),
        ({"codec": "prores"}, False),
        ({"pixel_format": "yuv420p10le"}, False),
        ({"width": 1920, "height": 1080, "fps_num": 60}, True),
        ({"width": 1920, "height": 1080, "fps_num": 30000, "fps_den": 1001}, False),
        ({"width": 0, "fps_den": 0}, False),
    ],
    ids=str,
)
def test_a_card_decodes_only_what_is_heavy_and_what_it_knows(change: dict[str, object], expected: bool) -> None:
    assert is_heavy(replace(UHD, **change)) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", SAMPLE_ENCODERS)
def test_a_probe_has_moving_frames_of_each_codec_to_compare(codec: str) -> None:
    frames = list(read_sample(make_sample(SAMPLE_ENCODERS[codec]), None))

    assert [frame.shape for frame in frames] == [(384, 256)] * 3
    assert not np.array_equal(frames[0], frames[1])
    assert np.ptp(frames[0].astype(int)) > 150


def test_frames_of_a_card_become_those_of_the_processor_with_times_and_tags() -> None:
    noise = np.random.default_rng(1).integers(16, 235, (96, 64), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="yuv420p")
    card = frame.reformat(format="nv12")
    card.pts, card.time_base, card.color_range, card.colorspace, card.color_trc = 7, Fraction(1, 90), 1, 1, 1

    plain = planar(card)

    assert np.array_equal(plain.to_ndarray(), noise)
    told = (plain.pts, plain.time_base, plain.color_range, plain.colorspace, plain.color_trc)
    assert told == (7, Fraction(1, 90), 1, 1, 1)
    assert planar(frame) is frame


@pytest.mark.parametrize(
    ("problem", "configured", "expected"),
    [
        ("", "auto", Decoder("0")),
        ("no card", "auto", Decoder(reason="no card")),
        ("", "software", Decoder()),
    ],
)
def test_the_choice_follows_the_probe_and_the_setting(
    monkeypatch: pytest.MonkeyPatch, slot: WorkerSettings, problem: str, configured: str, expected: Decoder
) -> None:
    monkeypatch.setattr(decode, "probe_decoder", lambda *_: problem)

    assert choose_decoder(UHD, replace(slot, decoder=configured)) == expected
    assert choose_decoder(replace(UHD, fps_num=1), slot) == Decoder()


def test_a_card_that_fails_on_footage_leaves_it_to_the_processor_once() -> None:
    tried: list[Decoder] = []

    def work(decoder: Decoder) -> str:
        tried.append(decoder)
        if decoder.device:
            raise PermanentError("media.damaged", "The file is damaged")
        return "done"

    assert decode_safely(Decoder("0"), work) == "done"
    assert tried[1] == Decoder(reason="it failed on this footage: The file is damaged")


@pytest.mark.parametrize(("decoder", "code"), [(Decoder(), "media.damaged"), (Decoder("0"), "render.no_video")])
def test_what_is_the_files_own_fault_is_not_tried_twice(decoder: Decoder, code: str) -> None:
    tried: list[Decoder] = []

    def work(decoder: Decoder) -> None:
        tried.append(decoder)
        raise PermanentError(code, "")

    with pytest.raises(PermanentError, match=code):
        decode_safely(decoder, work)
    assert tried == [decoder]


def test_a_receipt_says_why_heavy_footage_was_not_decoded_by_a_card(
    chromium: str, monkeypatch: pytest.MonkeyPatch, slot: WorkerSettings, tmp_path: Path
) -> None:
    """The real probe: here it finds a card or says why there is none, and the render goes on either way."""
    monkeypatch.setattr(decode, "PIXELS_A_SECOND", 1)
    clip = make_video(tmp_path / "clip.mp4", width=320, height=180, duration_s=0.5)
    problem = probe_decoder("h264", 0)

    receipt = render_file(
        clip,
        look("classic", width=320, height=180, texts=("It",)),
        tmp_path / "out.mp4",
        output=RenderOutput(preset="ultrafast", encoder="libx264"),
        settings=slot,
    )

    kept = {name: receipt.checks[name] for name in ("decoder", "decoder_fallback", "gpu") if name in receipt.checks}
    assert kept == ({"decoder_fallback": problem} if problem else {"decoder": "nvdec", "gpu": "0"})


@gpu
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_card_gives_the_very_frames_of_the_processor(codec: str) -> None:
    problem = probe_decoder(codec, 0)
    if problem:
        pytest.skip(f"no NVDEC: {problem}")

    sample = make_sample(SAMPLE_ENCODERS[codec])
    accelerated = list(read_sample(sample, Decoder("0").acceleration()))

    assert all(map(np.array_equal, accelerated, read_sample(sample, None)))
