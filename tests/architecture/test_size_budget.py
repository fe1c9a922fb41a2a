"""Functions and files stay small enough to read in one go."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "tasks", "render_node", "cli")
LONGEST_FUNCTION = 80
LONGEST_FILE = 600
LONG_TABLES = {"tasks/environment.py": 800, "api/codes.py": 800}
"""Tables of data alone, which are read by looking something up: every variable, every error code."""


def test_no_function_and_no_file_is_longer_than_the_budget() -> None:
    too_long = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text()
            lines = source.count("\n")
            name = str(path.relative_to(ROOT))
            if lines > LONG_TABLES.get(name, LONGEST_FILE):
                too_long.append(f"{name}: {lines} lines")
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    if length > LONGEST_FUNCTION:
                        too_long.append(f"{name}:{node.lineno} {node.name}: {length} lines")

    assert too_long == []


def test_functions_and_files_are_usually_short() -> None:
    files, functions = [], []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text()
            files.append(source.count("\n"))
            nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
            functions += [(node.end_lineno or node.lineno) - node.lineno + 1 for node in nodes]

    assert quantiles(functions, n=20)[9] <= 10
    assert quantiles(functions, n=20)[18] <= 50
    assert quantiles(files, n=20)[18] <= 400
