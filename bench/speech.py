"""Transcription against plain faster-whisper, in one run: wrong words, word starts, speed, memory; and speakers.

Both use the same model, threads, beam, and voice activity detection, each in a process of its own, in turn. Words are
counted on real speech, starts on synthetic voices whose times are known, who speaks on a conversation marked by people.

Bounds: not more wrong words; word starts at least twice as close; at least 0.9 times the speed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import measure
from bench.verdict import Bound, say
from cli.samples import CONVERSATION, CONVERSATION_TURNS, TWO_CITIES, get_sample
from tests import spoken
from tests.der import Span, error_rate, read_rttm
from tests.spoken import Spoken
from tests.weights import models_folder, weights

RESULTS = Path(__file__).parent / "results" / "speech.jsonl"
BOUNDS = {"wer": 1.0, "start": 0.5, "speed": 0.9}
VOICES = ("en-us", "en-us+f3", "en-us+f4", "en-gb-x-rp+f2")
SAID = (
    "The boat left the harbor early in the morning with seven people on board.",
    "Nobody expected the weather to change before the evening meal was ready.",
    "She opened every window because summer nights are warm along the river.",
    "In 1859 we had 24 ships and about 300 sailors.",
    "Please call Stella, and ask her to bring these things with her from the store.",
)
THREADS = 2

Word = tuple[str, float]


@dataclass(frozen=True)
class Run:
    """Work on one file: what was heard, seconds without loading, and the process's peak memory."""

    words: list[Word]
    seconds: float
    cpu_s: float
    peak_mb: float


