"""``reelyard analyze``: a song told in words and as JSON, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.songs import Song, compose, play, write_wav
from cli.exits import Exit
from cli.main import main
from tasks.contracts.music import SongAnalysis
from tests import media_samples

SONG = Song("short", ((0, 126.0),), "E minor", form=(("verse", 8),), seed=3)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of 15 s."""
    return write_wav(tmp_path_factory.mktemp("song") / "song.wav", play(compose(SONG)))


def test_analyze_prints_the_contract_as_json(song: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outline = tmp_path / "waveform.json"

    assert main(["analyze", str(song), "--json", "--waveform", str(outline)]) == Exit.OK

    told = SongAnalysis.from_json(json.loads(capsys.readouterr().out))
    assert told.tempo.bpm == pytest.approx(126, rel=0.003)
    assert told.key.name == "E minor"
    assert json.loads(outline.read_text())["version"] == 2


def test_analyze_tells_the_main_things_in_words(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(song)]) == Exit.OK

    lines = capsys.readouterr().out.splitlines()
    tempo = next(line for line in lines if line.startswith("Tempo")).split()
    assert float(tempo[1]) == pytest.approx(126, rel=0.003)
    assert next(line for line in lines if line.startswith("Key")).startswith("Key       E minor")


def test_analyze_refuses_what_is_no_song(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = media_samples.make_not_video(tmp_path / "letter.mp3")
    mute = media_samples.make_video(tmp_path / "mute.mp4", duration_s=1.0, audio=None)

    assert main(["analyze", str(letter)]) == Exit.BAD_INPUT
    assert main(["analyze", str(mute)]) == Exit.BAD_INPUT
    codes = [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if ": " in line]
    assert {"media.unsupported", "music.no_sound"} <= set(codes)
