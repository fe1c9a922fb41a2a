"""Every error code that the code can raise is in the documented list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from api.errors import CODES

ROOT = Path(__file__).parents[2]
RAISERS = re.compile(r"(Error|error|failure|refuse|problem)$")
CODE = re.compile(r"^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$")


def raised_codes() -> dict[str, str]:
    """Find the first argument of every call whose name ends in Error, when it looks like a code."""
    found: dict[str, str] = {}
    for package in ("api", "tasks", "render_node", "cli"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
                if RAISERS.search(name) and CODE.match(text):
                    found.setdefault(text, f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def test_every_raised_code_is_documented() -> None:
    undocumented = {code: where for code, where in raised_codes().items() if code not in CODES}

    assert undocumented == {}
