"""librosa, whose compiled parts are loaded by one process at a time.

Numba compiles them at the first import and keeps them in a folder of all processes, two variants a function. Processes
that do so at the same moment mix the variants up, and every later one dies by a segmentation fault.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import librosa

__all__ = ["librosa"]


def _load() -> None:
    path = Path(tempfile.gettempdir()) / f"reelyard-numba-{os.getuid()}.lock"
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        import librosa.core.audio
        import librosa.core.pitch  # noqa: F401  these two have variants


_load()
