"""Outputs that are no plain video, and several at once, in pieces: what is joined is what a whole render writes."""

from __future__ import annotations

import hashlib
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import render_node.chunks
from render_node.chunks import Chunk, ChunkPictures, ChunkWriter, SpanFrames, render_chunks
from render_node.encode.pictures import PictureWriter
from render_node.encode.writer import FileWriter
from render_node.join import join_chunks
from render_node.parts import Part
from render_node.render import Extras, render_files
from tasks.contracts import RenderOutput, RenderReceipt
from tasks.contracts.outputs import SUFFIXES, complete_output
from tasks.errors import PermanentError
from tasks.scenario.slices import slice_scenario
from tasks.workflows.chunks import Span, piece_form, plan_spans
from tests.media_samples import make_video
from tests.render.looks import look
from tests.render.test_render import audio_of, settings_of

SIZE: dict[str, Any] = {"width": 136, "height": 240}
LENGTH_S = 3.0
SPANS = plan_spans(LENGTH_S, target_s=1, from_s=2)
OUTPUTS = {
    "h264": RenderOutput(encoder="libx264", preset="ultrafast", crf=20),
    "slow": RenderOutput(container="webm", codec="vp9", preset="ultrafast", quality="draft", fps="10"),
    "prores": RenderOutput(container="mov"),
    "prores-alpha": RenderOutput(container="mov", layer="captions"),
    "vp9-alpha": RenderOutput(container="webm", layer="captions", preset="ultrafast", crf=20),
    "png": RenderOutput(container="png", fps="12"),
    "png-alpha": RenderOutput(container="png", layer="captions"),
    "gif": RenderOutput(container="gif", fps="10"),
    "gif-alpha": RenderOutput(container="gif", layer="captions", fps="10"),
    "alone": RenderOutput(encoder="libx264", preset="ultrafast", layer="captions", alpha=False, background="#204060"),
}
TO_THE_BYTE = ("png", "png-alpha", "gif", "gif-alpha")
SAME_PACKETS = ("prores", "prores-alpha")
Seen = dict[str, list[tuple[Fraction, str]]]

pytestmark = pytest.mark.usefixtures("chromium")


def saying() -> dict[str, Any]:
    return look("pop", **SIZE, texts=("It", "was", "the", "best", "of", "times", "it"))


def pixels(frame: av.VideoFrame) -> bytes:
    """Return what a frame shows, without the padding of its rows."""
    if not frame.format.name.startswith("yuv"):
        return frame.to_ndarray().tobytes()
    depth = 2 if frame.format.name.endswith("le") else 1
    planes: list[Any] = list(frame.planes)  # planes are buffers, which their stubs do not say
    rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in planes]
    return b"".join(row[:, : plane.width * depth].tobytes() for plane, row in zip(planes, rows, strict=True))


class Watch:
    """Notes time and hash of each frame that goes to an output's encoder, by the file's name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kinds: dict[type[Any], type[Any]]) -> None:
        self.seen: Seen = {}
        for kind, base in kinds.items():
            monkeypatch.setattr(kind, "__init__", self._named(kind.__init__, base))
            monkeypatch.setattr(kind, "write_frame", self._hashed(kind.write_frame))

    def _named(self, begin: Any, base: type[Any]) -> Any:
        def init(this: Any, path: Path, *rest: Any) -> None:
            this.watched = path.stem.split("+")[0]
            begin(this, path, *rest)

        return init

    def _hashed(self, write: Any) -> Any:
        def write_frame(this: Any, frame: av.VideoFrame) -> None:
            assert frame.pts is not None and frame.time_base is not None
            seen = (frame.pts * frame.time_base, hashlib.sha256(pixels(frame)).hexdigest())
            self.seen.setdefault(this.watched, []).append(seen)
            write(this, frame)

        return write_frame


class Films:
    """One source rendered at once and in pieces, with all outputs."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home, self.decoded = home, 0
        self.clip = make_video(home / "in.mp4", **SIZE, duration_s=LENGTH_S, audio="tone")
        with monkeypatch.context() as patch:
            at_once = Watch(patch, {FileWriter: FileWriter, PictureWriter: PictureWriter})
            wanted = [(self.path(name, "whole"), output) for name, output in OUTPUTS.items()]
            receipts = render_files(self.clip, saying(), wanted, settings=settings_of(), extras=Extras())
            self.whole = dict(zip(OUTPUTS, receipts, strict=True))
        with monkeypatch.context() as patch:
            in_pieces = Watch(patch, {ChunkWriter: FileWriter, ChunkPictures: PictureWriter})
            patch.setattr(render_node.chunks, "SpanFrames", self.counted())
            self.parts: dict[str, list[Part]] = {name: [] for name in OUTPUTS}
            for number, span in enumerate(SPANS):
                self.cut(number, span)
        self.at_once, self.in_pieces = at_once.seen, in_pieces.seen

    def path(self, name: str, mark: str) -> Path:
        return self.home / f"{name}+{mark}{SUFFIXES[OUTPUTS[name].container]}"

    def counted(self) -> type[SpanFrames]:
        films = self

        class Counted(SpanFrames):
            def __init__(self, *rest: Any) -> None:
                films.decoded += 1
                super().__init__(*rest)

        return Counted

    def cut(self, number: int, span: Span) -> None:
        forms = {name: piece_form(complete_output(output)) for name, output in OUTPUTS.items()}
        paths = {name: self.home / f"{name}+{number}{SUFFIXES[form]}" for name, form in forms.items()}
        end_s = None if span.end_ms is None else span.end_ms / 1000
        document = slice_scenario(saying(), span.start_ms / 1000, end_s)
        wanted = [(paths[name], output) for name, output in OUTPUTS.items()]
        chunks = render_chunks(self.clip, document, wanted, span=span, settings=settings_of())
        for name, chunk in zip(OUTPUTS, chunks, strict=True):
            assert chunk is not None and Chunk.from_json(chunk.to_json()) == chunk
            self.parts[name].append(Part(paths[name], chunk))

    def join(self, name: str) -> RenderReceipt:
        return join_chunks(
            self.clip,
            saying(),
            self.parts[name],
            self.path(name, "joined"),
            output=OUTPUTS[name],
            settings=settings_of(),
        )


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Films:
    with pytest.MonkeyPatch.context() as patch:
        return Films(tmp_path_factory.mktemp("films"), patch)


