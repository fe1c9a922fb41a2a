"""What all clips of a song are drawn from, in one file: analysis, plan, and what is heard in each frame."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from tasks.clips.score import Score
from tasks.clips.sound import SongSound
from tasks.contracts.clips import ClipPlan
from tasks.contracts.music import SongAnalysis

_TOP = 255


def write_sheetmusic(path: Path, song: SongAnalysis, plan: ClipPlan, sound: SongSound) -> Path:
    """Write the file; what is heard is kept in steps of 1/255."""
    told = json.dumps({"song": song.to_json(), "plan": plan.to_json()}).encode()
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            told=np.frombuffer(told, np.uint8),
            bands=np.round(sound.bands * _TOP).astype(np.uint8),
            onset=np.round(sound.onset * _TOP).astype(np.uint8),
        )
    return path


def read_sheetmusic(data: bytes) -> tuple[SongAnalysis, ClipPlan, Score]:
    """Return analysis, plan and score of a file that :func:`write_sheetmusic` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as kept:
        told = json.loads(kept["told"].tobytes())
        bands, onset = (kept[name].astype(np.float32) / _TOP for name in ("bands", "onset"))
    song, plan = SongAnalysis.from_json(told["song"]), ClipPlan.from_json(told["plan"])
    return song, plan, Score(song, plan.fps, SongSound(bands, onset))
