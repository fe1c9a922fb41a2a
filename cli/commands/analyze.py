"""``reelyard analyze``: tempo, key, form and character of a song, without any server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.console import print_json, progress, say
from cli.exits import Exit
from cli.files import require_file

if TYPE_CHECKING:
    from tasks.contracts.music import SongAnalysis

EPILOG = """\
examples:
  reelyard analyze song.mp3                             what was heard, in a few lines
  reelyard analyze song.mp3 --json > analysis.json      all of it: every beat, section and estimate
  reelyard analyze song.mp3 --waveform waveform.json    and the outline, as audiowaveform writes it
"""


def add_parser(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "analyze",
        help="tell tempo, key, sections and mood of a song",
        description="Listen to a song on this machine; no server is needed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="sound or video file")
    parser.add_argument("--engine", choices=("librosa", "madmom"), help="who finds the beats; REELYARD_MUSIC_ENGINE")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--waveform", type=Path, metavar="OUT.json", help="write the outline of the sound to a file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Analyse the file."""
    source = require_file(arguments.file)

    from cli.settings import direct_environ
    from tasks.media.waveform import write_waveform
    from tasks.music.analysis import analyze_song
    from tasks.music.onsets import RATE
    from tasks.music.options import MusicOptions

    chosen = {"REELYARD_MUSIC_ENGINE": arguments.engine} if arguments.engine else {}
    options = MusicOptions.from_environment({**direct_environ(), **chosen})
    with progress("analyze") as tick:
        listened = analyze_song(source, options=options, progress=tick)
    if arguments.waveform:
        write_waveform(arguments.waveform, listened.samples, RATE)
        say(f"Wrote {arguments.waveform}")
    if arguments.json:
        print_json(listened.analysis.to_json())
    else:
        _print_text(listened.analysis)
    return Exit.OK


def _print_text(heard: SongAnalysis) -> None:
    tempo, meter, loudness = heard.tempo, heard.meter, heard.loudness
    others = ", ".join(f"{candidate.bpm:.1f}" for candidate in tempo.candidates[1:3])
    bpm = f"{tempo.bpm:.2f} (confidence {tempo.confidence:.2f}; or {others})" if tempo.bpm else f"none: {tempo.reason}"
    lufs = f"{loudness.integrated_lufs} LUFS" if loudness.integrated_lufs is not None else loudness.reason
    print(f"Length    {heard.duration_s:.1f} s")
    print(f"Tempo     {bpm}")
    print(f"Meter     {meter.beats_per_bar or 'unknown'} beats a bar")
    print(f"Beats     {len(heard.beats)} in {len(heard.downbeats)} bars")
    print(f"Key       {heard.key.name} (confidence {heard.key.confidence:.2f})")
    print(f"Loudness  {lufs}")
    print(f"Genre     {heard.genre.name} ({heard.genre.method})")
    print(f"Mood      {heard.mood.primary} ({heard.mood.method})")
    print(f"Video     {heard.video_type.name}: {heard.video_type.reason}")
    for section in heard.sections:
        print(f"  {section.start:7.2f} - {section.end:7.2f}  {section.label:7}  energy {section.energy:.2f}")
