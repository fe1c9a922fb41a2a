"""S-18: the promises and the standard are told whole, and every test that they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.security("S-18")
ROOT = Path(__file__).parents[2]
IDS = [f"S-{number}" for number in range(1, 19)]
LEVELS = {"1": 70, "2": 183}
"""Requirements of each level in ASVS 5.0.0."""
LINKED = re.compile(r":(?:doc|ref):`[^`]+`")
NAMED = re.compile(r"\bsecurity\(\"(S-\d+)\"\)")


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of every list-table."""
    entries = re.findall(r"^   \* - (.*(?:\n     .*)*)", text, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"\n     - ", entry)] for entry in entries]


def test_every_promise_has_a_test_that_names_it() -> None:
    named = {found for path in (ROOT / "tests").rglob("test_*.py") for found in NAMED.findall(path.read_text())}

    assert named == set(IDS)


@pytest.mark.parametrize("promise", IDS)
def test_every_promise_is_told_with_its_command(promise: str) -> None:
    told = {cells[0]: cells for cells in rows((ROOT / "docs/verification.rst").read_text()) if len(cells) == 3}

    assert promise in told
    _, what, shown = told[promise]
    assert len(what) > 10
    assert re.search(r"``make [\w-]+|``tests/", shown)


def answers() -> list[list[str]]:
    """Return the rows of the standard's page."""
    return [cells for cells in rows((ROOT / "docs/security/asvs.rst").read_text()) if cells[0] != "Requirement"]


def is_shown(shown: str) -> bool:
    """Tell whether a cell has one of the three forms: a test that is there, a document, why it does not apply."""
    if re.fullmatch(r"Not applicable: .{8,}", shown, re.DOTALL):
        return True
    tests = [path for path in re.findall(r"``(tests/[\w/.]+)", shown) if (ROOT / path).is_file()]
    return bool(tests) or bool(LINKED.search(shown))


def test_every_row_names_a_test_a_document_or_why_it_does_not_apply() -> None:
    assert [(cells[0], cells[3]) for cells in answers() if not is_shown(cells[3])] == []


def test_every_gap_links_what_is_done_instead() -> None:
    gaps = [(cells[0], cells[3].partition("**Gap**")[2]) for cells in answers() if "**Gap**" in cells[3]]

    assert len(gaps) > 5
    assert [name for name, told in gaps if not LINKED.search(told)] == []


def test_a_row_without_any_of_the_three_would_be_found() -> None:
    for hollow in (
        "there are none",
        "**Gap**: none",
        "``tests/api/test_nothing.py``",
        "Not applicable",
        "``make lint``",
    ):
        assert not is_shown(hollow), hollow


def test_every_document_that_is_linked_is_there() -> None:
    text = (ROOT / "docs/security/asvs.rst").read_text()
    labels = {
        label
        for page in (ROOT / "docs").rglob("*.rst")
        for label in re.findall(r"^\.\. _([\w-]+):$", page.read_text(), re.M)
    }
    linked = re.findall(r":(doc|ref):`([^`<>]+)`", text)
    missing = [place for kind, place in linked if kind == "ref" and place not in labels]
    for kind, place in linked:
        folder = ROOT / "docs" if place.startswith("/") else ROOT / "docs/security"
        is_made = place.startswith("/_generated/")  # the strict build of the pages checks these
        if kind == "doc" and not is_made and not (folder / f"{place.lstrip('/')}.rst").is_file():
            missing.append(place)

    assert len(linked) > 40
    assert missing == []


def test_every_requirement_of_both_levels_is_answered() -> None:
    answered = [cells for cells in rows((ROOT / "docs/security/asvs.rst").read_text()) if cells[0] != "Requirement"]

    assert all(len(cells) == 4 and all(cells) for cells in answered)
    assert len({cells[0] for cells in answered}) == len(answered)
    assert {level: sum(cells[1] == level for cells in answered) for level in LEVELS} == LEVELS


def test_most_of_what_applies_is_shown_by_tests() -> None:
    answered = [cells for cells in rows((ROOT / "docs/security/asvs.rst").read_text()) if cells[0] != "Requirement"]
    applying = [cells[3] for cells in answered if "Not applicable" not in cells[3]]

    assert sum("``tests/" in shown for shown in applying) >= 0.7 * len(applying)


@pytest.mark.parametrize("page", ["docs/verification.rst", "docs/security/asvs.rst", "docs/security/threat-model.rst"])
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = re.findall(r"``(tests/[\w/.]+)(?:::(\w+))?", (ROOT / page).read_text())
    missing = [path for path, _ in named if not (ROOT / path).exists()]
    missing += [name for path, name in named if name and f"def {name}(" not in (ROOT / path).read_text()]

    assert missing == []


def test_the_summary_counts_what_the_tables_say() -> None:
    text = (ROOT / "docs/security/asvs.rst").read_text()
    answered = [cells[3] for cells in rows(text) if cells[0] != "Requirement"]
    applying = [shown for shown in answered if "Not applicable" not in shown]
    missing = [shown for shown in applying if shown.startswith("**Gap**")]
    tested = [shown for shown in applying if shown not in missing and "``tests/" in shown]
    gaps = sum("**Gap**" in shown for shown in answered)
    told = " ".join(text.partition("V1 Encoding")[0].split())

    assert f"Of {len(answered)} requirements {len(answered) - len(applying)} do not apply." in told
    rest = len(applying) - len(tested) - len(missing)
    shown = f"{len(tested)} are shown by tests at least in part, {rest} by documents alone, {len(missing)} not at all"
    assert f"Of the other {len(applying)}, {shown}; {gaps} rows name a gap." in told
