"""The parts of music analysis, each on numbers that are known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.contracts.music import Meter
from tasks.media.waveform import PEAK_SAMPLES, waveform
from tasks.music.bars import place_bars
from tasks.music.engine import Rhythm, no_rhythm
from tasks.music.form import group_alike, suggest_labels
from tasks.music.harmony import MAJOR, MINOR, find_key, find_key_spans, fits, key_names
from tasks.music.pulse import Pulse
from tasks.music.tempo import describe_tempo, fit_tempo

METER = Meter(4, 1.0, "test")


def rhythm_of(beats: np.ndarray, *others: float) -> Rhythm:
    """A rhythm whose other pulses have these tempi, all much less likely."""
    pulses = [Pulse(beats, float(np.median(np.diff(beats))), 0.0, 1.0, 0.0, 1.0)]
    pulses += [Pulse(beats, 60 / bpm, -2.0, 1.0, 0.0, 1.0) for bpm in others]
    return Rhythm(beats, beats[::4], pulses, METER, "test")


def test_the_tempo_is_exact_although_each_beat_is_rounded_to_a_hundredth() -> None:
    beats = np.round(np.arange(120) * 60 / 117.5 + 0.3, 2)

    bpm, is_steady = fit_tempo(beats)

    assert (bpm, is_steady) == (pytest.approx(117.5, rel=1e-4), True)


def test_a_lost_beat_does_not_change_the_tempo() -> None:
    beats = np.delete(np.arange(64) * 0.5, [10, 11, 40])

    assert fit_tempo(beats) == (pytest.approx(120, rel=1e-6), True)


def test_a_change_of_tempo_is_told_and_the_commoner_one_taken() -> None:
    beats = np.concatenate([np.arange(80) * 0.5, 40 + np.arange(40) * 0.6])

    assert fit_tempo(beats) == (pytest.approx(120, rel=1e-6), False)


def test_half_and_double_are_always_candidates_and_confidences_add_up() -> None:
    tempo = describe_tempo(rhythm_of(np.arange(64) * 0.5, 180.0))

    assert tempo.bpm == pytest.approx(120)
    assert tempo.candidates[0].bpm == pytest.approx(120)
    assert {60.0, 180.0, 240.0} <= {round(candidate.bpm, 3) for candidate in tempo.candidates}
    assert sum(candidate.confidence for candidate in tempo.candidates) == pytest.approx(1, abs=0.001)


def test_without_beats_the_tempo_is_unknown_with_the_reason() -> None:
    tempo = describe_tempo(no_rhythm("Nothing recurs in the sound"))

    assert (tempo.bpm, tempo.confidence, tempo.reason) == (None, 0.0, "Nothing recurs in the sound")


def test_bars_follow_a_beat_that_was_lost() -> None:
    signs = np.tile([2.0, -0.7, -0.6, -0.7], 16)
    lost = np.delete(signs, 30)

    firsts = place_bars(lost, 4)

    assert [int(beat) for beat in firsts[:8]] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert [int(beat) for beat in firsts[8:]] == list(range(31, 63, 4))


@pytest.mark.parametrize("name", key_names())
def test_a_profile_is_of_its_own_key(name: str) -> None:
    tonic, mode = key_names().index(name) % 12, name.split()[1]
    profile = np.roll(MAJOR if mode == "major" else MINOR, tonic)

    assert key_names()[int(fits(profile).argmax())] == name
    assert find_key(np.tile(profile[:, None], 50).astype(np.float32)).name == name


def test_even_or_missing_pitches_have_no_key() -> None:
    even = find_key(np.ones((12, 50), np.float32))
    nothing = find_key(np.zeros((12, 50), np.float32))

    assert (even.name, even.reason) == ("unknown", "No pitch stands out")
    assert (nothing.name, nothing.confidence) == ("unknown", 0.0)


def test_a_change_of_key_is_found_where_it_is() -> None:
    here, there = np.array(MAJOR), np.roll(MAJOR, 2)
    chroma = np.concatenate([np.tile(here[:, None], 400), np.tile(there[:, None], 400)], axis=1).astype(np.float32)
    duration_s = 800 * 2048 / 22050

    spans = find_key_spans(chroma, duration_s, find_key(chroma))

    assert [span.name for span in spans] == ["C major", "D major"]
    assert spans[0].end == spans[1].start == pytest.approx(duration_s / 2, abs=12)
    assert (spans[0].start, spans[1].end) == (0.0, pytest.approx(duration_s, abs=0.01))


def test_the_waveform_is_audiowaveforms_second_version() -> None:
    samples = np.zeros(PEAK_SAMPLES * 3 + 10, np.float32)
    samples[PEAK_SAMPLES], samples[PEAK_SAMPLES + 1] = 1.0, -0.5

    told = waveform(samples, 22050)

    assert {name: told[name] for name in ("version", "channels", "bits", "length", "sample_rate")} == {
        "version": 2,
        "channels": 1,
        "bits": 8,
        "length": 4,
        "sample_rate": 22050,
    }
    assert told["samples_per_pixel"] == PEAK_SAMPLES
    assert told["data"] == [0, 0, -64, 127, 0, 0, 0, 0]


def test_parts_that_sound_alike_share_a_group_and_the_strongest_is_the_chorus() -> None:
    means = np.array([[0.0, 0.0], [3.0, 0.0], [6.0, 0.0], [3.1, 0.0], [6.1, 0.0]])

    groups = group_alike(means)

    assert groups == [0, 1, 2, 1, 2]
    labels = suggest_labels(groups, [0.2, 0.5, 0.9, 0.5, 0.9], [10.0] * 5)
    assert labels == ["intro", "verse", "chorus", "verse", "chorus"]


def test_a_song_that_never_changes_is_one_verse() -> None:
    assert suggest_labels([0], [0.5], [60.0]) == ["verse"]


def test_loud_strokes_of_the_bass_do_not_hide_the_key_of_what_is_held() -> None:
    held, stroke = np.full((12, 90), 0.02, np.float32), np.full((12, 30), 0.05, np.float32)
    held[[1, 4, 8]] = ((0.5,), (0.45,), (0.5,))  # C# minor
    stroke[[1, 5, 8]] = ((5.0,), (4.0,), (3.0,))  # its bass: the fifth partial of C# is E#
    chroma = np.concatenate([held, stroke], axis=1)

    assert find_key(chroma).name == "C# minor"
