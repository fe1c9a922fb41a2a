"""Who speaks when: real speech marked by people, synthetic voices, and what happens when a way is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.samples import CONVERSATION, CONVERSATION_TURNS, get_sample
from tasks.contracts import Transcript
from tasks.contracts.transcript import Diarization
from tasks.errors import TransientError
from tasks.media.audio import decode_speech_audio
from tasks.speech import SpeechOptions, SpeechRequest, transcribe_file
from tasks.speech.diarize import Turn
from tasks.speech.speakers import VoiceDiarizer
from tasks.speech.voices import load_encoder, mel_frames
from tests import spoken
from tests.conftest import require
from tests.der import Span, error_rate, read_rttm
from tests.weights import models_folder, weights


@pytest.fixture(scope="module")
def options() -> SpeechOptions:
    weights("speakers")
    return SpeechOptions(model="tiny.en", device="cpu", model_dir=str(models_folder()))


@pytest.fixture(scope="module")
def conversation() -> tuple[Path, list[Span]]:
    try:
        return get_sample(CONVERSATION), read_rttm(get_sample(CONVERSATION_TURNS))
    except TransientError as error:
        require(False, f"a conversation marked by people ({error})")
        raise


def only_spoken(turns: list[Turn], audio: np.ndarray) -> list[Span]:
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    found = get_speech_timestamps(audio, VadOptions(min_silence_duration_ms=200, speech_pad_ms=50))
    spans = [(piece["start"] / 16000, piece["end"] / 16000) for piece in found]
    return [
        (max(turn.start, start), min(turn.end, end), turn.speaker)
        for turn in turns
        for start, end in spans
        if min(turn.end, end) > max(turn.start, start)
    ]


def test_the_encoder_computes_what_the_original_does(
    options: SpeechOptions, conversation: tuple[Path, list[Span]]
) -> None:
    """The numbers are those of the package's own torch code on the same frames."""
    frames = mel_frames(decode_speech_audio(conversation[0]))

    [vector, other] = load_encoder(options).encode(np.stack([frames[250:370], frames[1000:1120]]))

    assert vector[:8] == pytest.approx([0.2367651, 0, 0, 0, 0, 0, 0.001255, 0.02239997], abs=1e-5)
    assert other[:8] == pytest.approx([0.02715851, 0, 0, 0, 0, 0, 0, 0], abs=1e-5)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_less_than_a_sixth_of_a_real_conversation_is_wrong(
    options: SpeechOptions, conversation: tuple[Path, list[Span]]
) -> None:
    """Two thirds of that is speech at the same time, of which one voice is heard."""
    audio = decode_speech_audio(conversation[0])
    diarizer = VoiceDiarizer(options)

    diarizer.add(audio, start_s=0.0)
    found = only_spoken(diarizer.turns(2), audio)

    assert error_rate(conversation[1], found, length_s=len(audio) / 16000) <= 0.165


@pytest.fixture(scope="module")
def two_voices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A woman's voice, a man's, and the woman's again; when the man speaks."""
    first = spoken.say("Nobody expected the weather to change before the meal was ready.", voice="en-us+f3")
    second = spoken.say("The boat left the harbor early in the morning with seven people.", voice="en-us")
    third = spoken.say("She opened every window because summer nights are warm.", voice="en-us+f3")
    path = spoken.join(first, second, third).write(tmp_path_factory.mktemp("voices") / "two.wav")
    return path, len(first.samples) / first.rate


def speakers_of(transcript: Transcript) -> list[str | None]:
    return [segment.speaker for segment in transcript.segments]


def test_segments_say_who_speaks(options: SpeechOptions, two_voices: tuple[Path, float]) -> None:
    heard = transcribe_file(two_voices[0], options=options, request=SpeechRequest(diarize=True, speakers=2))

    assert heard.diarization == Diarization("resemblyzer", 2, is_certain=True)
    assert [
        name for name, before in zip(speakers_of(heard), [None, *speakers_of(heard)], strict=False) if name != before
    ] == [
        "S1",
        "S2",
        "S1",
    ]
    man = [segment for segment in heard.segments if segment.speaker == "S2"]
    assert man[0].start == pytest.approx(two_voices[1] + 0.3, abs=0.3)
    assert all(word.speaker == segment.speaker for segment in heard.segments for word in segment.words)
    assert Transcript.from_json(heard.to_json()) == heard


def test_a_guessed_number_of_speakers_is_not_certain(options: SpeechOptions, two_voices: tuple[Path, float]) -> None:
    heard = transcribe_file(two_voices[0], options=options, request=SpeechRequest(diarize=True))

    assert heard.diarization == Diarization("resemblyzer", 2, is_certain=False)


def test_nobody_is_named_unasked(options: SpeechOptions, two_voices: tuple[Path, float], tmp_path: Path) -> None:
    audio = decode_speech_audio(two_voices[0])[:32000]
    clip = spoken.write_wav(tmp_path / "clip.wav", audio * 32767, 16000)

    heard = transcribe_file(clip, options=options)

    assert heard.diarization is None
    assert set(speakers_of(heard)) <= {None}


def test_silence_has_no_speakers(options: SpeechOptions, tmp_path: Path) -> None:
    silence = spoken.write_wav(tmp_path / "silence.wav", np.zeros(16000, np.int16), 16000)

    heard = transcribe_file(silence, options=options, request=SpeechRequest(diarize=True, speakers=2))

    assert (heard.segments, heard.diarization) == ((), Diarization("resemblyzer", 0, is_certain=False))


def test_a_strict_request_fails_where_pyannote_is_configured_and_missing(
    options: SpeechOptions, tmp_path: Path
) -> None:
    silence = spoken.write_wav(tmp_path / "silence.wav", np.zeros(16000, np.int16), 16000)
    elsewhere = SpeechOptions(model="tiny.en", model_dir=options.model_dir, diarizer=str(tmp_path / "pyannote"))

    relaxed = transcribe_file(silence, options=elsewhere, request=SpeechRequest(diarize=True))
    with pytest.raises(TransientError) as caught:
        transcribe_file(silence, options=elsewhere, request=SpeechRequest(diarize=True, is_strict=True))

    assert relaxed.diarization is not None
    assert relaxed.diarization.method == "resemblyzer"
    assert caught.value.code == "speech.diarization_unavailable"
    assert "config.yaml" in caught.value.detail


def test_without_any_speaker_model_the_transcript_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    silence = spoken.write_wav(tmp_path / "silence.wav", np.zeros(16000, np.int16), 16000)

    heard = transcribe_file(silence, options=SpeechOptions(model="tiny.en"), request=SpeechRequest(diarize=True))
    with pytest.raises(TransientError) as caught:
        load_encoder(SpeechOptions())

    assert heard.diarization == Diarization("none", 0, is_certain=False)
    assert caught.value.code == "speech.diarization_unavailable"
    assert "make models" in caught.value.detail


def test_a_damaged_speaker_model_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "resemblyzer" / "pretrained.pt"
    damaged.parent.mkdir()
    shutil.copyfile(weights("speakers"), damaged)
    with damaged.open("r+b") as file:
        file.seek(300_000)
        file.write(b"\0\1\2\3")

    with pytest.raises(TransientError) as caught:
        load_encoder(SpeechOptions(model_dir=str(tmp_path)))

    assert caught.value.code == "speech.model_damaged"
