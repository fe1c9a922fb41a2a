"""One line of migrations, one head, in file order."""

from __future__ import annotations

import re
from pathlib import Path

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def test_migrations_form_one_line_in_file_order() -> None:
    files = sorted(VERSIONS.glob("[0-9]*.py"))
    assert files

    expected_parent: str | None = None
    for file in files:
        text = file.read_text()
        revision = re.search(r'^revision(?:: str)? = "([^"]+)"', text, re.M)
        parent = re.search(r'^down_revision(?::[^=]+)? = (?:"([^"]+)"|None)', text, re.M)
        assert revision and parent, file.name
        assert re.match(r"\d{4}_", file.name), file.name
        assert parent.group(1) == expected_parent, file.name
        expected_parent = revision.group(1)
