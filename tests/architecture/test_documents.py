"""Documents name what is there: each requirement has its row, each test that is named exists, each page is reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(ROOT) for path in DOCS.rglob("*.rst") if path.relative_to(DOCS).parts[0][0] != "_")
COUNTS = {"P": 15, "A": 8, "C": 10, "M": 8, "S": 10, "V": 5, "F": 5, "W": 4}


MADE_LATER = {"deploy/worker.env", "deploy/api.env", "bench/results/speech.jsonl"}
"""Files that an operator writes, or a bench."""
TOPS = "api|tasks|render_node|cli|deploy|bench|docs|clients|studio|tests|requirements|migrations"


def test_every_requirement_has_its_row() -> None:
    told = re.findall(r"^   \* - ([PACMSVFW]\d+b?)$", (DOCS / "requirements.rst").read_text(), re.MULTILINE)
    wanted = [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]

    assert sorted(told) == sorted([*wanted, "C5b"])


def test_every_requirement_is_shown_by_a_test_or_a_command() -> None:
    rows = re.findall(
        r"^   \* - ([PACMSVFW]\d+b?)\n((?:     .*\n)+)", (DOCS / "requirements.rst").read_text(), re.MULTILINE
    )

    assert len(rows) == sum(COUNTS.values()) + 1
    assert [
        name for name, cells in rows if not re.search(r"``(?:tests/\w+|make \w+)", cells.rpartition("\n     - ")[2])
    ] == []


def test_every_promise_under_faults_is_told() -> None:
    told = re.findall(r"^   \* - (R\d+)\b", (DOCS / "verification.rst").read_text(), re.MULTILINE)

    assert set(told) == {f"R{number}" for number in range(1, 23)}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = (ROOT / page).read_text()
    files = set(re.findall(rf"``((?:{TOPS})/[\w./@*-]+)``", text)) - MADE_LATER
    tests = set(re.findall(r"``(test_\w+\.py)", text))

    assert [file for file in files if not list(ROOT.glob(file.rstrip("/")))] == []
    assert [name for name in tests if not list((ROOT / "tests").rglob(name))] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"``(tests/[\w/.]+)(?:::(\w+))?", (ROOT / page).read_text())

    assert [path for path, _ in named if not (ROOT / path).exists()] == []
    assert [name for path, name in named if name and f"def {name}(" not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_of_make_that_a_page_names_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"``make ([a-z][\w-]*)", (ROOT / page).read_text()))

    assert named - targets == set()


def of_compose() -> set[str]:
    """Return the variables that Compose itself reads, of which programs know nothing."""
    told = "".join(path.read_text() for path in ROOT.glob("docker-compose*.yml"))
    return set(re.findall(r"\$\{(REELYARD_[A-Z0-9_]+)", told))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_variable_that_a_page_names_is_there(page: Path) -> None:
    from tasks.environment import VARIABLES

    named = set(re.findall(r"``(REELYARD_[A-Z0-9_]+)(?:=|``)", (ROOT / page).read_text()))

    assert named - set(VARIABLES) - of_compose() == set()
