"""What the reader of the pages has in a folder: a talk, a song, sounds, and what was written from the old databases."""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import av
from fontTools.ttLib import TTFont

from bench.songs import Song, compose, play, write_wav
from tasks.fonts import find_face
from tests import media_samples
from tests.unit.motiontext.documents import document

POSTED: dict[str, Any] = {
    "job_id": "1",
    "language": "en",
    "model": "large-v2",
    "segments": [
        {
            "words": [
                {"word": "It", "start": 0.3, "end": 0.5, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "was", "start": 0.5, "end": 0.7, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "1859"},
            ]
        }
    ],
}
"""What an old worker posted; a number has no times."""
PROJECTS = [
    {
        "name": "Episode 1",
        "video": "talk.mp4",
        "language": "en",
        "shorts": [{"start_s": 0.4, "end_s": 3.2, "title": "Opening"}],
    }
]


def make_files(folder: Path, talk: Path, link: str) -> None:
    """Write all that pages speak of."""
    shutil.copy(talk, folder / "talk.mp4")
    make_font(folder / "brand.ttf")
    (folder / "songs").mkdir()
    make_mp3(make_song(folder / "song.wav"), folder / "song.mp3")
    shutil.copy(folder / "song.mp3", folder / "songs/night drive.mp3")
    media_samples.make_tone(folder / "horn.wav", duration_s=1.0)
    make_sounds(folder)
    (folder / "links.txt").write_text(f"{link}\n")
    (folder / "accounts.txt").write_text(f"moved-{secrets.token_hex(4)}@example.com 40\n")
    (folder / "projects.json").write_text(json.dumps(PROJECTS))
    design = json.dumps(document())
    (folder / "motiontext.json").write_text(design)
    (folder / "old").mkdir()
    shutil.copy(talk, folder / "old/talk.mp4")
    (folder / "old/talk.json").write_text(json.dumps(POSTED))
    (folder / "old/talk.motiontext").write_text(design)


def make_sounds(folder: Path) -> None:
    """Write two sounds and a playlist in which one of them stands twice."""
    (folder / "sounds").mkdir()
    for name, hertz in (("air horn", 330.0), ("bell", 880.0)):
        media_samples.make_tone(folder / "sounds" / f"{name}.wav", duration_s=1.0, hertz=hertz)
    lists = [{"name": "Friday", "sounds": ["air horn.wav", "bell.wav", "air horn.wav"]}]
    (folder / "playlists.json").write_text(json.dumps(lists))


def make_song(path: Path) -> Path:
    """Write a song of 11 s in E minor, at 126 beats a minute."""
    return write_wav(path, play(compose(Song("s", ((0, 126.0),), "E minor", form=(("verse", 6),)))))


def make_mp3(wav: Path, path: Path) -> None:
    """Write a sound as MP3."""
    with av.open(str(wav)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libmp3lame", rate=44100, layout="mono")
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def make_font(path: Path) -> None:
    """Write a real font under a name of its own."""
    face = find_face("Bebas Neue", weight=400, style="normal")
    assert face is not None
    with TTFont(face.path) as font:
        for name in (1, 4, 16):
            font["name"].setName("Brand Neue", name, 3, 1, 0x409)
        font.save(path)
