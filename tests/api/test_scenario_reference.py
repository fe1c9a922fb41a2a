"""The published schema and the page written from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tasks.scenario import schema

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))

import scenario_reference

READER = scenario_reference.SchemaReader(schema())
KEYS = [(name, key) for name, part in READER.objects() for key in part["properties"]]


@pytest.mark.parametrize(("name", "key"), KEYS, ids=lambda word: str(word))
def test_the_example_of_each_key_is_one_that_the_schema_accepts(name: str, key: str) -> None:
    part: dict[str, Any] = dict(READER.objects())[name]["properties"][key]

    example = READER.example(part, key)

    assert list(Draft202012Validator({"$defs": schema()["$defs"], **part}).iter_errors(example)) == []


def test_the_page_has_every_object_and_every_key() -> None:
    page = scenario_reference.build_scenario_reference()

    assert len(KEYS) > 100
    assert [f"\n{name}\n{'-' * len(name)}\n" in page for name, _ in READER.objects()] == [True] * len(READER.objects())
    assert page.count("   * - ``") == len(KEYS)
