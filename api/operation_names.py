"""The ``operationId`` of every operation, made of its method and path: clients name their methods by it."""

from __future__ import annotations

import re
from typing import Any

from api.links import METHODS

_PREFIXES = ("/api/v1", "/api")


def describe_names(paths: dict[str, Any]) -> None:
    """Name every operation of the document."""
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                item[method]["operationId"] = name_operation(method, path)


def name_operation(method: str, path: str) -> str:
    """Return the method and the path's words, collections of which one is meant in the singular.

    ``GET /api/v1/renders`` is ``get_renders``, ``GET /api/v1/renders/{render_id}/poster`` is ``get_render_poster``.
    """
    prefix = next((prefix for prefix in _PREFIXES if path.startswith(f"{prefix}/")), "")
    words: list[str] = []
    for segment in path.removeprefix(prefix).strip("/").split("/"):
        if segment.startswith("{"):
            _name_one(words)
        else:
            words.append(re.sub(r"[^a-z0-9]+", "_", segment.lower()))
    return "_".join([method, *words])


def _name_one(words: list[str]) -> None:
    """Put the nearest collection before a parameter into the singular."""
    for index in range(len(words) - 1, -1, -1):
        if words[index].endswith("ies"):
            words[index] = words[index][:-3] + "y"
            return
        if words[index].endswith("s") and not words[index].endswith(("ss", "us")):
            words[index] = words[index][:-1]
            return