def pictures(path: Path) -> list[tuple[Fraction, bytes]]:
    """Return time and pixels of each frame, with the alpha that WebM keeps beside them."""
    decoder = "libvpx-vp9" if path.suffix == ".webm" else None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if decoder is None:
            return [(frame.pts * frame.time_base, pixels(frame)) for frame in container.decode(video=0)]
        reader = av.CodecContext.create(decoder, "r")
        found = [frame for packet in container.demux(stream) if packet.size for frame in reader.decode(packet)]
        return [(frame.pts * stream.time_base, pixels(frame)) for frame in found]


def length_of(path: Path) -> float:
    """Return how long a file says that its picture lasts, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.duration is not None:
            return float(stream.duration * (stream.time_base or 0))
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_every_output_gets_the_frames_of_a_whole_render_from_one_reading_of_the_footage(films: Films) -> None:
    assert films.decoded == len(SPANS)
    assert films.in_pieces.keys() == films.at_once.keys() == OUTPUTS.keys()
    for name in OUTPUTS:
        assert films.in_pieces[name] == films.at_once[name], name
    assert [part.chunk.frames for part in films.parts["h264"]] == [30, 30, 30]
    assert [part.chunk.frames for part in films.parts["gif"]] == [10, 10, 10]


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_is_joined_has_frames_times_sound_and_receipt_of_the_whole(films: Films, name: str) -> None:
    receipt, whole = films.join(name), films.whole[name]
    same = ("recipe", "encoder", "frame_count", "duration_s", "audio", "audio_duration_s", "width", "pixel_format")
    assert {part: getattr(receipt, part) for part in same} == {part: getattr(whole, part) for part in same}
    assert receipt.checks.get("audio_minus_video_s") == whole.checks.get("audio_minus_video_s")
    assert receipt.checks["chunks"] == len(SPANS)
    mine, theirs = films.path(name, "joined"), films.path(name, "whole")
    if name in TO_THE_BYTE:
        assert mine.read_bytes() == theirs.read_bytes()
        return
    shown, wanted = pictures(mine), pictures(theirs)
    assert [t for t, _ in shown] == [t for t, _ in wanted]
    assert abs(length_of(mine) - length_of(theirs)) <= 0.002
    if receipt.audio != "none":
        assert audio_of(mine) == audio_of(theirs)
    if name in SAME_PACKETS:
        assert receipt.pictures_sha256 == whole.pictures_sha256
        assert shown == wanted


@pytest.mark.parametrize("name", ["prores-alpha", "vp9-alpha"])
def test_alpha_outlives_the_joining(films: Films, name: str) -> None:
    films.join(name)
    covers = {}
    for mark in ("joined", "whole"):
        frames = alphas(films.path(name, mark))
        assert len(frames) == LENGTH_S * 30
        covers[mark] = frames
    assert any(cover.max() == 255 for cover in covers["whole"]) and all(cover.min() == 0 for cover in covers["whole"])
    off = [np.abs(mine.astype(int) - theirs).mean() for mine, theirs in zip(*covers.values(), strict=True)]
    assert max(off) < 1.0


def alphas(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        reader = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream.codec_context
        found = [frame for packet in container.demux(stream) if packet.size for frame in reader.decode(packet)]
        if path.suffix == ".webm":
            assert stream.metadata["ALPHA_MODE"] == "1"
    return [frame.reformat(format="rgba").to_ndarray()[..., 3] for frame in found]


def test_pictures_are_numbered_on(films: Films) -> None:
    films.join("png")
    with zipfile.ZipFile(films.path("png", "joined")) as archive:
        assert archive.namelist() == [*(f"frame_{number:06d}.png" for number in range(1, 37)), "index.json"]


@pytest.mark.parametrize("name", ["gif", "png", "prores", "vp9-alpha"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_piece_and_one_that_is_there_twice_fail(films: Films, name: str, number: int) -> None:
    parts = films.parts[name]
    for wrong in ([*parts[:number], *parts[number + 1 :]], [*parts[: number + 1], *parts[number:]]):
        out = films.home / f"{name}+wrong{SUFFIXES[OUTPUTS[name].container]}"
        with pytest.raises(PermanentError) as caught:
            join_chunks(films.clip, saying(), wrong, out, output=OUTPUTS[name], settings=settings_of())
        assert caught.value.code == "render.chunks_incomplete"
        assert not out.exists()


def test_a_zip_that_lost_a_picture_fails(films: Films, tmp_path: Path) -> None:
    first, *rest = films.parts["gif"]
    short = tmp_path / first.path.name
    with zipfile.ZipFile(first.path) as old, zipfile.ZipFile(short, "w") as new:
        for name in [*old.namelist()[1:-1], "index.json"]:
            new.writestr(name, old.read(name))
    with pytest.raises(PermanentError, match="does not hold the frames"):
        join_chunks(
            films.clip,
            saying(),
            [Part(short, first.chunk), *rest],
            tmp_path / "out.gif",
            output=OUTPUTS["gif"],
            settings=settings_of(),
        )
