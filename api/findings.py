"""Validation messages as findings: JSON Pointer, sentence, and for a misspelt field what it may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields

LOCATIONS = ("json", "query", "headers", "form", "files", "path")
Path = tuple[str, ...]


def build_findings(messages: Any, schema: Schema | None = None) -> list[dict[str, str]]:
    """Turn webargs' nested messages into findings, in the order of the fields.

    :param schema: what the request was checked against; it knows the names that exist.
    """
    if isinstance(messages, dict) and len(messages) == 1 and next(iter(messages)) in LOCATIONS:
        messages = next(iter(messages.values()))
    return [build_finding(path, message, schema) for path, message in walk(messages, ())]


def walk(messages: Any, path: Path) -> Iterable[tuple[Path, str]]:
    """Yield each message with the keys that lead to it."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            yield from walk(inner, path if key == "_schema" else (*path, str(key)))
    elif isinstance(messages, (list, tuple)):
        for inner in messages:
            yield from walk(inner, path)
    else:
        yield path, str(messages)


def build_finding(path: Path, message: str, schema: Schema | None) -> dict[str, str]:
    """Return one finding; a field that does not exist gets the nearest that does."""
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)
    finding = {"pointer": pointer, "message": message}
    if path and schema is not None and message == schema.error_messages["unknown"]:
        near = difflib.get_close_matches(path[-1], known_names(schema, path[:-1]), n=1)
        if near:
            finding["suggestion"] = f"did you mean {near[0]}?"
    return finding


def known_names(schema: Schema, path: Path) -> list[str]:
    """Return the names of the fields that the schema knows at a place."""
    for key in path:
        if key.isdigit():
            continue
        field = {inner.data_key or name: inner for name, inner in schema.fields.items()}.get(key)
        if isinstance(field, fields.List):
            field = field.inner
        if not isinstance(field, fields.Nested):
            return []
        schema = field.schema
    return [field.data_key or name for name, field in schema.fields.items() if not field.dump_only]
