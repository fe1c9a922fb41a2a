"""Holds HTTP calls that a page shows against the OpenAPI document: operation, query, headers, fields of the body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema

PREFIX = "/api/v1"
LEFT_OUT = "…"
VARIABLE = re.compile(r"\$\w+|\$\{[^}]*\}|\$\(…\)")
OF_HTTP = frozenset({"authorization", "content-type"})


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    from api.openapi import build_document

    return build_document()


def operation(method: str, path: str) -> dict[str, Any]:
    """Return an operation; raise ValueError where there is none."""
    wanted = path.strip("/").split("/")
    found = [
        item[method.lower()]
        for template, item in document()["paths"].items()
        if method.lower() in item and fits(template.strip("/").split("/"), wanted)
    ]
    if not found:
        raise ValueError(f"there is no {method} {path}")
    return min(found, key=lambda one: sum(parameter["in"] == "path" for parameter in one.get("parameters", [])))


def fits(template: list[str], wanted: list[str]) -> bool:
    """Tell whether a path is one of a template's."""
    pairs = zip(template, wanted, strict=False)
    return len(template) == len(wanted) and all(a == b or a.startswith("{") for a, b in pairs)


def faults_of_call(method: str, url: str, headers: dict[str, str], body: str | None) -> Iterator[str]:
    """Say what is wrong with a call as it is typed."""
    if not (path := path_of(url)):
        return
    if path.startswith("!"):
        yield path[1:]
        return
    try:
        told = operation(method, urlsplit(path).path)
    except ValueError as error:
        yield str(error)
        return
    parameters = {(one["in"], one["name"].lower()): one.get("schema", {}) for one in told.get("parameters", [])}
    for name, value in parse_qsl(urlsplit(path).query):
        schema = parameters.get(("query", name.lower()))
        if schema is None:
            yield f"{method} {path} takes no {name}"
        elif not VARIABLE.search(value):
            yield from faults_of_value(value, schema, f"{path}: {name}")
    yield from (
        f"{method} {path} takes no header {name}"
        for name in headers
        if name.lower() not in OF_HTTP and ("header", name.lower()) not in parameters
    )
    yield from faults_of_body(told, body, f"{method} {path}")


def path_of(url: str) -> str:
    """Return the path of a URL of the API; nothing for one that is elsewhere, ``!why`` for one that is wrong."""
    if url.startswith("$API"):
        path = url.removeprefix("$API")
        return "!$API ends in /api/v1, so it is named twice" if path.startswith("/api/") else PREFIX + path
    for host in ("http://127.0.0.1:8000", "localhost:8000"):
        if url.startswith(host):
            return url.removeprefix(host)
    return "" if VARIABLE.match(url) else f"!{url} is neither below $API nor a local system"


def faults_of_value(value: str, schema: dict[str, Any], where: str) -> Iterator[str]:
    """Say what is wrong with a value in a query: it is text, a number or a list of one."""
    readings: list[Any] = [value, [value]]
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        readings.append(json.loads(value))
    if value in ("true", "false"):
        readings.append(value == "true")
    if not any(checker(schema).is_valid(reading) for reading in readings):
        yield f"{where} is not {value}"


def faults_of_body(told: dict[str, Any], body: str | None, where: str) -> Iterator[str]:
    """Say what is wrong with a body in JSON; what is left out (``…``) or put in later ($NAME) is well."""
    if body is None or body.startswith("@") or VARIABLE.fullmatch(body):
        return
    request = told.get("requestBody", {}).get("content", {}).get("application/json")
    if request is None:
        yield f"{where} takes no body"
        return
    try:
        value = json.loads(filled(body))
    except ValueError as error:
        yield f"{where}: the body is no JSON: {error}"
        return
    yield from faults_of_json(value, request["schema"], where)


def faults_of_json(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """Say what a schema has against a value, beyond what is left out in it."""
    for error in checker(schema).iter_errors(value):
        if not (isinstance(error.instance, str) and LEFT_OUT in error.instance):
            yield f"{where}: {error.json_path} {error.message[:200]}"
    yield from unknown_fields(value, schema, where)


def unknown_fields(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """Say which fields a schema does not know."""
    schema = resolved(schema)
    if isinstance(value, dict) and (known := schema.get("properties")):
        for name, part in value.items():
            if name not in known:
                yield f"{where} has no field {name}"
            else:
                yield from unknown_fields(part, known[name], f"{where}.{name}")
    elif isinstance(value, list) and "items" in schema:
        for part in value:
            yield from unknown_fields(part, schema["items"], where)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, also one that stands beside null."""
    if "$ref" in schema:
        return dict(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if parts := schema.get("allOf") or [part for part in schema.get("anyOf", []) if "$ref" in part]:
        return resolved(parts[0])
    return schema


def checker(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Return what holds values against a schema of the document."""
    return jsonschema.Draft202012Validator({**schema, "components": document()["components"]})


def filled(text: str) -> str:
    """Put something in where JSON is left out, and where a variable stands."""
    text = VARIABLE.sub("1", re.sub(r"(?<=[:\[,]) ?…", f' "{LEFT_OUT}"', text))
    return re.sub(r",\s*…(?=\s*[}\]])", "", text)
