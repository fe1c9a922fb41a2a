"""What the API exports, as its source declares it, and what an expression reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser

from tests.deploy.manifests import ROOT

KINDS = {"Counter", "Histogram", "GaugeMetricFamily", "CounterMetricFamily"}
SCRAPER = {"up": {"job", "instance"}}
"""What Prometheus itself knows of a target."""


@cache
def exported() -> dict[str, set[str]]:
    """Return the labels of each exported series by its name."""
    found: dict[str, set[str]] = {}
    for name, kind, labels in declared():
        if kind == "Histogram":
            found |= {f"{name}_bucket": {*labels, "le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def declared() -> Iterator[tuple[str, str, set[str]]]:
    """Yield name, kind and labels of each metric that the API's source makes."""
    for path in (ROOT / "api").rglob("*metrics.py"):
        tree = ast.parse(path.read_text())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in KINDS and call.args:
                name = call.args[0]
                if isinstance(name, ast.Constant):
                    yield name.value, call.func.id, labels_of(call)
    from api.farm.metrics import GPU_GAUGES

    for name, _ in GPU_GAUGES.values():
        yield name, "GaugeMetricFamily", {"host", "gpu"}


def labels_of(call: ast.Call) -> set[str]:
    """Return the label names that a metric is declared with."""
    lists = [word.value for word in call.keywords if word.arg == "labels"] + call.args[2:3]
    return {element.value for listed in lists for element in getattr(listed, "elts", ())}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Return name and matched labels of each series that an expression reads; raise ValueError for a wrong one."""
    found: list[tuple[str, set[str]]] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append((str(node.name), {matcher.name for matcher in node.matchers.matchers}))
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def unknown(expressions: list[str], recorded: set[str]) -> list[str]:
    """Name the series and labels that nothing exports."""
    known = exported() | SCRAPER | {name: set() for name in recorded}
    return [
        f"{name} {sorted(labels)}"
        for expression in expressions
        for name, labels in selectors(expression)
        if name not in known or not labels <= known[name]
    ]