def main() -> int:
    """Measure, print, keep, and judge; 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs="+", metavar="WHO", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        return work(arguments.run[0], [Path(file) for file in arguments.run[1:]], arguments.model)
    with tempfile.TemporaryDirectory() as folder:
        row = compare(Path(folder), arguments.model, rounds=arguments.rounds)
    row["der"] = measure_speakers()
    print(json.dumps(row, indent=2))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return 0 if say(bounds_of(row)) else 1


def bounds_of(row: dict[str, Any]) -> list[Bound]:
    """Return what is asked of a run."""
    ours, theirs = row["ours"], row["plain"]
    return [
        Bound("wrong words", ours["wer"], most=theirs["wer"] * BOUNDS["wer"]),
        Bound("word starts by those of plain faster-whisper", row["start_ratio"], most=BOUNDS["start"]),
        Bound("speed by that of plain faster-whisper", row["speed_ratio"], least=BOUNDS["speed"]),
    ]


def compare(folder: Path, model: str, *, rounds: int) -> dict[str, Any]:
    """Run both on all files, in turn; the fastest round of each counts."""
    real = get_sample(TWO_CITIES)
    said = {voice: spoken.join(*(spoken.say(text, voice=voice) for text in SAID)) for voice in VOICES}
    known = {voice: words.write(folder / f"{voice}.wav") for voice, words in said.items()}
    runs: dict[str, list[list[Run]]] = {"plain": [], "ours": []}
    for _ in range(rounds):
        for who, done in runs.items():
            done.append(run(who, [real, *known.values()], model))
    figures = {}
    for who, done in runs.items():
        errors = [
            late
            for voice, heard in zip(VOICES, done[-1][1:], strict=True)
            for late in start_errors(said[voice], heard.words)
        ]
        figures[who] = describe([each[0] for each in done], errors)
    ours, plain = figures["ours"], figures["plain"]
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        ).stdout.strip(),
        "model": model,
        "ours": ours,
        "plain": plain,
        "start_ratio": round(ours["start_error_ms"] / plain["start_error_ms"], 3),
        "speed_ratio": round(ours["times_real"] / plain["times_real"], 3),
    }


def run(who: str, paths: list[Path], model: str) -> list[Run]:
    """Transcribe files in a process of their own."""
    files = [str(path) for path in paths]
    done = measure([sys.executable, "-m", "bench.speech", "--model", model, "--run", who, *files])
    if done.returncode:
        raise RuntimeError(done.output)
    told = json.loads(done.output.splitlines()[-1])
    return [Run([tuple(word) for word in one["words"]], one["seconds"], one["cpu_s"], done.peak_mb) for one in told]


def describe(real: list[Run], errors: list[float]) -> dict[str, float]:
    """Return the figures of one of the two: its runs on real speech, and how late its words begin."""
    length_s = 44.374
    best = min(real, key=lambda done: done.seconds)
    return {
        "wer": round(wrong_words(plain(TWO_CITIES.words), plain(" ".join(text for text, _ in best.words))), 4),
        "start_error_ms": round(1000 * float(np.mean(np.abs(errors))), 1),
        "start_bias_ms": round(1000 * float(np.mean(errors)), 1),
        "words_compared": len(errors),
        "times_real": round(length_s / best.seconds, 2),
        "cpu_s": round(min(done.cpu_s for done in real), 2),
        "peak_mb": round(max(done.peak_mb for done in real), 1),
    }


def work(who: str, paths: list[Path], model: str) -> int:
    """Transcribe in this process and print what came of it; loading is not counted."""
    hear = load_ours(model) if who == "ours" else load_plain(model)
    told = []
    for path in paths:
        started, cpu = time.monotonic(), time.process_time()
        words = hear(path)
        told.append({"words": words, "seconds": time.monotonic() - started, "cpu_s": time.process_time() - cpu})
    print(json.dumps(told))
    return 0


def load_ours(model: str) -> Any:
    """Return what transcribes as the product does."""
    from tasks.speech import SpeechOptions, transcribe_file
    from tasks.speech.align import warm_up
    from tasks.speech.engine import load_engine

    options = SpeechOptions(model=model, model_dir=folder_of(model), device="cpu", threads=THREADS)
    load_engine(options)
    warm_up()
    return lambda path: [
        (word.text, word.start) for segment in transcribe_file(path, options=options).segments for word in segment.words
    ]


def load_plain(model: str) -> Any:
    """Return plain faster-whisper with word times and voice activity detection."""
    from faster_whisper import WhisperModel

    from tasks.speech import SpeechOptions
    from tasks.speech.models import find_model

    found = find_model(SpeechOptions(model=model, model_dir=folder_of(model)))
    whisper = WhisperModel(str(found.path), device="cpu", compute_type="int8", cpu_threads=THREADS)

    def hear(path: Path) -> list[Word]:
        segments, _ = whisper.transcribe(
            str(path), beam_size=5, word_timestamps=True, vad_filter=True, condition_on_previous_text=False
        )
        return [(word.word.strip(), float(word.start)) for segment in segments for word in segment.words or ()]

    return hear


def folder_of(model: str) -> str:
    """Return the folder of models, with base in it where that is asked for."""
    if model == "base":
        weights("base")
    return str(models_folder())


def measure_speakers() -> dict[str, float]:
    """Return the diarization error rate of the real conversation, with the number of speakers given and guessed."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    from tasks.media.audio import SPEECH_RATE, decode_speech_audio
    from tasks.speech import SpeechOptions
    from tasks.speech.speakers import VoiceDiarizer

    weights("speakers")
    audio = decode_speech_audio(get_sample(CONVERSATION))
    known = read_rttm(get_sample(CONVERSATION_TURNS))
    found = get_speech_timestamps(audio, VadOptions(min_silence_duration_ms=200, speech_pad_ms=50))
    spoken_spans = [(span["start"] / SPEECH_RATE, span["end"] / SPEECH_RATE) for span in found]
    diarizer = VoiceDiarizer(SpeechOptions(model_dir=str(models_folder())))
    diarizer.add(audio, start_s=0.0)
    rates = {}
    for name, count in (("given", 2), ("guessed", None)):
        turns: list[Span] = [
            (max(turn.start, start), min(turn.end, end), turn.speaker)
            for turn in diarizer.turns(count)
            for start, end in spoken_spans
            if min(turn.end, end) > max(turn.start, start)
        ]
        rates[name] = round(error_rate(known, turns, length_s=len(audio) / SPEECH_RATE), 3)
    return rates


def start_errors(said: Spoken, heard: list[Word]) -> list[float]:
    """Return by how many seconds words begin late, of those that were heard as they were said."""
    ours, theirs = ([re.sub(r"\W", "", text.lower()) for text, _ in words] for words in (said.words, heard))
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    return [
        heard[block.b + n][1] - said.words[block.a + n][1]
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    ]


def plain(text: str) -> list[str]:
    """Return the words of a text, lower-case, without signs."""
    return re.findall(r"[a-z]+", text.lower())


def wrong_words(said: list[str], heard: list[str]) -> float:
    """Return the word error rate."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        last, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (word != other))
    return row[-1] / len(said)


if __name__ == "__main__":
    sys.exit(main())
