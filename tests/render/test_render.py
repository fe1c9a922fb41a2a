"""Whole renders of small clips: captions in time, everything else as it was, nothing left behind."""

from __future__ import annotations

import os
import signal
import struct
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.encode.settings import probe_encoder
from render_node.render import render_file
from tasks.config import read_worker_settings
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.errors import FencedError, InvalidInputError, PermanentError, TransientError
from tests.conftest import TEST_SETTINGS
from tests.media_samples import make_tone, make_video
from tests.render.looks import look
from tests.unit.scenario.scenes import cue, scene, word

OUTPUT = RenderOutput(encoder="libx264", preset="ultrafast", crf=12)
SIZE = {"width": 270, "height": 480}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clip") / "in.mp4", **SIZE, duration_s=1.5)


def said(preset: str = "highlight", *, width: int = 270, height: int = 480) -> dict[str, Any]:
    return look(preset, width=width, height=height, texts=("one", "two", "three"))


def settings_of() -> Any:
    names = {
        "DATABASE_URL": "postgresql://unused",
        "REDIS_URL": "redis://unused",
        "S3_ENDPOINT_URL": "http://unused",
        "AWS_ACCESS_KEY_ID": "unused",
        "AWS_SECRET_ACCESS_KEY": "unused",
    }
    return read_worker_settings({**TEST_SETTINGS, **names})


def render(source: Path, document: dict[str, Any], out: Path, **more: Any) -> RenderReceipt:
    return render_file(source, document, out, **{"output": OUTPUT, "settings": settings_of(), **more})


