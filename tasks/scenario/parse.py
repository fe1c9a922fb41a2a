"""Reading a scenario strictly: JSON Schema, then meaning, then styles resolved."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tasks.errors import InvalidInputError
from tasks.scenario.check import Finding, find_meaning_problems, finding, pointer_of, suggest
from tasks.scenario.data import load
from tasks.scenario.model import Scenario
from tasks.scenario.resolve import resolve

MAX_FINDINGS = 100


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(load("schema"))


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of scenarios."""
    return copy.deepcopy(load("schema"))


def presets() -> list[dict[str, Any]]:
    """Return every named look; its lengths are fractions of the canvas's shorter side."""
    return copy.deepcopy(load("presets")["looks"])


def motions() -> list[dict[str, Any]]:
    """Return every named motion: an animation that goes with any style."""
    return copy.deepcopy(load("motions")["motions"])


def parse(document: Any) -> Scenario:
    """Check a scenario and resolve its styles.

    Raises InvalidInputError ``scenario.invalid`` whose ``extra["findings"]`` lists ``{pointer, message, suggestion,
    code}`` for everything that is wrong. One order asks for the same scenario several times: the latest are kept.
    """
    try:
        text = json.dumps(document)
    except (TypeError, ValueError, RecursionError):  # nothing that JSON could say: the checks tell what it is
        return _parse(document)
    return _parse_text(text)


@lru_cache(maxsize=4)
def _parse_text(text: str) -> Scenario:
    return _parse(json.loads(text))


def _parse(document: Any) -> Scenario:
    findings = [*_find_unreal_numbers(document)] or [*_find_schema_problems(document)]
    if not findings:
        findings = [*find_meaning_problems(document)]
    if findings:
        shown = findings[:MAX_FINDINGS]
        raise InvalidInputError(
            "scenario.invalid",
            f"The scenario has {len(findings)} problem{'s' * (len(findings) > 1)}; the first: {shown[0]['message']}",
            {"findings": shown, "count": len(findings)},
        )
    return resolve(document)


def _find_unreal_numbers(document: Any) -> Iterator[Finding]:
    """JSON has no NaN, but Python's reader lets it pass; no later check may meet one."""
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            yield finding(pointer, "must be a finite number", "not_a_number")
        elif isinstance(value, dict):
            waiting += [(pointer + pointer_of([key]), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)]


def _find_schema_problems(document: Any) -> Iterator[Finding]:
    for error in _validator().iter_errors(document):
        yield from _explain(error)


def _explain(error: ValidationError) -> Iterator[Finding]:
    pointer = pointer_of(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        yield from _explain_keys(error, pointer)
        return
    if error.validator == "oneOf" and error.context:
        branch = _meant_branch(error)
        deeper = [inner for inner in error.context if inner.schema_path[0] == branch]
        if deeper:
            for inner in deeper:
                yield from _explain(inner)
            return
    if error.validator == "enum" and isinstance(error.instance, str):
        choices: Any = error.validator_value
        advice = suggest(error.instance, [str(choice) for choice in choices])
        yield finding(pointer, _shorten(error.message), "wrong_value", advice)
        return
    code = "missing_key" if error.validator == "required" else "wrong_value"
    yield finding(pointer, _shorten(error.message), code)


def _explain_keys(error: ValidationError, pointer: str) -> Iterator[Finding]:
    schema: Any = error.schema
    known = list(schema.get("properties", {}))
    given: Any = error.instance
    for key in sorted(set(given) - set(known), key=str):
        hint = suggest(str(key), known) or f"known keys: {', '.join(known)}"
        yield finding(pointer + pointer_of([key]), f"{key} is not a key of this object", "unknown_key", hint)


def _meant_branch(error: ValidationError) -> int | None:
    """Return which alternative a value was meant to be: by its ``type``, else by being an object; None: unclear."""
    if not isinstance(error.instance, dict):
        return None
    branches: Any = error.validator_value
    shapes = [_follow(branch) for branch in branches]
    kinds = [shape.get("properties", {}).get("type", {}).get("const") for shape in shapes]
    if any(kinds):
        meant = error.instance.get("type")
        return kinds.index(meant) if meant in kinds else 0
    return next((i for i, shape in enumerate(shapes) if shape.get("type") == "object"), None)


def _follow(branch: dict[str, Any]) -> dict[str, Any]:
    reference = branch.get("$ref", "")
    return load("schema")["$defs"][reference.rpartition("/")[2]] if reference else branch


def _shorten(message: str) -> str:
    return message if len(message) <= 200 else f"{message[:80]} … {message[-100:]}"
