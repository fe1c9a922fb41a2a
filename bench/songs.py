"""Songs whose truth is known exactly, since they are composed here: tempo, beats, bars, key, sections.

A song is a score (notes on a grid of beats); :func:`play` turns it into sound by plain arithmetic, without any other
program, and :func:`play_with_fluidsynth` by the instruments of a General MIDI soundfont where fluidsynth is installed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 44100
LEAD_IN_S = 0.35
"""Silence before the first beat, as recordings have."""
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {
    "major": {"verse": (0, 5, 3, 4), "chorus": (0, 3, 4, 0), "bridge": (5, 3, 1, 4)},
    "minor": {"verse": (0, 3, 5, 4), "chorus": (0, 5, 3, 4), "bridge": (3, 0, 3, 4)},
}
DRUMS = {"kick": 36, "snare": 38, "hat": 42}
PROGRAMS = {"bass": (1, 33), "pad": (2, 48), "lead": (3, 0)}
SOUNDFONTS = ("/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf2/default-GM.sf2")
Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Note:
    """One note; ``pitch`` is a MIDI number, drums have none."""

    instrument: str
    start_s: float
    length_s: float
    pitch: int
    level: float


@dataclass(frozen=True)
class Song:
    """What is composed.

    :param tempi: (from which bar on, beats a minute), the first one from bar 0.
    :param subdivision: 3 where each beat falls into three.
    :param form: (label, bars); :param drums: which of kick, snare and hat play at all.
    """

    name: str
    tempi: tuple[tuple[int, float], ...]
    key: str
    beats_per_bar: int = 4
    subdivision: int = 2
    form: tuple[tuple[str, int], ...] = (("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8))
    drums: tuple[str, ...] = ("kick", "snare", "hat")
    seed: int = 1

    @property
    def bpm(self) -> float:
        """The first tempo."""
        return self.tempi[0][1]

    @property
    def bars(self) -> int:
        """Bars in all."""
        return sum(bars for _, bars in self.form)


@dataclass(frozen=True)
class Truth:
    """What an analysis should find; seconds. ``sections`` are (start, end, label)."""

    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    sections: tuple[tuple[float, float, str], ...]
    duration_s: float


@dataclass(frozen=True)
class Score:
    """A song's notes and truth."""

    song: Song
    truth: Truth
    notes: tuple[Note, ...] = field(repr=False)


def compose(song: Song) -> Score:
    """Write the notes of a song, and the truth about it."""
    beat_lengths = [60 / tempo_at(song, bar) for bar in range(song.bars) for _ in range(song.beats_per_bar)]
    grid = LEAD_IN_S + np.array(list(accumulate([0.0, *beat_lengths])))
    random = np.random.default_rng(song.seed)
    notes: list[Note] = []
    sections, bar = [], 0
    for label, bars in song.form:
        for inside in range(bars):
            notes += compose_bar(song, label, inside, edges=bar_edges(song, grid, bar + inside), random=random)
        first, last = bar * song.beats_per_bar, (bar + bars) * song.beats_per_bar
        sections.append((float(grid[first]), float(grid[last]), label))
        bar += bars
    truth = Truth(grid[:-1], grid[: -1 : song.beats_per_bar], tuple(sections), float(grid[-1]) + 1.0)
    return Score(song, truth, tuple(notes))


def tempo_at(song: Song, bar: int) -> float:
    """Return the tempo of a bar."""
    return [bpm for start, bpm in song.tempi if start <= bar][-1]


def bar_edges(song: Song, grid: NDArray[np.float64], bar: int) -> NDArray[np.float64]:
    """Return the beats of a bar and the first of the next."""
    first = bar * song.beats_per_bar
    return grid[first : first + song.beats_per_bar + 1]


def compose_bar(
    song: Song, label: str, bar: int, *, edges: NDArray[np.float64], random: np.random.Generator
) -> list[Note]:
    """Write one bar: harmony always, drums except in the intro, a melody in verse and chorus."""
    tonic, mode = song.key.split()
    degree = progression(mode, label)[bar % 4]
    chord = [pitch_of(TONICS.index(tonic), mode, degree + step, dominant=degree == 4) for step in (0, 2, 4)]
    length = float(edges[-1] - edges[0])
    strength = {"chorus": 1.0, "verse": 0.7, "bridge": 0.6}.get(label, 0.45)
    notes = [Note("pad", float(edges[0]), length * 0.98, 60 + pitch, 0.5 * strength) for pitch in chord]
    notes += play_bass(edges, 36 + chord[0], strength)
    if label != "intro":
        notes += play_drums(song, edges, strength)
    if label in ("verse", "chorus"):
        notes += play_melody(song, edges, chord, strength=strength, random=random, high=label == "chorus")
    return [late(note, random) for note in notes]


def progression(mode: str, label: str) -> tuple[int, ...]:
    """Return the degrees of four bars."""
    return PROGRESSIONS[mode].get(label, PROGRESSIONS[mode]["verse"])


