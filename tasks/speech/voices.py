"""A voice as 256 numbers: Resemblyzer's speaker encoder, run by numpy alone from the weights in its package.

The network is an LSTM of three layers over a mel spectrogram (Wan et al., "Generalized end-to-end loss for speaker
verification", 2018). Its weights come as a pickle, which could run anything, so that it is never unpickled: the file
is known by its SHA-256, and the numbers are read from where they lie in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import TransientError
from tasks.media.audio import SPEECH_RATE, Samples
from tasks.speech.options import SpeechOptions, cache_folder

Floats = NDArray[np.float32]

WEIGHTS = "pretrained.pt"
WEIGHTS_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
WINDOW = 80
"""Frames of 10 ms that one voice is told from."""

_SIZE, _MELS, _FFT, _HOP = 256, 40, 400, 160
_BATCH = 64
_INPUT_AT = (269883, 1482299, 3579451)
_HIDDEN_AT = (433723, 2530875, 4628027)
_BIAS_AT = ((5676603, 5680699), (5684795, 5688891), (5692987, 5697083))
_LINEAR_AT, _LINEAR_BIAS_AT = 7731, 6699
_lock = threading.Lock()


class VoiceEncoder:
    """The network with its weights."""

    def __init__(self, data: bytes) -> None:
        def floats(at: int, *shape: int) -> Floats:
            return np.frombuffer(data, "<f4", int(np.prod(shape)), at).reshape(shape)

        gates = 4 * _SIZE
        self._input = [floats(at, gates, _SIZE if layer else _MELS).T for layer, at in enumerate(_INPUT_AT)]
        self._hidden = [np.ascontiguousarray(floats(at, gates, _SIZE).T) for at in _HIDDEN_AT]
        self._bias = [floats(first, gates) + floats(second, gates) for first, second in _BIAS_AT]
        self._linear, self._linear_bias = floats(_LINEAR_AT, _SIZE, _SIZE).T, floats(_LINEAR_BIAS_AT, _SIZE)

    def encode(self, windows: Floats) -> Floats:
        """Return a unit vector per window.

        :param windows: mel frames, shape (windows, frames, 40). :returns: shape (windows, 256).
        """
        made = [self._encode(windows[first : first + _BATCH]) for first in range(0, len(windows), _BATCH)]
        return np.concatenate(made) if made else np.zeros((0, _SIZE), np.float32)

    def _encode(self, windows: Floats) -> Floats:
        steps = windows.transpose(1, 0, 2)
        for weights, hidden, bias in zip(self._input, self._hidden, self._bias, strict=True):
            steps = _run_layer(steps @ weights + bias, hidden)
        raw = np.maximum(steps[-1] @ self._linear + self._linear_bias, 0)
        return np.asarray(raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-9), np.float32)


def _run_layer(gates: Floats, hidden: Floats) -> Floats:
    """Run one LSTM layer; gates stand in torch's order: input, forget, cell, output."""
    state = np.zeros((gates.shape[1], _SIZE), np.float32)
    cell = np.zeros_like(state)
    out = np.empty((gates.shape[0], *state.shape), np.float32)
    for step, given in enumerate(gates):
        all_four = given + state @ hidden
        enter, keep = _sigmoid(all_four[:, :_SIZE]), _sigmoid(all_four[:, _SIZE : 2 * _SIZE])
        cell = keep * cell + enter * np.tanh(all_four[:, 2 * _SIZE : 3 * _SIZE])
        state = _sigmoid(all_four[:, 3 * _SIZE :]) * np.tanh(cell)
        out[step] = state
    return out


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * x) + 1), np.float32)


def mel_frames(audio: Samples) -> Floats:
    """Return the power mel spectrogram that the encoder was trained on: 40 bands, 25 ms windows, a frame per 10 ms.

    :param audio: 16 kHz. :returns: shape (frames, 40).
    """
    padded = np.pad(audio, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    bands = [
        np.square(np.abs(np.fft.rfft(frames[first : first + 4096] * window, axis=1))) @ _mel_bands()
        for first in range(0, len(frames), 4096)
    ]
    return np.concatenate(bands).astype(np.float32)


@lru_cache(maxsize=1)
def _mel_bands() -> NDArray[np.float64]:
    """Triangles on Slaney's mel scale, each of equal area: shape (201, 40)."""
    edges = _to_hertz(np.linspace(0, _to_mel(SPEECH_RATE / 2), _MELS + 2))
    bins = np.arange(_FFT // 2 + 1) * SPEECH_RATE / _FFT
    rising = (bins[:, None] - edges[None, :-2]) / np.diff(edges)[:-1]
    falling = (edges[None, 2:] - bins[:, None]) / np.diff(edges)[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]))


def _to_mel(hertz: float) -> float:
    return hertz / 200 * 3 if hertz < 1000 else 15 + float(np.log(hertz / 1000)) * 27 / float(np.log(6.4))


def _to_hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((np.log(6.4) / 27) * (mels - 15)))


def load_encoder(options: SpeechOptions) -> VoiceEncoder:
    """Return this process's encoder; raise TransientError ``speech.diarization_unavailable`` without its weights."""
    for path in _places(options):
        if path.is_file():
            with _lock:
                return _load(path, path.stat().st_mtime_ns)
    raise TransientError(
        "speech.diarization_unavailable",
        "No speaker model on this worker: run make models, or put Resemblyzer's pretrained.pt into "
        "REELYARD_MODEL_DIR/resemblyzer",
    )


def _places(options: SpeechOptions) -> list[Path]:
    folders = [Path(options.model_dir)] if options.model_dir else []
    places = [folder / "resemblyzer" / WEIGHTS for folder in (*folders, cache_folder(options))]
    spec = importlib.util.find_spec("resemblyzer")
    if spec is not None and spec.submodule_search_locations:
        places.append(Path(next(iter(spec.submodule_search_locations))) / WEIGHTS)
    return places


@lru_cache(maxsize=1)
def _load(path: Path, _modified_ns: int) -> VoiceEncoder:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise TransientError("speech.model_damaged", "The speaker model does not have the checksum expected")
    return VoiceEncoder(data)
