"""From clips and a song to a film: cuts on their beats in the pixels, sound and picture ending together."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.clips.compose import FilmOptions, compose
from tasks.clips.film import PASSING, Film
from tasks.clips.fit import Place, describe_fit, fit_frames, read_clip
from tasks.clips.offline import Drawing, draw_clip
from tasks.clips.score import Score
from tasks.clips.sound import RATE, hear_frames
from tasks.contracts.clips import ClipPlan, ClipSection, ComposedVideo
from tasks.contracts.music import Curve, Genre, Key, Loudness, Meter, Mood, SongAnalysis, Tempo, VideoType
from tasks.errors import InvalidInputError, PermanentError
from tasks.workflows.clip_plan import plan_clips
from tests.media_samples import make_video

SIZE = (192, 108)
DURATION_S = 14.37
BEATS = tuple(round(0.21 + 60 / 127 * n, 4) for n in range(30))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def song(folder: Path) -> Path:
    """Clicks on the beats."""
    time = np.arange(round(DURATION_S * RATE)) / RATE
    sound = 0.05 * np.sin(2 * np.pi * 220 * time)
    for beat in BEATS:
        since = time - beat
        sound += np.where(since >= 0, np.exp(-np.maximum(since, 0) * 40), 0) * np.sin(2 * np.pi * 1000 * since) * 0.6
    path = folder / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def encoded(song: Path, codec: str, out: Path) -> Path:
    """The song in another codec."""
    with av.open(str(song)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream(codec, rate=RATE, layout="mono")
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


ANALYSIS = SongAnalysis(
    duration_s=DURATION_S,
    engine="test",
    engine_version="0",
    tempo=Tempo(127.0, 1.0, "test"),
    meter=Meter(4, 1.0, "test"),
    key=Key("A minor", 1.0, "test"),
    loudness=Loudness(-14.0, 6.0, -1.0),
    energy=Curve(0.5, tuple(0.3 + 0.02 * n for n in range(29))),
    genre=Genre("pop", 0.5, "test"),
    mood=Mood("happy", "test", (), {"valence": 0.8, "arousal": 0.7}),
    video_type=VideoType("dance", "test"),
    beats=BEATS,
    downbeats=BEATS[::4],
)
EDGE_S = BEATS[16]
SECTIONS = (
    ClipSection(0.0, EDGE_S, "verse", energy=0.9),
    ClipSection(EDGE_S, DURATION_S, "chorus", energy=1.0),
)
PLAN = plan_clips(ANALYSIS, SECTIONS, fps=Fraction(30))


@pytest.fixture(scope="module")
def clips(folder: Path, song: Path) -> dict[int, Path]:
    """Drawn clips of the plan."""
    sound = hear_frames(song, fps=PLAN.fps, frame_count=PLAN.frame_count)
    drawing = Drawing(ANALYSIS, PLAN, Score(ANALYSIS, PLAN.fps, sound), "dance", SIZE)
    return {clip.number: draw_clip(drawing, clip, folder / f"clip-{clip.number}.mp4") for clip in PLAN.clips}


def colours(path: Path) -> np.ndarray:
    """Every frame of a film in so few pixels that only colours are left."""
    with av.open(str(path)) as container:
        frames = [
            frame.reformat(8, 4, format="rgb24", interpolation="AREA").to_ndarray()
            for frame in container.decode(video=0)
        ]
    return np.array(frames, np.float32)


def find_cuts(path: Path, count: int) -> list[int]:
    """The frames, further apart than a second, with the greatest sudden change that lasts: beats come and go."""
    film = colours(path)
    sudden = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    sums = np.cumsum(np.pad(film, ((1, 0), (0, 0), (0, 0), (0, 0))), axis=0)
    span = 12
    means = (sums[span:] - sums[:-span]) / span
    lasting = np.abs(means[span:] - means[:-span]).mean(axis=(1, 2, 3))
    change = np.zeros(len(film))
    change[span : span + len(lasting)] = lasting * sudden[span - 1 : span - 1 + len(lasting)]
    found: list[int] = []
    for frame in np.argsort(-change):
        if all(abs(int(frame) - other) > 30 for other in found):
            found.append(int(frame))
        if len(found) == count:
            break
    return sorted(found)


def check_ends(film: ComposedVideo) -> None:
    assert film.frame_count == round(DURATION_S * 30)
    assert abs(film.video_end_s - DURATION_S) <= 1 / 30
    assert abs(film.audio_end_s - film.video_end_s) <= 1 / 30


@pytest.mark.parametrize("transition", ["cut", "flash", "dissolve"])
def test_cuts_in_the_pixels_lie_on_the_planned_beats(
    clips: dict[int, Path], song: Path, tmp_path: Path, transition: str
) -> None:
    out = tmp_path / "film.mp4"
    film = compose(PLAN, clips, song, out, options=FilmOptions(SIZE, transition))

    planned = [clip.start_frame for clip in PLAN.clips[1:]]
    seen = find_cuts(out, len(planned))
    assert len(planned) >= 3
    assert all(abs(frame - wanted) <= 1 for frame, wanted in zip(seen, planned, strict=True))
    if transition == "cut":
        assert seen == planned
        assert all(min(abs(frame / 30 - beat) for beat in BEATS) <= 1 / 30 for frame in seen)
    check_ends(film)


@pytest.mark.parametrize(
    ("codec", "name", "audio"), [("libmp3lame", "song.mp3", "copy"), ("flac", "song.flac", "copy"), ("", "", "aac")]
)
def test_the_songs_own_packets_are_kept_where_the_container_holds_them(
    clips: dict[int, Path], song: Path, tmp_path: Path, codec: str, name: str, audio: str
) -> None:
    source = encoded(song, codec, tmp_path / name) if codec else song
    out = tmp_path / "film.mp4"
    film = compose(PLAN, clips, source, out, options=FilmOptions(SIZE))

    assert film.audio == audio
    check_ends(film)
    if audio == "copy":
        with av.open(str(source)) as before, av.open(str(out)) as after:
            first = [bytes(packet) for packet in before.demux(audio=0) if packet.size]
            second = [bytes(packet) for packet in after.demux(audio=0) if packet.size]
        assert second == first[: len(second)]
        assert len(first) - len(second) <= 2


def test_clicks_are_heard_when_their_cuts_are_seen(clips: dict[int, Path], song: Path, tmp_path: Path) -> None:
    source = encoded(song, "libmp3lame", tmp_path / "song.mp3")
    out = tmp_path / "film.mp4"
    compose(PLAN, clips, source, out, options=FilmOptions(SIZE))
    heard = hear_frames(out, fps=Fraction(100), frame_count=1400)

    for clip in PLAN.clips[1:]:
        at = round(float(clip.start_frame / PLAN.fps) * 100)
        near = heard.onset[at - 8 : at + 9]
        assert abs(int(near.argmax()) - 8) <= 5


def test_the_film_is_tagged_and_begins_each_clip_with_a_key_frame(
    clips: dict[int, Path], song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "film.mp4"
    compose(PLAN, clips, song, out, options=FilmOptions(SIZE))

    with av.open(str(out)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        tags = (int(context.color_range), int(context.colorspace), context.pix_fmt, video.average_rate)
        keys = [round(frame.time * 30) for frame in container.decode(video) if frame.key_frame]
    assert tags == (1, 1, "yuv420p", 30)
    assert {clip.start_frame for clip in PLAN.clips} <= set(keys)


def made(path: Path, *, frames: int, fps: int, size: tuple[int, int]) -> Path:
    """A clip whose brightness counts its frames."""
    with Film(path, size=size, fps=Fraction(fps), options=PASSING) as film:
        for number in range(frames):
            picture = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
            picture[: size[1]] = 30 + 180 * number // frames
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.colorspace, frame.color_range = 1, 1
            film.write(frame)
        film.finish()
    return path


@pytest.mark.parametrize(
    ("frames", "fps", "size", "stretched"),
    [
        (90, 30, SIZE, 1.0),
        (48, 24, (320, 320), 1.5),
        (150, 25, (108, 192), 1.0),
        (300, 60, (640, 100), 1.0),
        (1, 30, (64, 64), 90.0),
    ],
)
def test_a_clip_of_any_length_rate_and_size_fills_its_place(
    tmp_path: Path, frames: int, fps: int, size: tuple[int, int], stretched: float
) -> None:
    clip = read_clip(made(tmp_path / "clip.mp4", frames=frames, fps=fps, size=size))
    place = Place(0, 90, Fraction(30), SIZE)
    pictures = list(fit_frames(clip, place))

    assert len(pictures) == 90
    assert {picture.shape for picture in pictures} == {(162, 192)}
    assert describe_fit(clip, place).stretched == stretched
    levels = [float(picture[:108].mean()) for picture in pictures]
    assert all(after >= before - 1.5 for before, after in pairwise(levels))
    shown = min(1.0, 3.0 / (frames / fps)) if stretched == 1.0 else 1.0
    assert levels[-1] == pytest.approx(30 + 180 * shown * (frames - 1) / frames, abs=5)


def test_a_clip_that_is_short_in_the_film_moves_no_cut(clips: dict[int, Path], song: Path, tmp_path: Path) -> None:
    short = made(tmp_path / "short.mp4", frames=40, fps=25, size=(160, 160))
    out = tmp_path / "film.mp4"
    film = compose(PLAN, {**clips, 1: short}, song, out, options=FilmOptions(SIZE))

    planned = [clip.start_frame for clip in PLAN.clips[1:]]
    seen = find_cuts(out, len(planned))
    assert all(abs(frame - wanted) <= 1 for frame, wanted in zip(seen, planned, strict=True))
    assert film.clips[1].stretched > 1.5
    assert film.clips[1].from_size == "160x160"
    check_ends(film)


def test_what_cannot_be_composed_is_refused_by_name(clips: dict[int, Path], song: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clips[1].read_bytes()[:3000])
    without = {number: path for number, path in clips.items() if number != 2}
    for files, options, code in (
        (without, FilmOptions(SIZE), "clips.missing"),
        ({**clips, 1: song}, FilmOptions(SIZE), "clips.empty"),
        ({**clips, 1: broken}, FilmOptions(SIZE), "media.truncated"),
        (clips, FilmOptions(SIZE, "melt"), "clips.unknown_transition"),
    ):
        with pytest.raises((PermanentError, InvalidInputError)) as refused:
            compose(PLAN, files, song, tmp_path / "film.mp4", options=options)
        assert refused.value.code == code
    with pytest.raises(PermanentError) as refused:
        compose(PLAN, clips, clips[0], tmp_path / "film.mp4", options=FilmOptions(SIZE))
    assert refused.value.code == "music.no_sound"


def test_a_plan_survives_its_own_json() -> None:
    assert ClipPlan.from_json(PLAN.to_json()) == PLAN


@pytest.mark.parametrize("transition", ["cut", "dissolve"])
def test_a_clip_made_again_is_encoded_alone_and_the_rest_of_the_film_is_copied(
    clips: dict[int, Path], song: Path, tmp_path: Path, transition: str
) -> None:
    options = FilmOptions(SIZE, transition)
    compose(PLAN, clips, song, tmp_path / "before.mp4", options=options)
    other = made(tmp_path / "other.mp4", frames=PLAN.clips[1].frame_count, fps=30, size=SIZE)
    changed = replace(options, before=tmp_path / "before.mp4", changed=frozenset({1}))

    film = compose(PLAN, {**clips, 1: other}, song, tmp_path / "after.mp4", options=changed)
    whole = compose(PLAN, {**clips, 1: other}, song, tmp_path / "whole.mp4", options=options)

    touched = {1, 2} if transition == "dissolve" else {1}
    kept = [n for n, clip in enumerate(PLAN.clips) if n not in touched for _ in range(clip.frame_count)]
    assert film.copied_frames == len(kept)
    assert (whole.copied_frames, film.audio) == (0, whole.audio)
    check_ends(film)
    before, after, anew = (packets_of(tmp_path / f"{name}.mp4") for name in ("before", "after", "whole"))
    assert sorted(after) == sorted(before) == list(range(PLAN.frame_count))
    same = [number for number in before if before[number] == after[number]]
    for n, clip in enumerate(PLAN.clips):
        inside = set(range(clip.start_frame, clip.start_frame + clip.frame_count))
        assert inside <= set(same) if n not in touched else not inside <= set(same)
    assert np.abs(colours(tmp_path / "after.mp4") - colours(tmp_path / "whole.mp4")).max() < 12
    assert len(anew) == len(after)


def test_a_film_of_another_coder_is_made_anew(clips: dict[int, Path], song: Path, tmp_path: Path) -> None:
    strange = make_video(tmp_path / "strange.mp4", width=SIZE[0], height=SIZE[1], fps=30, duration_s=DURATION_S)
    options = FilmOptions(SIZE, before=strange, changed=frozenset({1}))

    film = compose(PLAN, clips, song, tmp_path / "film.mp4", options=options)

    assert film.copied_frames == 0
    check_ends(film)


def packets_of(path: Path) -> dict[int, bytes]:
    """The packets of a film's picture by the number of their frame."""
    with av.open(str(path)) as container:
        told = [packet for packet in container.demux(video=0) if packet.size]
        return {round((packet.pts or 0) * packet.time_base * 30): bytes(packet) for packet in told}
