"""Looks, motions and defaults have versions, and no change of them goes without another one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tasks.scenario.data import FOLDER, load
from tasks.scenario.versions import PARTS, data_versions


def changed(name: str, content: Any) -> Any:
    """Return a reader of the data with one file replaced."""
    return lambda asked: content if asked == name else load(asked)


@pytest.mark.parametrize(("name", "key"), [("presets", "looks"), ("motions", "motions")])
def test_a_file_of_looks_or_motions_says_which_version_it_is(name: str, key: str) -> None:
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert sorted(document) == sorted(["version", key])
    assert data_versions()[key].startswith(f"{document['version']}+")


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_value_is_another_version_of_its_part_alone(part: str) -> None:
    for name in PARTS[part]:
        content = copy.deepcopy(load(name))
        if name == "presets":
            content["looks"][0]["style"]["fontWeight"] = 700
        else:
            content["something"] = "else"
        told, before = data_versions(changed(name, content)), data_versions()
        assert {each for each in PARTS if told[each] != before[each]} == {part}


def test_a_declared_version_is_told_as_such() -> None:
    content = {**load("presets"), "version": "2"}
    assert data_versions(changed("presets", content))["looks"].startswith("2+")
