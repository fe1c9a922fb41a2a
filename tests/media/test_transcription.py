"""Real speech through a real model: few wrong words, sound times, and nothing where nobody speaks."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from tasks.contracts import Transcript, Word
from tasks.errors import FencedError, PermanentError, TransientError
from tasks.media.audio import decode_speech_audio
from tasks.speech import SpeechOptions, transcribe_file
from tasks.speech.models import find_model
from tests import media_samples as samples
from tests.conftest import require

TINY = SpeechOptions(model="tiny.en", device="cpu")


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    try:
        find_model(TINY)
    except TransientError as error:
        require(False, f"a Whisper model ({error.detail})")


@pytest.fixture(scope="module")
def transcript() -> Transcript:
    return transcribe_file(samples.speech_wav(), options=TINY)


def words_of(transcript: Transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words]


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def edit_distance(left: list[str], right: list[str]) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def test_less_than_a_tenth_of_the_words_are_wrong(transcript: Transcript) -> None:
    said, heard = plain(samples.TWO_CITIES_TEXT), plain(" ".join(s.text for s in transcript.segments))

    assert len(said) == 119
    assert edit_distance(said, heard) / len(said) < 0.10


def test_words_follow_each_other_without_overlap(transcript: Transcript) -> None:
    words = words_of(transcript)

    assert all(word.end - word.start >= 0.039 for word in words)
    assert all(before.end <= after.start for before, after in itertools.pairwise(words))
    assert words[-1].end <= transcript.duration_s
    assert all(0.0 <= word.score <= 1.0 for word in words)


def test_ids_number_words_and_segments_through(transcript: Transcript) -> None:
    words = words_of(transcript)

    assert [word.id for word in words] == [f"w{n:06d}" for n in range(1, len(words) + 1)]
    assert [s.id for s in transcript.segments] == [f"s{n:05d}" for n in range(1, len(transcript.segments) + 1)]
    assert all(s.start == s.words[0].start and s.end == s.words[-1].end for s in transcript.segments)


def test_what_was_used_is_recorded(transcript: Transcript) -> None:
    assert (transcript.engine, transcript.engine_version, transcript.model) == ("faster", "1.2.1", "tiny.en")
    assert len(transcript.model_sha256) == 64
    assert (transcript.language, transcript.language_probability) == ("en", 1.0)
    assert transcript.alignment_method == "pocketsphinx"
    assert transcript.duration_s == pytest.approx(44.4, abs=0.1)


def test_aligned_words_begin_where_the_sound_does(transcript: Transcript) -> None:
    """After a pause, a word begins within 80 ms of the moment the voice comes back."""
    audio = decode_speech_audio(samples.speech_wav())
    level = np.sqrt(np.convolve(np.square(audio), np.ones(320) / 320, mode="same"))
    loud = level > 0.02
    words = words_of(transcript)
    after_pause = [b for a, b in itertools.pairwise(words) if b.start - a.end > 0.3]
    late = []
    for word in after_pause:
        near = np.flatnonzero(loud[int((word.start - 0.3) * 16000) : int((word.start + 0.3) * 16000)])
        onset = word.start - 0.3 + near[0] / 16000 if len(near) else word.start
        late.append(abs(word.start - onset))

    assert len(after_pause) >= 4
    assert float(np.median(late)) < 0.08


def test_a_message_made_of_it_reads_back_the_same(transcript: Transcript) -> None:
    assert Transcript.from_json(transcript.to_json()) == transcript


@pytest.mark.parametrize("hertz", [0.0, 440.0])
def test_silence_and_a_tone_have_no_words(tmp_path: Path, hertz: float) -> None:
    heard = transcribe_file(samples.make_tone(tmp_path / "tone.wav", duration_s=5, hertz=hertz), options=TINY)

    assert heard.segments == ()
    assert heard.alignment_method == "none"
    assert heard.duration_s == 5.0


def test_video_without_sound_has_an_empty_transcript(tmp_path: Path) -> None:
    heard = transcribe_file(samples.make_video(tmp_path / "silent.mp4", audio=None), options=TINY)

    assert (heard.segments, heard.duration_s, heard.alignment_method) == ((), 0.0, "none")
    assert (heard.language, heard.language_probability) == ("und", 0.0)


def test_an_english_model_refuses_another_language(tmp_path: Path) -> None:
    tone = samples.make_tone(tmp_path / "tone.wav", duration_s=1)

    with pytest.raises(PermanentError) as caught:
        transcribe_file(tone, options=TINY, language="de")

    assert caught.value.code == "speech.language_unsupported"


def test_hostile_file_is_refused_before_the_engine_hears_it(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        transcribe_file(samples.make_playlist(tmp_path / "x.mp4"), options=TINY)

    assert caught.value.code == "media.unsupported"


def test_progress_counts_seconds_and_reaches_the_end(tmp_path: Path) -> None:
    clip = tmp_path / "short.wav"
    length_s = samples.short_speech_wav(clip)
    seen: list[tuple[float, float]] = []

    transcribe_file(clip, options=TINY, progress=lambda done_s, total_s: seen.append((done_s, total_s)))

    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (pytest.approx(length_s, abs=0.05), pytest.approx(length_s, abs=0.05))


def test_an_error_raised_by_progress_stops_the_work(tmp_path: Path) -> None:
    clip = tmp_path / "short.wav"
    samples.short_speech_wav(clip)

    def stop(done_s: float, total_s: float) -> None:
        raise FencedError("job.cancelled", "cancelled")

    with pytest.raises(FencedError):
        transcribe_file(clip, options=TINY, progress=stop)


def test_words_keep_their_times_when_the_sound_begins_late(tmp_path: Path) -> None:
    """The same speech behind two seconds of silence: every word two seconds later."""
    import wave

    clip, late = tmp_path / "short.wav", tmp_path / "late.wav"
    samples.short_speech_wav(clip)
    with wave.open(str(clip)) as reader, wave.open(str(late), "wb") as writer:
        writer.setparams(reader.getparams())
        writer.writeframes(bytes(2 * reader.getsampwidth() * reader.getframerate()))
        writer.writeframes(reader.readframes(reader.getnframes()))

    first, second = (words_of(transcribe_file(path, options=TINY)) for path in (clip, late))

    assert plain(" ".join(w.text for w in first)) == plain(" ".join(w.text for w in second))
    assert [w.start + 2.0 for w in first] == pytest.approx([w.start for w in second], abs=0.06)


def test_an_engine_that_is_not_installed_says_so(tmp_path: Path) -> None:
    tone = samples.make_tone(tmp_path / "tone.wav", duration_s=1)

    with pytest.raises(PermanentError) as caught:
        transcribe_file(tone, options=SpeechOptions(engine="whisperx"))

    assert caught.value.code == "speech.engine_unavailable"
    assert "REELYARD_SPEECH_ENGINE" in caught.value.detail


def test_a_missing_model_is_a_fault_of_the_host(tmp_path: Path) -> None:
    with pytest.raises(TransientError) as caught:
        find_model(SpeechOptions(model="large-v9", model_dir=str(tmp_path)))

    assert caught.value.code == "speech.model_missing"
    assert "REELYARD_MODEL_DIR" in caught.value.detail


def test_a_model_in_the_model_folder_is_found_by_name(tmp_path: Path) -> None:
    installed = find_model(TINY)
    (tmp_path / "house").symlink_to(installed.path)

    found = find_model(SpeechOptions(model="house", model_dir=str(tmp_path)))

    assert found.path == installed.path.resolve()
    assert found.sha256 == installed.sha256
