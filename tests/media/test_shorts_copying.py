"""Cuts without encoding: copied frames are the source's own to the bit, none is lost or twice where they meet."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tasks.media.probe import probe_file
from tasks.shorts import forms
from tasks.shorts.cutter import CutClip, CutPlan, cut_clip
from tasks.shorts.seams import hash_frame
from tasks.transcripts.cuts import Span
from tests.media_samples import make_video, read_frame_number
from tests.media_samples import test_card as card

X264, X265 = {"preset": "ultrafast", "bf": "3", "b_strategy": "0"}, {"preset": "ultrafast"}
NAMES = {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "av1"}
OPEN = "open-gop=1:keyint=20:scenecut=0"
SOURCES = {
    "h264.mp4": ("libx264", {**X264, "g": "20"}),
    "h264.mkv": ("libx264", {**X264, "g": "31", "x264-params": "b-pyramid=normal"}),
    "open-h264.mp4": ("libx264", {**X264, "preset": "fast", "x264-params": f"{OPEN}:b-pyramid=strict:ref=4"}),
    "open-h264.mkv": ("libx264", {**X264, "x264-params": f"{OPEN}:cabac=0:b-pyramid=normal"}),
    "closed.mkv": ("libx265", {**X265, "x265-params": "keyint=20:open-gop=0:bframes=4:log-level=error"}),
    "open.mp4": ("libx265", {**X265, "x265-params": "keyint=20:open-gop=1:bframes=4:log-level=error"}),
    "vp9.webm": ("libvpx-vp9", {"g": "20", "deadline": "realtime", "cpu-used": "8"}),
    "hidden.webm": ("libvpx-vp9", {"g": "20", "cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "16"}),
    "av1.mp4": ("libsvtav1", {"preset": "12", "g": "20"}),
    "av1.mkv": ("libsvtav1", {"preset": "12", "g": "20"}),
}


def frames(path: Path) -> tuple[list[float], list[str], list[int]]:
    """Return times, hashes and the numbers on the test card of all frames."""
    with av.open(str(path)) as container:
        shown = list(container.decode(video=0))
        numbers = [read_frame_number(frame.to_ndarray(format="gray")) for frame in shown]
        return [float(frame.time or 0) for frame in shown], [hash_frame(frame) for frame in shown], numbers


def frames_and_complaints(path: Path) -> tuple[list[float], list[str], list[int], list[str]]:
    """Return what :func:`frames` does, and of what the decoder complains."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture(local=False) as told:
            shown = frames(path)
    finally:
        av.logging.set_level(before)
    return *shown, [text for level, _, text in told if level <= av.logging.WARNING]


def wanted_of(clip: CutClip, count: int, fps: Fraction) -> list[int]:
    """Return the numbers of the source's frames that a clip holds."""
    return [n for n in range(count) if any(s.start - 1e-3 <= n / fps < s.end - 1e-3 for s in clip.kept)]


@pytest.mark.parametrize("name", SOURCES)
def test_copied_frames_are_the_sources_own_and_seams_neither_lose_nor_repeat_one(tmp_path: Path, name: str) -> None:
    codec, options = SOURCES[name]
    source = make_video(
        tmp_path / name, width=320, height=180, fps=25, duration_s=5, codec=codec, options=options, audio="tone"
    )
    out = tmp_path / f"clip{source.suffix}"

    clip = cut_clip(source, out, CutPlan(0.5, 4.7, (Span(2.0, 2.6),)))

    _, theirs, numbers = frames(source)
    times, ours, shown, complaints = frames_and_complaints(out)
    assert complaints == []
    wanted = wanted_of(clip, len(numbers), Fraction(25))
    same = [mine == theirs[number] for mine, number in zip(ours, wanted, strict=True)]
    assert shown == wanted
    assert clip.encoded_because == ""
    assert sum(same) == clip.copied_frames >= 40
    assert clip.frame_count == len(ours)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert (min(gaps), max(gaps)) == (pytest.approx(0.04, abs=0.002), pytest.approx(0.04, abs=0.002))
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == NAMES[codec]
        *_, last = container.decode(audio=0)
        assert float(last.time or 0) + last.samples / last.sample_rate == pytest.approx(times[-1] + 0.04, abs=0.04)


