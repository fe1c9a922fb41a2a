"""A video rendered in pieces and joined is the video rendered whole: frames, times, sound, and no seam to be seen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render_node.chunks import Chunk, ChunkWriter, render_chunk
from render_node.encode.writer import FileWriter
from render_node.join import join_chunks
from render_node.parts import Part
from render_node.render import Extras, render_file
from tasks.contracts import RenderOutput, RenderReceipt, SoundOutput
from tasks.errors import FencedError, PermanentError
from tasks.scenario.slices import slice_scenario
from tasks.workflows.chunks import Span, plan_spans
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.test_render import audio_of, settings_of

SIZE: dict[str, Any] = {"width": 270, "height": 480}
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


def vary(path: Path, source: Path) -> Path:
    """Copy a clip with frames at uneven times, and none at all for more than a second."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream("libx264", rate=30, options={"preset": "veryfast", "g": "40", "bf": "2"})
        stream.width, stream.height, stream.time_base = 270, 480, Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, frame in enumerate(old.decode(video=0)):
            if number % 7 == 3 or 28 <= number < 65:
                continue
            frame.pts, frame.time_base = number * 33 + (number % 3) * 5, Fraction(1, 1000)
            frame.pict_type = av.video.frame.PictureType.NONE
            new.mux(stream.encode(frame))
        new.mux(stream.encode(None))
    return path


def compare(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: RenderOutput) -> RenderReceipt:
    """Render in pieces and at once; the frames to be encoded, their number and times must be the same."""
    document, suffix = saying(), f".{output.container}"
    in_pieces = watch(monkeypatch, ChunkWriter)
    parts = cut(source, document, tmp_path, output)
    monkeypatch.undo()
    at_once = watch(monkeypatch, FileWriter)
    whole = render_file(source, document, tmp_path / f"whole{suffix}", output=output, settings=settings_of())
    monkeypatch.undo()
    kept = [part for part in parts if part.chunk.frames]
    receipt = join(source, document, kept, tmp_path / f"joined{suffix}", output)
    assert in_pieces == at_once
    mine, theirs = decoded(tmp_path / f"joined{suffix}"), decoded(tmp_path / f"whole{suffix}")
    assert [t for t, _ in mine] == [t for t, _ in theirs]
    assert receipt.frame_count == whole.frame_count == len(mine)
    assert receipt.checks.get("audio_minus_video_s") == whole.checks.get("audio_minus_video_s")
    return receipt


class TestKinds:
    def test_uneven_times_and_a_piece_without_frames(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = vary(tmp_path / "vfr.mp4", clip)
        receipt = compare(source, tmp_path, monkeypatch, RenderOutput(encoder="libx264", preset="veryfast"))
        assert (receipt.checks["chunks"], receipt.audio) == (3, "none")

    def test_an_even_rate_of_its_own_over_uneven_footage(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = vary(tmp_path / "vfr.mp4", clip)
        output = RenderOutput(encoder="libx264", preset="ultrafast", fps="24000/1001")
        assert compare(source, tmp_path, monkeypatch, output).checks["chunks"] == 4

    @pytest.mark.parametrize(("container", "codec"), [("mp4", "hevc"), ("webm", "vp9"), ("webm", "av1")])
    def test_other_codecs(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str, codec: str
    ) -> None:
        output = RenderOutput(container=container, codec=codec, quality="draft", preset="ultrafast", width=136)
        compare(clip, tmp_path, monkeypatch, output)
        if codec == "hevc":
            with av.open(str(tmp_path / "joined.mp4")) as joined:
                assert joined.streams.video[0].codec_context.codec_tag == "hvc1"

    def test_streams_without_an_index_are_read_from_where_it_is_safe(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = make_video(tmp_path / "in.ts", **SIZE, duration_s=4.0, options=BFRAMES)
        compare(source, tmp_path, monkeypatch, RenderOutput(encoder="libx264", preset="ultrafast"))

    def test_sound_that_is_made_anew_is_made_once_for_the_whole(
        self, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sound = SoundOutput(loudness_lufs=-16.0, fade_out_s=1.0)
        output = RenderOutput(encoder="libx264", preset="ultrafast", sound=sound)
        assert compare(clip, tmp_path, monkeypatch, output).audio == "aac"
        assert audio_of(tmp_path / "joined.mp4") == audio_of(tmp_path / "whole.mp4")


PLAIN = RenderOutput(encoder="libx264", preset="ultrafast", crf=30)


@pytest.fixture(scope="module")
def parts(chromium: str, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Part]:
    return cut(clip, saying(), tmp_path_factory.mktemp("parts"), PLAIN)


class TestRefusals:
    def refuse(self, clip: Path, parts: list[Part], out: Path) -> str:
        with pytest.raises(PermanentError) as caught:
            join(clip, saying(), parts, out, PLAIN)
        assert not out.exists()
        return caught.value.code

    def test_a_piece_that_is_missing(self, clip: Path, parts: list[Part], tmp_path: Path) -> None:
        assert self.refuse(clip, [*parts[:1], *parts[2:]], tmp_path / "out.mp4") == "render.chunks_incomplete"

    def test_a_piece_that_is_there_twice(self, clip: Path, parts: list[Part], tmp_path: Path) -> None:
        assert self.refuse(clip, [*parts[:2], *parts[1:]], tmp_path / "out.mp4") == "render.chunks_incomplete"

    def test_a_piece_of_another_kind_of_node(self, clip: Path, parts: list[Part], tmp_path: Path) -> None:
        other = replace(parts[1].chunk, receipt=replace(parts[1].receipt, browser="Chromium 1"))
        mixed = [parts[0], replace(parts[1], chunk=other), *parts[2:]]
        assert self.refuse(clip, mixed, tmp_path / "out.mp4") == "render.chunks_differ"

    def test_a_piece_with_other_headers(self, clip: Path, parts: list[Part], tmp_path: Path) -> None:
        [other] = cut(clip, saying(), tmp_path, replace(PLAIN, preset="veryslow"), SPANS[1:2])
        mixed = [parts[0], other, *parts[2:]]
        assert self.refuse(clip, mixed, tmp_path / "out.mp4") == "render.chunks_differ"

    def test_a_chunk_that_is_stopped_leaves_nothing(self, clip: Path, tmp_path: Path) -> None:
        def stop(done: int, total: int, stage: str) -> None:
            if done == 5:
                raise FencedError("job.cancelled", "cancelled")

        with pytest.raises(FencedError):
            render_chunk(
                clip,
                saying(),
                tmp_path / "out.mp4",
                span=SPANS[1],
                output=PLAIN,
                settings=settings_of(),
                extras=Extras(progress=stop),
            )
        assert list(tmp_path.iterdir()) == []
