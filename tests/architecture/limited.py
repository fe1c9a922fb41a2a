"""Finds, in the sources, who may be called without media limits, and who calls that."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

Trees = Mapping[str, ast.Module]
Names = Mapping[str, Mapping[str, str]]
Parameter = tuple[str, ast.expr | None, ast.expr | None]
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Place:
    """Where limits are taken: the name, and the position where they need no name."""

    name: str
    position: int | None


@dataclass(frozen=True)
class Use:
    """A name of what takes limits: in full, by which module, and the call if it is called there."""

    whole: str
    module: str
    node: ast.expr
    call: ast.Call | None


def find_places(trees: Trees) -> dict[str, Place]:
    """Return who takes limits that may be left out: functions and dataclasses, by their full names."""
    found = {}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, Defined) and (place := place_in(node)):
                found[f"{module}.{node.name}"] = place
    return found


def place_in(node: Defined) -> Place | None:
    """Return where a function or dataclass takes limits, none when it takes none or insists on them."""
    if isinstance(node, ast.ClassDef):
        fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
        placed: list[Parameter] = [(ast.unparse(one.target), one.annotation, one.value) for one in fields]
        named: list[Parameter] = []
    else:
        spec = node.args
        bare = [None] * (len(spec.posonlyargs + spec.args) - len(spec.defaults))
        placed = list(with_defaults(spec.posonlyargs + spec.args, [*bare, *spec.defaults]))
        named = list(with_defaults(spec.kwonlyargs, spec.kw_defaults))
    for at, (name, kind, default) in enumerate(placed + named):
        if default is not None and kind is not None and "MediaLimits" in ast.unparse(kind):
            return Place(name, at if at < len(placed) else None)
    return None


def with_defaults(taken: Sequence[ast.arg], defaults: Sequence[ast.expr | None]) -> Iterator[Parameter]:
    """Yield each parameter's name, kind and default."""
    for one, default in zip(taken, defaults, strict=True):
        yield one.arg, one.annotation, default


def names_in(module: str, tree: ast.Module) -> dict[str, str]:
    """Return what the names of a module stand for in full, wherever in it they are imported."""
    found = {node.name: f"{module}.{node.name}" for node in tree.body if isinstance(node, Defined)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.asname: one.name for one in node.names if one.asname}
    return found


def find_uses(trees: Trees, places: Mapping[str, Place]) -> Iterator[Use]:
    """Yield where any of the places is named, called or not."""
    names = {module: names_in(module, tree) for module, tree in trees.items()}
    last = {whole.rpartition(".")[2] for whole in places} | {"cls"}
    known = {of: last | {alias for alias, whole in held.items() if whole in places} for of, held in names.items()}
    for module, tree in trees.items():
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node, owner in with_classes(tree):
            if isinstance(node, ast.Name | ast.Attribute):
                if (node.id if isinstance(node, ast.Name) else node.attr) not in known[module]:
                    continue
                written = f"{module}.{owner}" if ast.unparse(node) == "cls" else ast.unparse(node)
                whole = resolve(written, module, names)
                if whole in places:
                    yield Use(whole, module, node, calls.get(id(node)))


def with_classes(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every node with the class that it stands in, outside of all with an empty name."""
    for top in tree.body:
        owner = top.name if isinstance(top, ast.ClassDef) else ""
        yield from ((node, owner) for node in ast.walk(top))


def resolve(written: str, module: str, names: Names) -> str:
    """Return the full name of what is written in a module; a package hands on names of its modules."""
    first, dot, rest = written.partition(".")
    whole = names[module].get(first, first) + dot + rest
    home, _, name = whole.rpartition(".")
    return names.get(home, {}).get(name, whole)


def gives_limits(call: ast.Call, place: Place) -> bool:
    """Tell whether a call gives limits, other than None or some made on the spot."""
    named = (one.value for one in call.keywords if one.arg == place.name)
    placed = call.args[place.position : place.position + 1] if place.position is not None else []
    given = next(chain(named, placed), None)
    return given is not None and ast.unparse(given) not in ("None", "MediaLimits()")
