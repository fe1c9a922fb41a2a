"""Every requirement of the product is told with a test or a command that there is."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from tests.docs.programs import makefile

LAST = {"P": 15, "A": 8, "C": 10, "M": 8, "S": 10, "V": 5, "F": 5, "W": 4}
"""The last number of each kind; C5b is one more."""
IDS = [f"{kind}{number}" for kind, last in LAST.items() for number in range(1, last + 1)] + ["C5b"]
TEXT = (ROOT / "docs/requirements.rst").read_text()
ROWS = {row.partition("\n")[0]: row.split("\n     - ") for row in re.split(r"^   \* - ", TEXT, flags=re.MULTILINE)[1:]}


def test_the_page_has_every_requirement_and_no_other() -> None:
    assert set(ROWS) - {"Id"} == set(IDS)


@pytest.mark.parametrize("requirement", IDS)
def test_what_shows_a_requirement_is_there(requirement: str) -> None:
    _, what, shown = ROWS[requirement]
    paths, targets = re.findall(r"``(tests/[\w/.]+)``", shown), re.findall(r"``make ([\w-]+)", shown)

    assert len(what) >= len("Projects")
    assert paths or targets
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [target for target in targets if target not in makefile()[0]] == []
