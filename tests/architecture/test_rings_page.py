"""The documentation's table of who imports whom is what import-linter checks."""

from __future__ import annotations

import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the page has, without its columns' lines."""
    monkeypatch.syspath_prepend(str(ROOT / "docs/_ext"))
    for name in ("rings", "reference"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    from rings import build_rings

    return build_rings()


def test_the_table_of_imports_tells_every_contract(told: str) -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    contracts = [config[name] for name in config.sections() if name.startswith("importlinter:contract:")]

    rows = [row.split("\n     - ") for row in told.split("\n   * - ")[2:]]

    assert len(contracts) >= 7
    for contract in contracts:
        (row,) = [cells for cells in rows if contract["name"] in cells[0].split("; ")]
        who = (contract.get("source_modules") or contract["modules"]).split()
        assert [module for module in who if f"``{module.partition('.')[2] or module}``" not in row[1]] == []
        no = contract.get("forbidden_modules", "").split()
        assert [module for module in no if f"``{module.removeprefix('tasks.')}``" not in row[2] + row[3]] == []
        assert row[2].endswith("nor each other") or contract["type"] != "independence"
