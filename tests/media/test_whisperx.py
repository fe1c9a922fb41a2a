"""WhisperX's own code, in its own environment, which ``make .venv/.whisperx`` sets up; without it these are skipped."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.contracts import Transcript, Word
from tests import media_samples as samples

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-whisperx" / "bin" / "python"
VERSION = "3.8.6"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not PYTHON.exists():
        pytest.skip("WhisperX has no environment here: make .venv/.whisperx")
    folder = tmp_path_factory.mktemp("whisperx")
    speech, silence = folder / "speech.wav", samples.make_tone(folder / "silence.wav", duration_s=3, hertz=0.0)
    samples.short_speech_wav(speech)
    command = [PYTHON, "-m", "tests.media.whisperx_run", speech, silence, folder / "models"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def words_of(transcript: Transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words]


@pytest.mark.parametrize(("way", "method"), [("plain", "pocketsphinx"), ("aligned", "wav2vec2")])
def test_whisperx_gives_the_same_contract(run: dict[str, Any], way: str, method: str) -> None:
    heard = Transcript.from_json(run[way])
    words = words_of(heard)

    assert (heard.engine, heard.engine_version, heard.model) == ("whisperx", VERSION, "tiny.en")
    assert (heard.alignment_method, heard.language, heard.language_probability) == (method, "en", 1.0)
    assert len(words) >= 5
    assert all(word.end - word.start >= 0.039 for word in words)
    assert all(before.end <= after.start for before, after in itertools.pairwise(words))


def test_both_ways_hear_the_same_words(run: dict[str, Any]) -> None:
    plain, aligned = (
        [word.text.strip(".,").lower() for word in words_of(Transcript.from_json(run[way]))]
        for way in ("plain", "aligned")
    )

    assert plain[:4] == aligned[:4] == ["it", "was", "the", "best"]
    assert abs(len(plain) - len(aligned)) <= 0.1 * len(plain)


def test_whisperx_hears_nothing_in_silence(run: dict[str, Any]) -> None:
    heard = Transcript.from_json(run["silence"])

    assert (heard.segments, heard.alignment_method, heard.duration_s) == ((), "none", 3.0)


def test_progress_of_whisperx_reaches_the_end(run: dict[str, Any]) -> None:
    assert run["progress"] == sorted(run["progress"])
    assert run["progress"][-1] == pytest.approx(Transcript.from_json(run["aligned"]).duration_s, abs=0.05)
