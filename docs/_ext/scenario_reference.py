"""The reference of scenario keys, written from the JSON Schema: meaning, bounds and an example of every key."""

from __future__ import annotations

import json
from typing import Any

TOP = "scenario"
STRINGS = {
    "^#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$": "#FFE14D",
    "fontFamily": "Montserrat",
    "text": "wonderful",
    "emoji": "🎉",
    "source": "asset:7f6c2c1e-8a54-4f0e-9b1e-0d6f6c9f2f11",
    "safeArea": "tiktok",
}
"""Examples of strings whose schema bounds only their form: by pattern or by key."""
NUMBERS = {"fontSize": 90, "width": 1080, "height": 1920, "durationMs": 200, "fontWeight": 800, "seed": 7}
BOUNDS = (
    ("minimum", "from {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "to {}"),
    ("maxLength", "≤ {} characters"),
)


class SchemaReader:
    """Answers questions about one schema document."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def follow(self, part: dict[str, Any]) -> dict[str, Any]:
        """Return what a ``$ref`` leads to; its neighbours stay."""
        while "$ref" in part:
            rest = {key: value for key, value in part.items() if key != "$ref"}
            part = {**self.schema["$defs"][part["$ref"].rpartition("/")[2]], **rest}
        return part

    def objects(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every object that has keys of its own, the whole document first."""
        named = [(name, part) for name, part in self.schema["$defs"].items() if "properties" in part]
        return [(TOP, self.schema), *named]

    def example(self, part: dict[str, Any], key: str = "") -> Any:
        """Return a value that the schema part allows: its own example, else the simplest there is."""
        part = self.follow(part)
        for word in ("examples", "enum"):
            if word in part:
                return part[word][0]
        if "const" in part or "default" in part:
            return part.get("const", part.get("default"))
        for word in ("oneOf", "anyOf"):
            if word in part:
                choices = [self.follow(choice) for choice in part[word]]
                return self.example(next(choice for choice in choices if choice.get("type") != "null"), key)
        return self._plain(part, key)

    def _plain(self, part: dict[str, Any], key: str) -> Any:
        kind = part.get("type")
        if kind == "object":
            return self._object(part)
        if kind == "array":
            return [self._item(part, number, key) for number in range(max(1, part.get("minItems", 0)))]
        if kind in ("number", "integer"):
            return number_within(part, NUMBERS.get(key, 12))
        if kind == "boolean":
            return True
        return STRINGS.get(key) or STRINGS.get(part.get("pattern", "")) or "caption"

    def _item(self, part: dict[str, Any], number: int, key: str) -> Any:
        value = self.example(part["items"], key)
        moving = next((name for name in ("at", "offset") if isinstance(value, dict) and name in value), None)
        return {**value, moving: number} if moving else value

    def _object(self, part: dict[str, Any]) -> dict[str, Any]:
        keys = part.get("properties", {})
        wanted = part.get("required") or list(keys)[: max(1, part.get("minProperties", 0))]
        made = {name: self.example(keys[name], name) for name in wanted if name in keys}
        if not keys and isinstance(part.get("additionalProperties"), dict):
            made["name"] = self.example(part["additionalProperties"], "name")
        if "end" in made and "start" in made:
            made |= {"start": 0.5, "end": 2.1}
        return made

    def describe(self, part: dict[str, Any]) -> str:
        """Say what a key is and how far it may go."""
        part = self.follow(part)
        if "enum" in part:
            return "one of " + ", ".join(f"``{json.dumps(value)}``" for value in part["enum"])
        if "const" in part:
            return f"``{json.dumps(part['const'])}``"
        for word in ("oneOf", "anyOf"):
            if word in part:
                return " or ".join(self.describe(choice) for choice in part[word])
        bounds = [words.format(part[key]) for key, words in BOUNDS if key in part]
        kind = part.get("type", "value")
        kind = " or ".join(kind) if isinstance(kind, list) else kind
        return f"{kind} {' '.join(bounds)}".strip()


def number_within(part: dict[str, Any], liked: float) -> float | int:
    """Return a plain number within a schema's bounds, the one that is liked if it may be."""
    low, high = part.get("minimum", part.get("exclusiveMinimum")), part.get("maximum")
    for number in (liked, 400, 1080, 0.5, 1.5):
        if (low is None or number > low) and (high is None or number < high):
            return number
    return low if low is not None else 0


def build_scenario_reference() -> str:
    """Return the page: a table of keys for each object of the schema."""
    from tasks.scenario import schema

    reader = SchemaReader(schema())
    lines = [
        "Scenario keys",
        "=============",
        "",
        "Generated from the schema that ``GET /api/v1/scenario/schema`` serves: every object, every key, an",
        "example that the schema accepts. :doc:`../guides/scenario` tells how they work together.",
        "",
    ]
    for name, part in reader.objects():
        lines += [name, "-" * len(name), ""]
        if part.get("description") and name != TOP:
            lines += [part["description"].rstrip(".") + ".", ""]
        lines += _table(reader, part)
    return "\n".join(lines)


def _table(reader: SchemaReader, part: dict[str, Any]) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 42 40", ""]
    lines += ["   * - Key", "     - What it is", "     - Example"]
    for key, inner in part["properties"].items():
        followed = reader.follow(inner)
        meaning = ". ".join(
            words.rstrip(".") for words in (reader.describe(inner), followed.get("description", "")) if words
        )
        needed = " (required)" if key in part.get("required", ()) else ""
        example = json.dumps(reader.example(inner, key), ensure_ascii=False)
        lines += [f"   * - ``{key}``{needed}", f"     - {meaning}", f"     - ``{shorten(example)}``"]
    return [*lines, ""]


def shorten(text: str) -> str:
    """Keep a table's cell readable."""
    return text if len(text) <= 160 else text[:157] + "…"
