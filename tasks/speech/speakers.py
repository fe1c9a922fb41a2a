"""Ways to tell speakers apart: a pyannote pipeline from a local folder, else Resemblyzer's encoder and clustering."""

from __future__ import annotations

import logging
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tasks.errors import TransientError
from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech import diarize
from tasks.speech.diarize import Turn, VoiceWindows, find_turns, listen
from tasks.speech.options import SpeechOptions, SpeechRequest
from tasks.speech.voices import load_encoder

_log = logging.getLogger(__name__)


class Diarizer(Protocol):
    """Hears a file block by block, then says who spoke when."""

    method: str

    def add(self, audio: Samples, *, start_s: float) -> None:
        """Hear 16 kHz audio that begins ``start_s`` into its media; what lay between was silence."""

    def turns(self, speakers: int | None) -> list[Turn]:
        """Return who speaks when; ``speakers`` None guesses how many there are."""


class VoiceDiarizer:
    """Compares voices by Resemblyzer's encoder."""

    method = diarize.METHOD

    def __init__(self, options: SpeechOptions) -> None:
        self._encoder = load_encoder(options)
        self.heard: list[VoiceWindows] = []

    def add(self, audio: Samples, *, start_s: float) -> None:
        """Hear a block."""
        self.heard.append(listen(self._encoder, audio, start_s=start_s))

    def turns(self, speakers: int | None) -> list[Turn]:
        """Cluster what was heard."""
        return find_turns(self.heard, speakers=speakers)


class PyannoteDiarizer:
    """Runs a pyannote pipeline over all sound at once, which waits for it on the disk."""

    method = "pyannote"

    def __init__(self, options: SpeechOptions) -> None:
        self._pipeline = load_pyannote(options.diarizer, options.device)
        self._file = tempfile.TemporaryFile(prefix="reelyard-sound-")  # noqa: SIM115  # lives as long as this object

    def add(self, audio: Samples, *, start_s: float) -> None:
        """Put a block where it belongs."""
        self._file.seek(round(start_s * SPEECH_RATE) * audio.itemsize)
        self._file.write(audio.tobytes())

    def turns(self, speakers: int | None) -> list[Turn]:
        """Run the pipeline."""
        import torch

        self._file.flush()
        if not self._file.tell():
            return []
        sound = np.memmap(self._file, np.float32, mode="r+")
        found = self._pipeline(
            {"waveform": torch.from_numpy(sound)[None], "sample_rate": SPEECH_RATE}, num_speakers=speakers
        )
        annotation = getattr(found, "speaker_diarization", found)
        tracks = [(span.start, span.end, label) for span, _, label in annotation.itertracks(yield_label=True)]
        names: dict[str, str] = {}
        return [Turn(start, end, names.setdefault(label, f"S{len(names) + 1}")) for start, end, label in sorted(tracks)]


def choose_diarizer(options: SpeechOptions, request: SpeechRequest) -> Diarizer | None:
    """Return the configured way to tell speakers, or the next best; None where there is none.

    A strict request raises TransientError ``speech.diarization_unavailable`` instead of doing with less.
    """
    ways: list[Any] = [PyannoteDiarizer, VoiceDiarizer] if options.diarizer else [VoiceDiarizer]
    for way in ways:
        try:
            chosen: Diarizer = way(options)
        except TransientError as error:
            if request.is_strict:
                raise
            _log.warning("speakers cannot be told apart this way", extra={"method": way.method, "code": error.code})
        else:
            return chosen
    return None


@lru_cache(maxsize=1)
def load_pyannote(folder: str, device: str) -> Any:
    """Return this process's pyannote pipeline from a local folder; it is never fetched."""
    if not (Path(folder) / "config.yaml").is_file():
        raise TransientError("speech.diarization_unavailable", f"No pyannote pipeline (config.yaml) in {folder}")
    try:
        import torch
        from pyannote.audio import Pipeline
    except ImportError as error:
        raise TransientError("speech.diarization_unavailable", "pyannote.audio is not installed here") from error
    try:
        pipeline = Pipeline.from_pretrained(folder)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise TransientError("speech.diarization_unavailable", f"The pipeline in {folder} cannot be loaded") from error
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        pipeline.to(torch.device("cuda"))
    return pipeline
