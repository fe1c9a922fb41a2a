"""The reference of the HTTP API, read off its OpenAPI document: a page for each part, with what its operations take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from reference import table, title

METHODS = ("get", "post", "put", "patch", "delete")
INTRO = (
    "Generated from the OpenAPI document, which a running system serves at ``/api/openapi.json`` and, to be tried out, "
    "at ``/api/docs`` (Swagger UI), ``/api/redoc``, ``/api/rapidoc``, ``/api/scalar``, ``/api/elements``. API tokens "
    "need the scope that is named (``x-scope`` in the document); *signed in* means that tokens are refused."
)
Operations = dict[str, list[tuple[str, dict[str, Any]]]]


def build_http_pages() -> dict[str, str]:
    """Return the text of each page by its name; the first leads to all others."""
    from api.openapi import build_document

    document = build_document()
    schemas = document["components"]["schemas"]
    parts = group(document["paths"])
    overview = [*title("HTTP API"), INTRO, "", ".. toctree::", "   :maxdepth: 1", ""]
    overview += [f"   http-{tag}" for tag in sorted(parts)] + [""]
    for tag, operations in sorted(parts.items()):
        rows = [(f"``{name}``", said(one.get("summary", "")), access(one)) for name, one in operations]
        overview += [*title(tag.capitalize(), "-"), *table(("Operation", "What it does", "Scope"), rows, "45 40 15")]
    pages = {f"http-{tag}": build_part(tag, operations, schemas) for tag, operations in parts.items()}
    return {"http-api": "\n".join(overview), **pages}


def group(paths: dict[str, Any]) -> Operations:
    """Return the operations of each part as (``GET /path``, operation)."""
    parts: Operations = {}
    for path, item in sorted(paths.items()):
        shared = item.get("parameters", [])
        for method in (method for method in METHODS if method in item):
            one = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
            parts.setdefault((one.get("tags") or ["other"])[0], []).append((f"{method.upper()} {path}", one))
    return parts


def build_part(tag: str, operations: list[tuple[str, dict[str, Any]]], schemas: dict[str, Any]) -> str:
    """Return the page of one part."""
    lines = title(f"HTTP API: {tag}")
    for name, one in operations:
        lines += [*title(name, "-"), f"{said(one.get('summary', ''))}. *{access(one)}*", ""]
        lines += paragraphs(one.get("description", ""))
        lines += list_fields("Parameter", parameters(one["parameters"]))
        lines += list_fields("Body", body_fields(one, schemas))
        answers = [(code, answer_of(found, schemas)) for code, found in sorted(one["responses"].items())]
        lines += table(("Answer", ""), [row for row in answers if row[0] != "default"], "12 88")
    return "\n".join(lines)


def access(one: dict[str, Any]) -> str:
    """Return who may call an operation, in a word."""
    if "x-scope" in one:
        return one["x-scope"] or "signed in"
    return "signed" if any("signature" in way for way in one.get("security", ())) else "anybody"


def paragraphs(text: str) -> list[str]:
    """Return a description of the document as paragraphs of a page."""
    return [line for part in text.split("\n\n") if part.strip() for line in (said(" ".join(part.split())), "")]


def said(text: str) -> str:
    """Return a sentence of the document with its code as code."""
    pieces = re.split(r"`+([^`]+)`+", text)
    plain = [re.sub(r"([*|\\]|_\b)", r"\\\1", piece) for piece in pieces[::2]]
    code = [f"``{piece}``" for piece in pieces[1::2]]
    return "".join(piece for pair in zip(plain, [*code, ""], strict=True) for piece in pair)


def parameters(found: Iterable[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of what stands in path, query and headers."""
    rows = []
    for one in found:
        name = f"``{one['name']}``" + (" *(required)*" if one.get("required") else "")
        meaning = said(one.get("description", "") or one["schema"].get("description", ""))
        rows.append((name, f"{one['in']}: {spell_type(one['schema'])}", meaning))
    return rows


def body_fields(one: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, type and meaning of the fields of a JSON body."""
    schema = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = follow(schema, schemas)
    required = set(schema.get("required", ()))
    return [
        (
            f"``{name}``" + (" *(required)*" if name in required else ""),
            spell_type(field),
            said(meaning_of(field, schemas)),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def meaning_of(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return what the document says of a field, and the names of its own fields where it has some."""
    inner = follow(field.get("items", field), schemas).get("properties", {})
    names = ", ".join(f"`{name}`" for name in inner)
    return " ".join(part for part in (field.get("description", ""), f"({names})" if names else "") if part)


def answer_of(found: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return what an answer means and the fields that it has."""
    schema = follow(found.get("content", {}).get("application/json", {}).get("schema", {}), schemas)
    names = ", ".join(f"`{name}`" for name in schema.get("properties", {}))
    is_problem = set(schema.get("properties", {})) == {"code", "message", "details", "request_id"}
    return said(f"{found.get('description', '')}{'' if is_problem or not names else f': {names}'}")


def follow(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def spell_type(schema: dict[str, Any]) -> str:
    """Return a type with its bounds and default in a few words."""
    kind = schema.get("type", "object" if "$ref" in schema else "any")
    words = [" or ".join(kind) if isinstance(kind, list) else str(kind)]
    if kind == "array":
        words = [f"list of {spell_type(schema.get('items', {}))}"]
    if "format" in schema:
        words.append(f"({schema['format']})")
    if "enum" in schema:
        words.append("one of " + ", ".join(f"``{value}``" for value in schema["enum"] if value not in ("", None)))
    words += [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    if schema.get("default") not in (None, "", [], {}):
        words.append(f"default ``{schema['default']}``")
    return " ".join(words)


def list_fields(header: str, rows: list[tuple[str, str, str]]) -> list[str]:
    """Return a table of fields; nothing for none."""
    return table((header, "Type", "Meaning"), rows, "28 32 40") if rows else []
