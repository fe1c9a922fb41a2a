"""Genre and mood by a network: a real one, small enough to know what it must say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.songs import Song, compose, play, write_wav
from tasks.errors import PermanentError
from tasks.media.limits import MediaLimits
from tasks.music.analysis import analyze_song
from tasks.music.options import MusicOptions
from tasks.music.tagging import find_tagger
from tests.media.onnx_model import write_model
from tests.media_samples import make_tone

LABELS = {"deep": range(8), "bright": range(60, 90), "heavy": range(8), "shrill": range(60, 90), "none": range(0)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network that tells low sounds from high ones."""
    return write_model(tmp_path / "bands.onnx", LABELS, moods=["heavy", "shrill"])


@pytest.mark.parametrize(("hertz", "first", "seconds"), [(110.0, "deep", 9.0), (5000.0, "bright", 1.3)])
def test_a_network_says_what_it_was_made_to_say(
    model: Path, tmp_path: Path, hertz: float, first: str, seconds: float
) -> None:
    tone = make_tone(tmp_path / "tone.wav", duration_s=seconds, hertz=hertz)
    tagger = find_tagger(str(model))
    assert tagger is not None

    scores = tagger.judge(tone, MediaLimits())

    assert list(scores) == list(LABELS)
    assert max(("deep", "bright"), key=lambda label: scores[label]) == first
    assert scores["deep"] == scores["heavy"] and scores["bright"] == scores["shrill"]


def test_a_song_is_named_by_the_model_and_says_so(model: Path, tmp_path: Path) -> None:
    song = write_wav(tmp_path / "song.wav", play(compose(Song("s", ((0, 120.0),), "C major", form=(("verse", 6),)))))
    options = MusicOptions()

    plain = analyze_song(song, options=options).analysis
    told = analyze_song(song, options=replace(options, genre_model=str(model))).analysis

    assert (plain.genre.method, plain.mood.method) == ("signal-rules/1", "signal-rules/1")
    assert (told.genre.method, told.mood.method) == ("model/bands-1", "model/bands-1")
    assert set(told.genre.scores) == {"deep", "bright"}
    assert told.genre.confidence == max(told.genre.scores.values())
    assert told.mood.primary in ("heavy", "shrill") and set(told.mood.tags) == {"heavy", "shrill"}
    assert told.mood.vector == plain.mood.vector
    assert (told.tempo, told.key, told.beats) == (plain.tempo, plain.key, plain.beats)


@pytest.mark.parametrize("broken", ["absent", "no labels", "other labels", "no network", "other shape"])
def test_a_model_that_is_of_no_use_is_refused(tmp_path: Path, broken: str) -> None:
    path = write_model(tmp_path / f"{broken}.onnx", LABELS, **({"moods": ["joy"]} if broken == "other labels" else {}))
    if broken == "absent":
        path.unlink()
    if broken == "no labels":
        path.with_suffix(".json").unlink()
    if broken == "no network":
        path.write_bytes(b"no network")
    if broken == "other shape":
        told = json.loads(path.with_suffix(".json").read_text())
        path.with_suffix(".json").write_text(json.dumps({**told, "labels": [*told["labels"], "more"]}))
    tone = make_tone(tmp_path / "tone.wav", duration_s=2.0)

    with pytest.raises(PermanentError) as refused:
        tagger = find_tagger(str(path))
        assert tagger is not None
        tagger.judge(tone, MediaLimits())

    assert refused.value.code == "music.model_unusable"
