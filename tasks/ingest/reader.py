"""A process that reads one uploaded file for a step and tells what it found (ring 3); see :mod:`tasks.ingest.confined`.

It limits itself before it looks at the file. Its answers are lines of JSON: any number of ``{"progress": [done,
total]}``, then one ``{"result": …}``, or ``{"refusal": {code, detail, extra}}``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tasks.contracts import MediaInfo
from tasks.errors import PermanentError
from tasks.media.checksum import sha256_of
from tasks.media.limits import MediaLimits
from tasks.media.picture import clean_picture
from tasks.media.poster import extract_poster
from tasks.media.probe import BYTES_PER_CPU_S, CPU_S, probe_file
from tasks.progress import Throttle
from tasks.sandbox import OUT_OF_MEMORY, Limits, limit_self

MEMORY_BYTES = 4 << 30
FILE_BYTES = 256 << 20
MOST_CORES = 4
"""Decoders make a thread, with frames of its own, for each core that they see."""
_TELL_EVERY_S = 0.2


def main(arguments: list[str]) -> int:
    """Do the work named by ``what source target limits``; 0 also when the file was refused."""
    what, source, target, limits = arguments
    path, media_limits = Path(source), MediaLimits(**json.loads(limits))
    cpu_s = CPU_S + path.stat().st_size // BYTES_PER_CPU_S
    limit_self(Limits(MEMORY_BYTES, cpu_s, FILE_BYTES))
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:MOST_CORES])
    try:
        tell({"result": WORK[what](path, Path(target), media_limits)})
    except PermanentError as error:
        tell({"refusal": {"code": error.code, "detail": error.detail, "extra": error.extra}})
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def probe(path: Path, _: Path, limits: MediaLimits) -> dict[str, Any]:
    """Return the file's MediaInfo as JSON."""
    return probe_file(path, limits, progress=teller()).to_json()


def poster(path: Path, target: Path, limits: MediaLimits) -> dict[str, Any]:
    """Write a still of the file; return its size in pixels."""
    width, height = extract_poster(path, target, limits=limits)
    return {"width": width, "height": height}


def image(path: Path, target: Path, limits: MediaLimits) -> dict[str, Any]:
    """Write the picture's pixels alone; return the MediaInfo of the file as JSON."""
    found = replace(clean_picture(path, target, limits=limits), clean_sha256=sha256_of(target))
    return MediaInfo(found.format, 0.0, path.stat().st_size, sha256_of(path), image=found).to_json()


def teller() -> Callable[[float, float], None]:
    """Return a function that tells of progress, though not each time it is called."""
    throttle = Throttle(_TELL_EVERY_S)

    def progress(done: float, total: float) -> None:
        if throttle.ready():
            tell({"progress": [done, total]})

    return progress


def tell(document: dict[str, Any]) -> None:
    """Print a line for the process that waits."""
    print(json.dumps(document), flush=True)  # noqa: T201 -- its way to answer


WORK: dict[str, Callable[[Path, Path, MediaLimits], dict[str, Any]]] = {
    "probe": probe,
    "poster": poster,
    "image": image,
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