def pitch_of(tonic: int, mode: str, degree: int, *, dominant: bool) -> int:
    """Return semitones above C of a degree of the scale; the dominant of minor has its leading note."""
    step = SCALES[mode][degree % 7]
    if dominant and mode == "minor" and degree % 7 == 6:
        step += 1
    return tonic + step + 12 * (degree // 7)


def play_bass(edges: NDArray[np.float64], pitch: int, strength: float) -> list[Note]:
    """Play the root on every beat."""
    steps = zip(edges[:-1], np.diff(edges), strict=True)
    return [Note("bass", float(start), float(length) * 0.9, pitch, 0.8 * strength) for start, length in steps]


def play_drums(song: Song, edges: NDArray[np.float64], strength: float) -> list[Note]:
    """Play a plain pattern: the bar's first beat is the heaviest."""
    notes = []
    for beat, (start, length) in enumerate(zip(edges[:-1], np.diff(edges), strict=True)):
        heavy = beat == 0 or (song.beats_per_bar == 4 and beat == 2)
        name, level = ("kick", 1.0 if beat == 0 else 0.8) if heavy else ("snare", 0.7)
        notes.append(Note(name, float(start), 0.2, 0, level * strength))
        parts = np.arange(song.subdivision) / song.subdivision
        notes += [Note("hat", float(start + part * length), 0.05, 0, 0.35 * strength) for part in parts]
    return [note for note in notes if note.instrument in song.drums]


def play_melody(
    song: Song,
    edges: NDArray[np.float64],
    chord: list[int],
    *,
    strength: float,
    random: np.random.Generator,
    high: bool,
) -> list[Note]:
    """Play notes of the chord, on the beats and on some of the places between."""
    notes = []
    for start, length in zip(edges[:-1], np.diff(edges), strict=True):
        for part in range(song.subdivision):
            if part and random.random() < 0.5:
                continue
            pitch = 72 + int(random.choice(chord)) + (12 if high and random.random() < 0.4 else 0)
            when = float(start + part * length / song.subdivision)
            notes.append(Note("lead", when, float(length) / song.subdivision, pitch, 0.55 * strength))
    return notes


def late(note: Note, random: np.random.Generator) -> Note:
    """Play a note as a person does: some milliseconds off, and not always equally loud."""
    start = max(0.0, note.start_s + float(random.normal(0, 0.003)))
    level = note.level * float(random.uniform(0.9, 1.1))
    return Note(note.instrument, start, note.length_s, note.pitch, min(1.0, level))


def play(score: Score) -> Sound:
    """Return the sound of a score, mono, at :data:`RATE`."""
    total = round((score.truth.duration_s + 0.5) * RATE)
    mix = np.zeros(total, np.float32)
    random = np.random.default_rng(score.song.seed + 1000)
    voices: dict[tuple[str, int, int], Sound] = {}
    for note in score.notes:
        shape = (note.instrument, note.pitch, round(note.length_s * 200))
        if shape not in voices:
            voices[shape] = voice(note.instrument, note.pitch, shape[2] / 200, random)
        start = round(note.start_s * RATE)
        piece = voices[shape][: total - start]
        mix[start : start + len(piece)] += piece * np.float32(note.level)
    mix += (random.standard_normal(total) * 0.0005).astype(np.float32)
    return np.asarray(mix / np.abs(mix).max() * 0.8, np.float32)


def voice(instrument: str, pitch: int, length_s: float, random: np.random.Generator) -> Sound:
    """Return one note of an instrument."""
    if instrument in DRUMS:
        return drum(instrument, random)
    times = np.arange(round((length_s + 0.08) * RATE)) / RATE
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    partials, fall, level = {"bass": (6, 1.2, 0.5), "pad": (8, 1.5, 0.16), "lead": (7, 1.1, 0.22)}[instrument]
    sound = sum(np.sin(2 * np.pi * hertz * n * times + n) / n**fall for n in range(1, partials + 1) if hertz * n < 9000)
    attack = {"bass": 0.006, "pad": 0.05, "lead": 0.004}[instrument]
    decay = {"bass": 2.5, "pad": 0.4, "lead": 4.0}[instrument]
    release = np.clip((length_s + 0.08 - times) / 0.08, 0, 1)
    return np.asarray(sound * np.clip(times / attack, 0, 1) * np.exp(-decay * times) * release * level, np.float32)


def drum(name: str, random: np.random.Generator) -> Sound:
    """Return a stroke of a drum."""
    length, decay = {"kick": (0.25, 18.0), "snare": (0.2, 22.0), "hat": (0.06, 70.0)}[name]
    times = np.arange(round(length * RATE)) / RATE
    noise = random.standard_normal(len(times))
    if name == "kick":
        sound = np.sin(2 * np.pi * (50 * times + 90 / 30 * (1 - np.exp(-30 * times)))) + 0.1 * noise * (times < 0.004)
    elif name == "snare":
        sound = 0.6 * noise + 0.5 * np.sin(2 * np.pi * 190 * times)
    else:
        sound = np.diff(np.diff(noise, prepend=0.0), prepend=0.0) * 0.3
    return np.asarray(sound * np.exp(-decay * times) * 0.8, np.float32)


def write_wav(path: Path, sound: Sound, rate: int = RATE) -> Path:
    """Write mono sound as 16-bit WAV."""
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def find_soundfont() -> str:
    """Return a General MIDI soundfont that fluidsynth can play, or nothing."""
    return next((path for path in SOUNDFONTS if Path(path).exists()), "") if shutil.which("fluidsynth") else ""


def play_with_fluidsynth(score: Score, path: Path, soundfont: str) -> Path:
    """Write a score as WAV, played by the soundfont's instruments."""
    with tempfile.TemporaryDirectory() as folder:
        midi = Path(folder) / "song.mid"
        midi.write_bytes(midi_of(score))
        command = ["fluidsynth", "-ni", "-g", "0.5", "-r", str(RATE), "-F", str(path), soundfont, str(midi)]
        subprocess.run(command, check=True, capture_output=True)
    return path


def midi_of(score: Score) -> bytes:
    """Return a standard MIDI file of one track, in milliseconds."""
    events: list[tuple[int, bytes]] = [(0, bytes([0xC0 | channel, program])) for channel, program in PROGRAMS.values()]
    for note in score.notes:
        channel, pitch = (
            (9, DRUMS[note.instrument]) if note.instrument in DRUMS else (PROGRAMS[note.instrument][0], note.pitch)
        )
        velocity = max(1, min(127, round(127 * note.level)))
        start = round(note.start_s * 1000)
        events.append((start, bytes([0x90 | channel, pitch, velocity])))
        events.append((start + max(20, round(note.length_s * 1000)), bytes([0x80 | channel, pitch, 0])))
    events.sort(key=lambda event: (event[0], event[1][0] >> 4 == 9))
    track, now = bytearray(), 0
    for when, message in events:
        track += variable_length(when - now) + message
        now = when
    track += b"\x00\xff\x2f\x00"
    tempo = b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")
    body = tempo + bytes(track)
    return (
        b"MThd\x00\x00\x00\x06\x00\x00\x00\x01"
        + (1000).to_bytes(2, "big")
        + b"MTrk"
        + len(body).to_bytes(4, "big")
        + body
    )


def variable_length(number: int) -> bytes:
    """Return a number as MIDI files write it: seven bits a byte."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | (number & 0x7F))
    return bytes(reversed(out))


FORMS = {
    "short": (("intro", 4), ("verse", 8), ("chorus", 8), ("verse", 8), ("chorus", 8)),
    "bridge": (("verse", 8), ("chorus", 8), ("bridge", 8), ("chorus", 8)),
    "waltz": (("intro", 8), ("verse", 16), ("chorus", 16), ("verse", 16)),
    "slow": (("intro", 4), ("verse", 4), ("chorus", 8), ("verse", 4)),
    "fast": (("intro", 8), ("verse", 16), ("chorus", 16), ("bridge", 8), ("chorus", 16)),
}
SONGS = (
    Song("slow 60", ((0, 60.0),), "C major", form=FORMS["slow"], seed=1),
    Song("ballad 72", ((0, 72.0),), "A minor", form=FORMS["slow"], seed=2),
    Song("triplets 80", ((0, 80.0),), "F major", subdivision=3, form=FORMS["bridge"], seed=3),
    Song("pop 92.5", ((0, 92.5),), "D minor", form=FORMS["short"], seed=4),
    Song("pop 100", ((0, 100.0),), "G major", form=FORMS["bridge"], seed=5),
    Song("six eight 66", ((0, 66.0),), "E minor", beats_per_bar=2, subdivision=3, form=FORMS["waltz"], seed=6),
    Song("waltz 110", ((0, 110.0),), "Bb major", beats_per_bar=3, form=FORMS["waltz"], seed=7),
    Song("waltz 150", ((0, 150.0),), "B minor", beats_per_bar=3, form=FORMS["waltz"], seed=8),
    Song("change 96 to 120", ((0, 96.0), (16, 120.0)), "Eb major", form=FORMS["bridge"], seed=9),
    Song("house 124", ((0, 124.0),), "F# minor", form=FORMS["short"], seed=10),
    Song("no hats 118", ((0, 118.0),), "Ab major", drums=("kick", "snare"), form=FORMS["short"], seed=11),
    Song("no drums 88", ((0, 88.0),), "D major", drums=(), form=FORMS["short"], seed=12),
    Song("rock 140", ((0, 140.0),), "E major", form=FORMS["fast"], seed=13),
    Song("shuffle 104", ((0, 104.0),), "G minor", subdivision=3, form=FORMS["short"], seed=14),
    Song("drum and bass 174", ((0, 174.0),), "C# minor", form=FORMS["fast"], seed=15),
    Song("fast 190", ((0, 190.0),), "A major", form=FORMS["fast"], seed=16),
)
"""The songs that ``make bench-music`` plays; tempo 60 to 190, both modes, two, three and four in a bar."""
