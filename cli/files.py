"""Reading the files that commands are given, with errors that name them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tasks.errors import InvalidInputError, PermanentError


def require_folder_for(out: Path) -> Path:
    """Return the folder that a file is to be written to, links followed, or raise ``file.not_found``."""
    folder = out.resolve().parent
    if not folder.is_dir():
        raise PermanentError("file.not_found", f"There is no folder {folder} to write {out.name} to")
    return folder


def require_file(path: Path) -> Path:
    """Return the path or raise ``file.not_found``."""
    if not path.is_file():
        raise PermanentError("file.not_found", f"There is no file {path}")
    return path


def read_json(path: Path) -> Any:
    """Read a JSON document; ``-`` is standard input. Numbers that JSON does not have (NaN) are refused."""
    text = sys.stdin.read() if str(path) == "-" else require_file(path).read_text(encoding="utf-8")
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise InvalidInputError("file.not_json", f"{path} is not JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")
