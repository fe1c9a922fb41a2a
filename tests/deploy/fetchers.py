"""Which programs and queues fetch what users name, read off the code: whoever makes a Fetcher or a Gate, by import."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tasks.names import POLICY, TaskName
from tests.deploy.manifests import ROOT, queues_of

OURS = ("api", "tasks", "render_node")
MAKERS = {"Fetcher", "Gate"}
WALL = "tasks.fetching.wall"


def path_of(module: str) -> Path | None:
    """Return the file of a module of ours."""
    place = ROOT.joinpath(*module.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.exists()), None) if module.split(".")[0] in OURS else None


@cache
def tree_of(module: str) -> ast.Module:
    """Return a module's code."""
    path = path_of(module)
    assert path, module
    return ast.parse(path.read_text())


@cache
def imports_of(module: str) -> frozenset[str]:
    """Return the modules of ours that one imports, within functions, too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in found if path_of(name))


@cache
def makes_a_fetcher(module: str) -> bool:
    """Tell whether a module itself makes what fetches."""
    calls = [node.func for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)]
    return any(getattr(call, "id", getattr(call, "attr", "")) in MAKERS for call in calls)


def can_fetch(program: str) -> bool:
    """Tell whether a program holds what fetches, however deep."""
    seen, waiting = set[str](), [program]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports_of(module)
    return any(makes_a_fetcher(module) for module in seen)


@cache
def queues_that_fetch() -> frozenset[str]:
    """Return the queues whose tasks fetch."""
    modules = [path.parent.name for path in ROOT.glob("tasks/*/tasks.py")]
    fetching = [tree_of(f"tasks.{name}.tasks") for name in modules if can_fetch(f"tasks.{name}.tasks")]
    names = {
        node.attr
        for tree in fetching
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "TaskName"
    }
    return frozenset(POLICY[TaskName[name]].queue.value for name in names)


def fetches(command: Sequence[str]) -> bool:
    """Tell whether a process that a command starts fetches: a worker does when one of its queues does."""
    words = [str(word) for word in command]
    program = next((words[at + 1] for at, word in enumerate(words) if word in ("-A", "-m")), "api.wsgi")
    if not can_fetch(program):
        return False
    return not queues_of(words) or bool(queues_of(words) & queues_that_fetch())
