"""``reelyard musicvideo``: from a song to a film, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from bench.songs import Song, compose, play, write_wav
from cli.exits import Exit
from cli.main import main
from tasks.contracts.clips import ClipPlan, ComposedVideo

SONG = Song("short", ((0, 126.0),), "E minor", form=(("verse", 8),), seed=3)
SMALL = ["--size", "128x72", "--fps", "15"]


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of 15 s."""
    return write_wav(tmp_path_factory.mktemp("song") / "song.wav", play(compose(SONG)))


@pytest.fixture(scope="module")
def analysis(song: Path) -> Path:
    """What is heard in it."""
    from tasks.music.analysis import analyze_song
    from tasks.music.options import MusicOptions

    path = song.with_suffix(".json")
    path.write_text(json.dumps(analyze_song(song, options=MusicOptions("librosa", 900)).analysis.to_json()))
    return path


def test_a_song_becomes_a_film_cut_on_its_beats(
    song: Path, analysis: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "film.mp4"

    assert main(["musicvideo", str(song), "--out", str(out), "--analysis", str(analysis), "--json", *SMALL]) == Exit.OK

    told = json.loads(capsys.readouterr().out)
    plan, film = ClipPlan.from_json(told["plan"]), ComposedVideo.from_json(told["video"])
    assert len(plan.clips) >= 2
    assert all(abs(clip.from_beat_ms or 0) <= 500 / 15 + 0.01 for clip in plan.clips[1:])
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == plan.frame_count
    assert abs(film.audio_end_s - film.video_end_s) <= 1 / 15
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_the_plan_alone_needs_no_film(
    song: Path, analysis: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sections = tmp_path / "parts.json"
    duration_s = json.loads(analysis.read_text())["duration_s"]
    parts = [
        {"start": 0, "end": 7, "label": "verse", "note": "rain"},
        {"start": 7, "end": duration_s, "label": "chorus"},
    ]
    sections.write_text(json.dumps(parts))
    arguments = ["musicvideo", str(song), "--analysis", str(analysis), "--plan", "--sections", str(sections), "--json"]

    assert main(arguments) == Exit.OK

    plan = ClipPlan.from_json(json.loads(capsys.readouterr().out))
    assert [section.label for section in plan.sections] == ["verse", "chorus"]
    assert next(clip for clip in plan.clips if clip.section == 1).start_frame == 210
    assert plan.clips[0].prompt.startswith("rain, ")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ([], "clips.no_output"),
        (["--out", "film.mp4", "--type", "opera"], "clips.unknown_type"),
        (["--out", "film.mp4", "--transition", "melt"], "clips.unknown_transition"),
    ],
)
def test_what_is_spelled_wrong_is_told_before_any_work(
    song: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], code: str
) -> None:
    assert main(["musicvideo", str(song), *wrong]) == Exit.BAD_INPUT

    assert capsys.readouterr().err.startswith(f"{code}: ")