def frames_of(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def audio_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def browsers() -> set[int]:
    """Return the browser processes below this one."""
    found, parents = set(), {os.getpid()}
    stats = [entry.joinpath("stat") for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    rows = []
    for stat in stats:
        try:
            name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # ended meanwhile
        state, parent = rest.split()[:2]
        rows.append((int(stat.parent.name), name, state, int(parent)))
    for _ in range(6):
        parents |= {pid for pid, _, _, parent in rows if parent in parents}
    for pid, name, state, _ in rows:
        if pid in parents and state != "Z" and ("chrom" in name or "headless" in name):
            found.add(pid)
    return found


@pytest.mark.usefixtures("chromium")
class TestWholeRender:
    def test_spoken_word_takes_its_colour_in_time_and_not_before(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.mp4", **SIZE, draw=lambda *_: np.full((480, 270, 3), 128, np.uint8))
        motion = {"activeWord": {"type": "highlight", "color": "#FF0000"}}
        document = scene(
            cue(word(1, "HOLD", 0.8, 1.2)), width=270, height=480, animation=motion, style={"fontSize": 50}
        )
        render(source, document, tmp_path / "out.mp4")
        is_red = [
            (t, bool(((p[..., 0] > 190) & (p[..., 1] < 80)).sum() > 100)) for t, p in frames_of(tmp_path / "out.mp4")
        ]
        first = next(t for t, red in is_red if red)
        assert 0.8 - 0.001 <= first <= 0.88
        assert all(red == (t >= first) for t, red in is_red if t < 1.9)

    def test_sound_is_the_source_s_to_the_byte_and_ends_with_the_picture(self, clip: Path, tmp_path: Path) -> None:
        receipt = render(clip, said(), tmp_path / "out.mp4", poster=tmp_path / "p.png")
        assert audio_of(tmp_path / "out.mp4") == audio_of(clip)
        assert (receipt.audio, receipt.frame_count) == ("copy", 45)
        assert abs(receipt.checks["audio_minus_video_s"]) <= 1 / 30
        with av.open(str(tmp_path / "p.png")) as poster:
            assert (poster.streams.video[0].width, poster.streams.video[0].height) == (270, 480)

    def test_picture_away_from_the_captions_is_the_source_s(self, clip: Path, tmp_path: Path) -> None:
        render(clip, said(), tmp_path / "out.mp4", output=RenderOutput(encoder="libx264", preset="ultrafast", crf=0))
        for (_, mine), (_, theirs) in zip(frames_of(tmp_path / "out.mp4"), frames_of(clip), strict=True):
            assert np.array_equal(mine[:240], theirs[:240])

    def test_odd_size_is_cut_to_even(self, tmp_path: Path) -> None:
        options = {"preset": "ultrafast"}
        source = make_video(tmp_path / "in.mkv", width=272, height=482, duration_s=0.5, audio=None, options=options)
        output = RenderOutput(encoder="libx264", preset="ultrafast", width=271, height=481)
        receipt = render(source, said(), tmp_path / "out.mp4", output=output)
        assert (receipt.width, receipt.height, receipt.audio) == (270, 480, "none")

    def test_pcm_sound_becomes_aac(self, tmp_path: Path) -> None:
        picture = make_video(tmp_path / "in.mp4", **SIZE, duration_s=1, audio=None)
        wav = make_tone(tmp_path / "tone.wav", duration_s=1)
        source = tmp_path / "in.mov"
        with av.open(str(picture)) as video, av.open(str(wav)) as sound, av.open(str(source), "w") as output:
            for container in (video, sound):
                stream = container.streams[0]
                target = output.add_stream_from_template(stream)
                packets = [packet for packet in container.demux(stream) if packet.dts is not None]
                for packet in packets:
                    packet.stream = target
                if container is video:
                    held = packets
            for packet in [*held, *packets]:
                output.mux(packet)
        receipt = render(source, said(), tmp_path / "out.mp4")
        assert receipt.audio == "aac"
        assert abs(receipt.checks["audio_minus_video_s"]) <= 1 / 30

    def test_times_that_start_late_are_counted_from_the_start(self, tmp_path: Path) -> None:
        source = make_video(tmp_path / "in.ts", **SIZE, duration_s=1)
        receipt = render(source, said(), tmp_path / "out.mp4")
        assert receipt.frame_count == 30
        assert receipt.duration_s == pytest.approx(1.0, abs=1 / 30)
        assert abs(receipt.checks["audio_minus_video_s"]) < 0.1

    def test_killed_browser_is_worth_another_try_and_leaves_nothing(self, clip: Path, tmp_path: Path) -> None:
        def kill() -> None:
            deadline = time.monotonic() + 20
            while not browsers() and time.monotonic() < deadline:
                time.sleep(0.02)
            for pid in browsers():
                os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(TransientError) as failed:
            render(clip, said("karaoke"), tmp_path / "out.mp4")
        killer.join()
        assert failed.value.code == "browser.crashed"
        assert browsers() == set()

    def test_cancelled_render_stops_at_once_and_leaves_nothing(self, clip: Path, tmp_path: Path) -> None:
        def cancel(done: int, total: int, stage: str) -> None:
            raise FencedError("job.cancelled", "cancelled")

        started = time.monotonic()
        with pytest.raises(FencedError):
            render(clip, said("pop"), tmp_path / "out.mp4", progress=cancel)
        assert time.monotonic() - started < 20
        assert browsers() == set()

    def test_receipt_says_why_not_the_hardware(self, clip: Path, tmp_path: Path) -> None:
        if not (problem := probe_encoder("h264_nvenc")):
            pytest.skip("this machine has the hardware")
        receipt = render(clip, said(), tmp_path / "out.mp4", output=RenderOutput(preset="ultrafast"))
        assert (receipt.encoder, receipt.checks["encoder_fallback"]) == ("libx264", problem)


class TestRefusals:
    """Nothing is started for an order that cannot be carried out: no browser is needed here."""

    def code_of(self, clip: Path, out: Path, document: dict[str, Any], **more: Any) -> str:
        with pytest.raises((PermanentError, InvalidInputError)) as refused:
            render(clip, document, out, **more)
        assert not out.exists()
        return refused.value.code

    def test_unknown_font(self, clip: Path, tmp_path: Path) -> None:
        document = scene(style={"fontFamily": "Nope"})
        assert self.code_of(clip, tmp_path / "o.mp4", document) == "scenario.font_unknown"

    def test_hardware_that_is_not_there(self, clip: Path, tmp_path: Path) -> None:
        if not probe_encoder("h264_nvenc"):
            pytest.skip("this machine has the hardware")
        output = RenderOutput(encoder="h264_nvenc")
        assert self.code_of(clip, tmp_path / "o.mp4", said(), output=output) == "render.encoder_unavailable"

    def test_codec_we_cannot_write(self, clip: Path, tmp_path: Path) -> None:
        output = RenderOutput(codec="vp9")
        assert self.code_of(clip, tmp_path / "o.mp4", said(), output=output) == "render.unsupported_output"

    def test_source_that_is_not_the_one_ordered(self, clip: Path, tmp_path: Path) -> None:
        assert self.code_of(clip, tmp_path / "o.mp4", said(), source_sha256="0" * 64) == "render.source_changed"


def write_frames(path: Path, format_name: str, *, stamps: list[int], full: bool = False) -> Path:
    """Write gray frames at given times (milliseconds) in a pixel format."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 270, 480, format_name
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.color_range = 2 if full else 1
        for stamp in stamps:
            picture = np.full((480, 270, 3), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=format_name)
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.usefixtures("chromium")
class TestUnusualFootage:
    STEADY = [number * 40 for number in range(12)]

    @pytest.mark.parametrize("format_name", ["yuv444p", "yuv420p10le", "yuvj420p"])
    def test_other_pixel_formats_keep_their_gray_and_get_captions(self, tmp_path: Path, format_name: str) -> None:
        full = format_name == "yuvj420p"
        source = write_frames(tmp_path / "in.mkv", format_name, stamps=self.STEADY, full=full)
        receipt = render(source, said(), tmp_path / "out.mp4")
        assert receipt.checks.get("converted_from") == (None if full else format_name)
        last = frames_of(tmp_path / "out.mp4")[-1][1]
        before = frames_of(source)[-1][1]
        assert np.abs(last[:200].astype(int) - before[:200]).max() <= 3
        assert last[300:420].max() > 220

    def test_uneven_times_are_kept(self, tmp_path: Path) -> None:
        stamps = [0, 40, 60, 200, 210, 400, 410, 700]
        source = write_frames(tmp_path / "in.mkv", "yuv420p", stamps=stamps)
        render(source, said(), tmp_path / "out.mp4")
        assert [round(t * 1000) for t, _ in frames_of(tmp_path / "out.mp4")] == stamps

    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_turned_footage_comes_out_upright_with_upright_captions(self, tmp_path: Path, degrees: int) -> None:
        turns = degrees // 90
        upright = np.full((480, 270, 3), 60, np.uint8)
        upright[:100] = 200  # light on top
        held = np.ascontiguousarray(np.rot90(upright, turns))
        size = {"width": held.shape[1], "height": held.shape[0]}
        plain = make_video(tmp_path / "plain.mp4", **size, duration_s=0.5, audio=None, draw=lambda *_: held)
        with av.open(str(plain)) as container, av.open(str(tmp_path / "in.mp4"), "w") as output:
            stream = container.streams.video[0]
            target = output.add_stream_from_template(stream)
            for packet in container.demux(stream):
                if packet.dts is not None:
                    packet.stream = target
                    output.mux(packet)
        turn_in_header(tmp_path / "in.mp4", degrees)
        receipt = render(tmp_path / "in.mp4", said(), tmp_path / "out.mp4")
        assert (receipt.width, receipt.height) == (270, 480)
        picture = frames_of(tmp_path / "out.mp4")[5][1]
        assert picture[:90].mean() > 180 and picture[110:240].mean() < 80
        rows = np.nonzero((picture[240:] > 200).any(axis=(1, 2)))[0] + 240
        assert 300 < rows.min() < rows.max() < 380  # lines of text lie across, at 0.7 of the height


def turn_in_header(path: Path, degrees: int) -> None:
    """Write a display matrix into the track header: the picture is to be turned clockwise."""
    matrices = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
    a, b, c, d = (value << 16 for value in matrices[degrees])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of other fields
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
