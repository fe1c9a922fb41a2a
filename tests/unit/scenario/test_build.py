"""From a transcript to a scenario: nothing said is lost, moved, or shown at a bad moment."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import Segment, Transcript, Word
from tasks.errors import InvalidInputError
from tasks.scenario import parse, presets
from tasks.scenario.build import LINGER_S, scenario_from_transcript


def transcript_of(*words: Word) -> Transcript:
    segments = (Segment("s1", "", words[0].start, words[-1].end, words),) if words else ()
    return Transcript("en", 1.0, 60.0, "e", "1", "m", "dtw", segments)


def words_at(*entries: tuple[str, float, float]) -> tuple[Word, ...]:
    return tuple(Word(f"w{n}", text, start, end) for n, (text, start, end) in enumerate(entries))


def cues_of(*words: Word, max_words: int = 4) -> list[dict[str, Any]]:
    document = scenario_from_transcript(transcript_of(*words), width=1080, height=1920, max_words=max_words)
    parse(document)
    return list(document["tracks"][0]["cues"])


def texts_of(cues: list[dict[str, Any]]) -> list[str]:
    return [" ".join(word["text"] for word in cue["words"]) for cue in cues]


def test_pause_begins_a_new_cue_and_a_breath_does_not() -> None:
    said = words_at(("one", 0, 0.5), ("two", 1.1, 1.5), ("three", 2.3, 2.5))
    assert texts_of(cues_of(*said)) == ["one two", "three"]


def test_sentence_end_begins_a_new_cue() -> None:
    said = words_at(("Yes.", 0, 0.5), ("No", 0.5, 1), ("more?", 1, 1.5), ("So", 1.5, 2))
    assert texts_of(cues_of(*said)) == ["Yes.", "No more?", "So"]


def test_cue_holds_no_more_words_than_asked() -> None:
    said = words_at(*((chr(97 + n), n * 0.2, n * 0.2 + 0.2) for n in range(5)))
    assert texts_of(cues_of(*said, max_words=2)) == ["a b", "c d", "e"]


def test_long_words_are_not_crowded_into_one_cue() -> None:
    said = words_at(("internationalisation", 0, 0.5), ("notwithstanding", 0.5, 1))
    assert texts_of(cues_of(*said)) == ["internationalisation", "notwithstanding"]


def test_another_voice_begins_a_new_cue() -> None:
    first, second = Word("a", "hi", 0, 0.5, speaker="S1"), Word("b", "ho", 0.5, 1.0, speaker="S2")
    assert [cue["speaker"] for cue in cues_of(first, second)] == ["S1", "S2"]


def test_cue_lingers_after_its_last_word_unless_another_follows() -> None:
    said = words_at(("One.", 0, 0.5), ("Two.", 0.6, 1.0))
    assert [(cue["start"], cue["end"]) for cue in cues_of(*said)] == [(0, 0.6), (0.6, 1.0 + LINGER_S)]


def test_silence_gives_a_scenario_without_cues() -> None:
    assert cues_of() == []


def test_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError) as refused:
        scenario_from_transcript(transcript_of(), width=10, height=10, preset="plop")
    assert refused.value.code == "scenario.unknown_preset"
    assert refused.value.extra["known"] == sorted(preset["name"] for preset in presets())


@pytest.mark.parametrize("name", [preset["name"] for preset in presets()])
def test_looks_grow_with_the_picture(name: str) -> None:
    small, large = (
        scenario_from_transcript(transcript_of(), width=w, height=h, preset=name)["styles"]["caption"]["fontSize"]
        for w, h in ((540, 960), (1920, 1080))
    )
    assert large == pytest.approx(2 * small, abs=0.11)
    assert 40 < large < 140


@st.composite
def speech(draw: st.DrawFn) -> tuple[Word, ...]:
    steps = draw(st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 1500)), max_size=30))
    texts = draw(st.lists(st.sampled_from(["a", "word", "End.", "Why?", "extraordinarily"]), min_size=30, max_size=30))
    now, said = 0, []
    for number, (pause, length) in enumerate(steps):
        said.append(Word(f"w{number}", texts[number], (now + pause) / 1000, (now + pause + length) / 1000))
        now += pause + length
    return tuple(said)


@settings(max_examples=100, deadline=None)
@given(said=speech(), max_words=st.integers(1, 8))
def test_words_keep_their_ids_and_times_and_no_cue_overlaps_the_next(said: tuple[Word, ...], max_words: int) -> None:
    cues = cues_of(*said, max_words=max_words)
    kept = [(w["id"], w["text"], w["start"], w["end"]) for cue in cues for w in cue["words"]]
    assert kept == [(w.id, w.text, w.start, w.end) for w in said]
    assert all(this["end"] <= following["start"] for this, following in itertools.pairwise(cues))
    assert all(len(cue["words"]) <= max_words for cue in cues)
