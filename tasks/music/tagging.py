"""Genre and mood by a trained model, where one is configured: any ONNX network over a mel spectrogram.

Beside ``NAME.onnx`` lies ``NAME.json``: ``name`` (goes into ``method``), ``labels`` in the order of the outputs, which
of them are ``genres`` and which ``moods``, and the ``frames`` of a patch. The network takes patches of shape (number,
``frames``, 96) and returns (number, labels), each 0..1. Its input is that of musicnn (J. Pons, X. Serra, "musicnn:
Pre-trained convolutional neural networks for music audio tagging", 2019): 16 kHz, windows of 512 samples every 256, 96
mel bands, ``log10(10000 x + 1)``, in float32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contracts.music import Genre, Mood
from tasks.errors import PermanentError
from tasks.media.audio import iter_mono
from tasks.media.limits import MediaLimits
from tasks.music.compiled import librosa
from tasks.music.onsets import Floats

RATE, WINDOW, HOP, BANDS = 16_000, 512, 256, 96
AT_ONCE = 16
"""Patches that are judged together: about 50 s of a song."""
VECTOR_REASON = "Words by the model; numbers of the vector are estimated from the signal"


@dataclass(frozen=True)
class Tagger:
    """A network and what its outputs mean."""

    name: str
    labels: tuple[str, ...]
    genres: tuple[str, ...]
    moods: tuple[str, ...]
    frames: int
    session: Any

    @property
    def method(self) -> str:
        """What stands in an analysis as who said it."""
        return f"model/{self.name}"

    def judge(self, path: Path, limits: MediaLimits) -> dict[str, float]:
        """Return how much a song is of each label, 0..1: the mean over all of it."""
        sums, count = np.zeros(len(self.labels)), 0
        for patches in iter_patches(path, limits, frames=self.frames):
            scores = np.asarray(self._run(patches), np.float64)
            if scores.shape != (len(patches), len(self.labels)) or not np.isfinite(scores).all():
                raise unusable("It does not give a number for each label")
            sums, count = sums + scores.sum(axis=0), count + len(patches)
        mean = np.clip(sums / max(count, 1), 0, 1)
        return {label: round(float(score), 4) for label, score in zip(self.labels, mean, strict=True)}

    def _run(self, patches: NDArray[np.float32]) -> Any:
        try:
            return self.session.run(None, {self.session.get_inputs()[0].name: patches})[0]
        except Exception as error:  # onnxruntime raises types of its own, which it does not export
            raise unusable("It does not take a spectrogram") from error


def find_tagger(path: str) -> Tagger | None:
    """Return the configured model; None where there is none. Raises ``music.model_unusable``."""
    return _load(path) if path else None


def name_genre(tagger: Tagger, scores: dict[str, float], otherwise: Genre) -> Genre:
    """Return the likeliest genre that the model knows."""
    among = {label: scores[label] for label in tagger.genres}
    if not among:
        return otherwise
    best = max(among, key=lambda label: among[label])
    return Genre(best, among[best], tagger.method, among)


def name_mood(tagger: Tagger, scores: dict[str, float], otherwise: Mood) -> Mood:
    """Return the likeliest moods that the model knows, with the vector of the estimate."""
    ordered = sorted(tagger.moods, key=lambda label: -scores[label])
    if not ordered:
        return otherwise
    return Mood(ordered[0], tagger.method, tuple(ordered[:3]), otherwise.vector, VECTOR_REASON)


def iter_patches(path: Path, limits: MediaLimits, *, frames: int) -> Iterator[NDArray[np.float32]]:
    """Yield spectrograms of shape (up to :data:`AT_ONCE`, frames, 96); what is shorter than one patch is repeated."""
    size = frames * HOP
    held: list[Floats] = []
    waiting, given = 0, False
    for piece in iter_mono(path, RATE, limits):
        held.append(piece)
        waiting += len(piece)
        if waiting >= AT_ONCE * size:
            joined = np.concatenate(held)
            count = waiting // size
            yield _patches(joined[: count * size], frames)
            held, waiting, given = [joined[count * size :]], waiting - count * size, True
    rest = np.concatenate(held) if held else np.zeros(0, np.float32)
    if len(rest) < size and not given and len(rest):
        rest = np.tile(rest, -(-size // len(rest)))
    if len(rest) >= size:
        yield _patches(rest[: len(rest) // size * size], frames)


def _patches(samples: Floats, frames: int) -> NDArray[np.float32]:
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS).T
    told = np.log10(10_000.0 * mel + 1.0).astype(np.float32)
    return np.ascontiguousarray(told[: len(told) // frames * frames].reshape(-1, frames, BANDS))


@lru_cache(maxsize=1)
def _load(path: str) -> Tagger:
    model = Path(path)
    try:
        told = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
        labels, genres, moods = (tuple(map(str, told[name])) for name in ("labels", "genres", "moods"))
        name, frames = str(told["name"]), int(told["frames"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable(f"{model.with_suffix('.json').name} does not say what it tells") from error
    if not {*genres, *moods} <= set(labels) or frames < 1:
        raise unusable("Genres and moods are among its labels, and a patch has frames")
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # see Tagger._run
        raise unusable(f"{model.name} cannot be loaded") from error
    return Tagger(name, labels, genres, moods, frames, session)


def unusable(detail: str) -> PermanentError:
    """Return the error for a model that this installation cannot work with."""
    return PermanentError("music.model_unusable", f"The model of genre and mood is of no use: {detail}")