@pytest.mark.parametrize("name", ["h264.mp4", "open.mp4", "vp9.webm", "av1.mkv"])
def test_a_cut_on_key_frames_encodes_nothing(tmp_path: Path, name: str) -> None:
    codec, options = SOURCES[name]
    source = make_video(
        tmp_path / name, width=320, height=180, fps=25, duration_s=4, codec=codec, options=options, audio=None
    )

    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.8, 4.0))

    assert clip.encoded_because == ""
    assert clip.copied_frames >= clip.frame_count - (4 if name == "open.mp4" else 0)
    assert frames(tmp_path / "clip.mp4")[2] == wanted_of(clip, 100, Fraction(25))


def test_what_cannot_be_copied_is_encoded_to_the_frame_and_says_why(tmp_path: Path) -> None:
    made = {
        "codec": make_video(
            tmp_path / "old.mp4", width=320, height=180, fps=25, duration_s=3, codec="mpeg4", options={}
        ),
        "no_key_frame": make_video(
            tmp_path / "one.mp4",
            width=320,
            height=180,
            fps=25,
            duration_s=3,
            options={"preset": "ultrafast", "g": "999"},
        ),
        "open_gop": make_video(
            tmp_path / "fields.mp4",
            width=320,
            height=180,
            fps=25,
            duration_s=3,
            options={**X264, "x264-params": f"{OPEN}:interlaced=1"},
        ),
    }

    for why, source in made.items():
        clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.52, 2.4))
        assert (clip.encoded_because, clip.copied_frames) == (why, 0)
        assert frames(tmp_path / "clip.mp4")[2] == list(range(13, 60))


def test_a_frame_that_breaks_at_its_seam_voids_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(_form: object, data: bytes) -> bytes:
        middle = len(data) // 2
        return data[:middle] + bytes(255 - byte for byte in data[middle : middle + 40]) + data[middle + 40 :]

    codec, options = SOURCES["h264.mp4"]
    source = make_video(tmp_path / "v.mp4", width=320, height=180, fps=25, duration_s=4, codec=codec, options=options)
    monkeypatch.setattr(forms.H264Form, "begin", spoil)

    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.52, 3.4))

    assert (clip.encoded_because, clip.copied_frames) == ("seam", 0)
    assert frames(tmp_path / "clip.mp4")[2] == list(range(13, 85))


@pytest.mark.parametrize("copies", [True, False])
def test_a_turned_picture_stays_turned(tmp_path: Path, *, copies: bool) -> None:
    plain = make_video(
        tmp_path / "plain.mp4", width=320, height=180, fps=25, duration_s=3, options={"preset": "ultrafast", "g": "20"}
    )
    source = tmp_path / "turned.mp4"
    with av.open(str(plain)) as told, av.open(str(source), "w") as output:
        stream = output.add_stream_from_template(told.streams.video[0], opaque=True)
        stream.set_display_rotation(-90)
        for packet in told.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)

    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.4, 2.5, rotation=90, copies=copies))

    assert bool(clip.copied_frames) is copies
    video = probe_file(tmp_path / "clip.mp4").video
    assert video is not None and (video.rotation, video.width, video.height) == (90, 320, 180)


def test_uneven_times_of_frames_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "uneven.mp4"
    times = [40 * n + 7 * (n % 3) for n in range(90)]
    with av.open(str(source), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={**X264, "g": "20"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        draw = card(320, 180)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number, 0.0), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    clip = cut_clip(source, tmp_path / "clip.mp4", CutPlan(0.5, 3.2))

    shown_at, _, numbers = frames(tmp_path / "clip.mp4")
    assert clip.copied_frames >= 40
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert shown_at == pytest.approx([(times[n] - times[numbers[0]]) / 1000 for n in numbers], abs=0.0006)
