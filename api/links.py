"""Links of the OpenAPI document: which operations a made thing's id leads to, found by the names in the paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
Operation = dict[str, Any]


def describe_links(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Link the answer of each POST by its ``id`` and by every ``…_id`` in it to the operations that take that id."""
    takers = find_takers(paths)
    for path, item in paths.items():
        for status, answer in item.get("post", {}).get("responses", {}).items():
            if str(status).startswith("2") and isinstance(answer, dict):
                links = dict(find_links(path, fields_of(answer, schemas), takers))
                if links:
                    answer["links"] = links


def find_takers(paths: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return, for each id that is a path's only parameter, methods and paths of the operations that take it."""
    takers: dict[str, list[tuple[str, str]]] = {}
    for path, item in paths.items():
        names = re.findall(r"\{(\w+)\}", path)
        if len(names) == 1 and names[0].endswith("_id") and path.startswith("/api/v1/"):
            takers.setdefault(names[0], []).extend((method, path) for method in METHODS if method in item)
    return takers


def find_links(
    path: str, fields: set[str], takers: dict[str, list[tuple[str, str]]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and link for every operation that an answer of ``path`` leads to."""
    for name, operations in takers.items():
        for method, target in operations:
            own = target == f"{path}/{{{name}}}" or target.startswith(f"{path}/{{{name}}}/")
            field = "id" if own and "id" in fields else name
            if field in fields and (own or method == "get") and not target.endswith("/events"):
                words = re.sub(r"\W+", "-", target.removeprefix("/api/v1/")).strip("-")
                pointer = "#/paths/" + target.replace("~", "~0").replace("/", "~1") + f"/{method}"
                yield f"{method}-{words}", {"operationRef": pointer, "parameters": {name: f"$response.body#/{field}"}}


def fields_of(answer: Operation, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the fields of a JSON answer that are always something."""
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = schemas.get(schema["$ref"].rpartition("/")[2], {})
    return {name for name, field in schema.get("properties", {}).items() if "null" not in field.get("type", "")}


def describe_bodies(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say that a body may be left out where none of its fields is needed."""
    for item in paths.values():
        for method in METHODS:
            body = item.get(method, {}).get("requestBody", {})
            schema = body.get("content", {}).get("application/json", {}).get("schema", {})
            known = schemas.get(schema.get("$ref", "").rpartition("/")[2])
            if known is not None and not known.get("required"):
                body["required"] = False
