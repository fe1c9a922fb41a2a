"""How well sounds are known again: our fingerprint against Chromaprint's, on damaged songs.

``python -m bench.fingerprint`` takes half a minute. For both it prints how alike the same sounds and different sounds
are found, by the share of equal bits at the best shift. The pass line: ours finds every same pair and no other at its
threshold. Chromaprint is asked where libchromaprint is installed (Debian: libchromaprint1).
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import av
import numpy as np

from bench.songs import RATE, Song, Sound, compose, play
from tasks.contracts.alike import SAME, likeness
from tasks.media.audio import iter_mono
from tasks.samples import fingerprint as ours

RESULTS = Path(__file__).parent / "results" / "music.jsonl"
CHROMAPRINT_RATE, TEST2 = 11025, 1
TEMPI_AND_KEYS = (
    (96, "C major"),
    (96, "A minor"),
    (120, "E minor"),
    (120, "G major"),
    (128, "D minor"),
    (88, "F major"),
)
SONGS = tuple(
    Song(f"song {number}", ((0, float(bpm)),), key, form=(("verse", 6),), seed=number)
    for number, (bpm, key) in enumerate(TEMPI_AND_KEYS)
)
DAMAGES: dict[str, tuple[str, Callable[[Sound], Sound]]] = {
    "mp3 of 64 kbit/s": ("mp3", lambda sound: sound),
    "opus of 24 kbit/s": ("libopus", lambda sound: sound),
    "12 dB quieter": ("flac", lambda sound: sound * 0.25),
    "noise at -30 dB": ("flac", lambda sound: sound + np.random.default_rng(7).normal(0, 0.03, len(sound))),
    "0.7 s later": ("flac", lambda sound: sound[round(0.7 * RATE) :]),
    "no bass, no treble": ("flac", lambda sound: through_a_phone(sound)),
}
BIT_RATES = {"mp3": 64_000, "libopus": 24_000}


def through_a_phone(sound: Sound) -> Sound:
    """Return what a telephone lets through: 300 to 3400 Hz."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


def write(path: Path, sound: Sound, codec: str) -> Path:
    """Encode a mono sound."""
    rate = 48000 if codec == "libopus" else RATE
    samples = np.clip(sound, -1, 1)
    if rate != RATE:
        places = np.arange(0, len(samples) - 1, RATE / rate)
        samples = np.interp(places, np.arange(len(samples)), samples)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if codec in BIT_RATES:
            stream.bit_rate = BIT_RATES[codec]
        for start in range(0, len(samples), 4096):
            block = (samples[start : start + 4096] * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def find_chromaprint() -> ctypes.CDLL | None:
    """Return the library where it is installed."""
    name = ctypes.util.find_library("chromaprint")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.chromaprint_new.restype = ctypes.c_void_p
    return library


def theirs(library: ctypes.CDLL, path: Path) -> bytes:
    """Return Chromaprint's words for a file, 32 bits for each eighth of a second, the first byte highest."""
    samples = np.concatenate(list(iter_mono(path, CHROMAPRINT_RATE)))
    data = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
    context = ctypes.c_void_p(library.chromaprint_new(TEST2))
    words, size = ctypes.POINTER(ctypes.c_uint32)(), ctypes.c_int()
    try:
        library.chromaprint_start(context, CHROMAPRINT_RATE, 1)
        library.chromaprint_feed(context, data.ctypes.data_as(ctypes.c_void_p), len(data))
        library.chromaprint_finish(context)
        library.chromaprint_get_raw_fingerprint(context, ctypes.byref(words), ctypes.byref(size))
        return np.array(words[: size.value], dtype=">u4").tobytes()
    finally:
        library.chromaprint_dealloc(words)
        library.chromaprint_free(context)


def compare(read: Callable[[Path], bytes], whole: list[Path], damaged: dict[str, list[Path]]) -> dict[str, object]:
    """Return the least likeness of each kind of damage, and the greatest of different songs."""
    prints = [read(path) for path in whole]
    same = {
        name: min(likeness(one, read(path)) for one, path in zip(prints, paths, strict=True))
        for name, paths in damaged.items()
    }
    other = max(likeness(one, another) for one, another in combinations(prints, 2))
    return {"same": {name: round(value, 3) for name, value in same.items()}, "other": round(other, 3)}


def main() -> int:
    """Compare and print; 0 when ours tells all of them apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="add a line to bench/results/music.jsonl")
    asked = parser.parse_args()
    library = find_chromaprint()
    with tempfile.TemporaryDirectory(prefix="fingerprint-") as name:
        folder = Path(name)
        sounds = [play(compose(song)) for song in SONGS]
        whole = [write(folder / f"{number}.flac", sound, "flac") for number, sound in enumerate(sounds)]
        suffixes = {"mp3": "mp3", "libopus": "ogg", "flac": "flac"}
        damaged = {
            damage: [
                write(folder / f"{place}-{number}.{suffixes[codec]}", spoil(sound), codec)
                for number, sound in enumerate(sounds)
            ]
            for place, (damage, (codec, spoil)) in enumerate(DAMAGES.items())
        }
        found = {"ours": compare(ours.fingerprint_file, whole, damaged)}
        if library is not None:
            found["chromaprint"] = compare(lambda path: theirs(library, path), whole, damaged)
    told = found["ours"]
    good = min(told["same"].values()) >= SAME > told["other"]  # type: ignore[attr-defined,operator]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": now, "bench": "fingerprint", "songs": len(SONGS), "threshold": SAME, **found})
    print("PASS" if good else "FAIL", line)
    if asked.record:
        with RESULTS.open("a") as file:
            file.write(line + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
