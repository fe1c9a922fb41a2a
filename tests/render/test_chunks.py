"""A video rendered in pieces and joined is the video rendered whole: frames, times, sound, and no seam to be seen."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.chunks import Chunk, ChunkWriter, render_chunk
from render_node.encode.writer import FileWriter
from render_node.join import Part, join_chunks
from render_node.render import Extras, render_file
from tasks.contracts import RenderOutput, RenderReceipt, SoundOutput
from tasks.errors import PermanentError
from tasks.scenario.slices import slice_scenario
from tasks.workflows.chunks import Span, plan_spans
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.test_render import audio_of, settings_of

SIZE = {"width": 270, "height": 480}
SPANS = plan_spans(4.0, target_s=1, from_s=2)
BFRAMES = {"preset": "veryfast", "crf": "20", "bf": "3", "g": "50", "sc_threshold": "0"}
Seen = list[tuple[Fraction, str]]

pytestmark = pytest.mark.usefixtures("chromium")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s whose key frames lie where no piece begins."""
    return make_video(tmp_path_factory.mktemp("clip") / "in.mp4", **SIZE, duration_s=4.0, options=BFRAMES)


def saying() -> dict[str, Any]:
    return look("pop", **SIZE, texts=("It", "was", "the", "best", "of", "times", "it", "was", "so"))


def watch(monkeypatch: pytest.MonkeyPatch, kind: type[FileWriter]) -> Seen:
    """Return a list that gets time and hash of each frame as it goes to the encoder."""
    seen: Seen = []
    write = kind.write_frame

    def hashed(self: FileWriter, frame: av.VideoFrame) -> None:
        assert frame.pts is not None and frame.time_base is not None
        planes = frame.to_ndarray()  # without the padding of its rows
        seen.append((frame.pts * frame.time_base, hashlib.sha256(planes.tobytes()).hexdigest()))
        write(self, frame)

    monkeypatch.setattr(kind, "write_frame", hashed)
    return seen


def cut(
    source: Path, document: dict[str, Any], folder: Path, output: RenderOutput, spans: list[Span] = SPANS
) -> list[Part]:
    """Render all pieces of a video, each from its slice of the scenario."""
    parts = []
    for number, span in enumerate(spans):
        path = folder / f"{number}.mp4"
        end_s = None if span.end_ms is None else span.end_ms / 1000
        part = slice_scenario(document, span.start_ms / 1000, end_s)
        chunk = render_chunk(source, part, path, span=span, output=output, settings=settings_of())
        assert Chunk.from_json(chunk.to_json()) == chunk
        parts.append(Part(path, chunk))
    return parts


def join(source: Path, document: dict[str, Any], parts: list[Part], out: Path, output: RenderOutput) -> RenderReceipt:
    return join_chunks(source, document, parts, out, output=output, settings=settings_of())


def decoded(path: Path) -> list[tuple[Fraction, np.ndarray[Any, Any]]]:
    with av.open(str(path)) as container:
        return [(frame.pts * frame.time_base, frame.to_ndarray()) for frame in container.decode(video=0)]


def psnr(mine: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> float:
    error = np.mean((mine.astype(float) - theirs.astype(float)) ** 2)
    return float(99.0 if error == 0 else 10 * np.log10(255**2 / error))


class TestSeam:
    def test_frames_times_sound_and_seams_are_those_of_the_whole(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        output = RenderOutput(encoder="libx264", preset="veryfast", crf=16)
        document = saying()
        in_pieces = watch(monkeypatch, ChunkWriter)
        parts = cut(clip, document, tmp_path, output)
        monkeypatch.undo()
        at_once = watch(monkeypatch, FileWriter)
        whole = render_file(clip, document, tmp_path / "whole.mp4", output=output, settings=settings_of())
        monkeypatch.undo()
        receipt = join(clip, document, parts, tmp_path / "joined.mp4", output)

        assert in_pieces == at_once
        assert [part.chunk.frames for part in parts] == [30, 30, 30, 30]
        mine, theirs = decoded(tmp_path / "joined.mp4"), decoded(tmp_path / "whole.mp4")
        assert [t for t, _ in mine] == [t for t, _ in theirs] == [Fraction(n, 30) for n in range(120)]
        assert audio_of(tmp_path / "joined.mp4") == audio_of(tmp_path / "whole.mp4") == audio_of(clip)
        closeness = [psnr(a, b) for (_, a), (_, b) in zip(mine, theirs, strict=True)]
        beside = [closeness[number] for seam in (30, 60, 90) for number in (seam - 1, seam)]
        assert min(beside) > 36
        same = (
            "recipe",
            "encoder",
            "frame_count",
            "duration_s",
            "audio",
            "audio_duration_s",
            "fonts",
            "width",
            "height",
        )
        assert {name: getattr(receipt, name) for name in same} == {name: getattr(whole, name) for name in same}
        assert receipt.checks["audio_minus_video_s"] == whole.checks["audio_minus_video_s"]
        assert receipt.checks["chunks"] == 4

    def test_every_piece_begins_with_a_frame_that_needs_nothing_before_it(self, clip: Path, tmp_path: Path) -> None:
        output = RenderOutput(encoder="libx264", preset="medium", crf=20)
        parts = cut(clip, saying(), tmp_path, output)
        join(clip, saying(), parts, tmp_path / "out.mp4", output)
        with av.open(str(tmp_path / "out.mp4")) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert {round(packet.pts * packet.time_base * 30) for packet in packets if packet.is_keyframe} >= {
            0,
            30,
            60,
            90,
        }
        dts = [packet.dts for packet in packets]
        assert dts == sorted(set(dts))
        assert all(packet.dts <= packet.pts for packet in packets)
        assert [packet.dts for packet in packets] != [packet.pts for packet in packets]  # there are B-frames to order
