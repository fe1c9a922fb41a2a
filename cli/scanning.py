"""Making sounds of the files in a folder, as an ordinary client of the API."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import ApiClient, ApiProblemError
from tasks.errors import InvalidInputError

SUFFIXES = frozenset(
    (".aac", ".aif", ".aiff", ".flac", ".m4a", ".mka", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm")
)
_JOB_S = 600.0


@dataclass(frozen=True)
class Found:
    """One file: ``taken``, ``unchanged``, ``duplicate`` (``told`` names the sound) or ``bad`` (``told`` says why)."""

    name: str
    outcome: str
    told: str = ""
    sound_id: str = ""


def scan_folder(client: ApiClient, folder: Path) -> list[Found]:
    """Take every file with the ending of a sound, in the order of their names; raise ``folder.missing``."""
    if not folder.is_dir():
        raise InvalidInputError("folder.missing", f"{folder} is no folder")
    return [take_file(client, path, name=str(path.relative_to(folder))) for path in list_files(folder)]


def list_files(folder: Path) -> Iterator[Path]:
    """Yield the files that may be sounds; links are left alone."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
            yield path


def take_file(client: ApiClient, path: Path, *, name: str) -> Found:
    """Make a sound of a file unless it is one already; what is known is not sent."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    known = client.call("GET", f"/sounds?sha256={sha256}")["items"]
    if known:
        sound = known[0]
        same = sound["title"] == path.stem
        return Found(name, "unchanged" if same else "duplicate", "" if same else sound["title"], sound["id"])
    try:
        sound = send_file(client, path)
    except ApiProblemError as error:
        if error.code == "sound.duplicate":
            return Found(name, "duplicate", str(error.extra["title"]), str(error.extra["sound_id"]))
        return Found(name, "bad", f"{error.code}: {error.detail}")
    failed = client.wait(sound["job_id"], timeout_s=_JOB_S)["error"]
    if failed is not None:
        return Found(name, "bad", f"{failed['code']}: {failed['message']}", sound["id"])
    return Found(name, "taken", "", sound["id"])


def send_file(client: ApiClient, path: Path) -> dict[str, Any]:
    """Upload a file and order the sound of it; return the sound. Raises ApiProblemError with why not."""
    kind = mimetypes.guess_type(path.name)[0] or "audio/mpeg"
    done = client.upload(path, content_type=kind, purpose="sound")
    client.wait(done["job_id"], timeout_s=_JOB_S)
    sound: dict[str, Any] = client.call("POST", "/sounds", json={"asset_id": done["asset_id"], "title": path.stem})
    return sound
