"""Reference pages that are read off the code: events, metrics, commands, licences."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
METRIC_KINDS = {
    "Counter": "counter",
    "Histogram": "histogram",
    "GaugeMetricFamily": "gauge",
    "CounterMetricFamily": "counter",
}


def title(text: str, underline: str = "=") -> list[str]:
    return [text, underline * len(text), ""]


def table(header: tuple[str, ...], rows: list[tuple[str, ...]], widths: str) -> list[str]:
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [header, *rows]:
        for i, cell in enumerate(row):
            lines.append(f"   {'*' if i == 0 else ' '} - {cell}".rstrip())
    return [*lines, ""]


def build_events() -> str:
    """List what webhooks and event streams tell."""
    from api.webhooks.names import DEFAULT, EVENTS

    rows = [
        (f"``{name}``", meaning + "." + (" *Sent by default.*" if name in DEFAULT else ""))
        for name, meaning in EVENTS.items()
    ]
    intro = (
        "What an endpoint can ask for (:doc:`/guides/webhooks`). The stream of a job, "
        "``GET /api/v1/jobs/{id}/events``, has the same ``job.*`` and ``step.*``, and ``progress``; each has "
        "``job_id``, ``state``, ``progress``, ``eta_s``, ``error`` and ``at``."
    )
    return "\n".join([*title("Events"), intro, "", *table(("Event", "When"), rows, "30 70")])


def build_metrics() -> str:
    """List what ``/metrics`` exports, as the source declares it."""
    rows = sorted({(f"``{name}``", METRIC_KINDS[kind], told) for name, kind, told in declared_metrics()})
    intro = (
        "``GET /metrics``, for bearers of ``REELYARD_METRICS_TOKEN``. What they mean together: :doc:`/operations/slo`. "
        "GPUs have gauges of their own, ``reelyard_gpu_…``, by host and card."
    )
    return "\n".join([*title("Metrics"), intro, "", *table(("Metric", "Kind", "What it counts"), rows, "44 12 44")])


def declared_metrics() -> Iterator[tuple[str, str, str]]:
    """Yield name, kind and help of each metric."""
    for path in (ROOT / "api").rglob("*metrics.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in METRIC_KINDS and len(call.args) > 1:
                name, told = call.args[0], call.args[1]
                if isinstance(name, ast.Constant) and isinstance(told, ast.Constant):
                    yield name.value, call.func.id, told.value


def build_commands() -> str:
    """Show the help of every command."""
    from cli.main import COMMANDS, build_parser

    parser = build_parser()
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    lines = [*title("The reelyard command"), "``reelyard COMMAND --help`` says the same.", ""]
    for name in COMMANDS:
        lines += [*title(f"reelyard {name}", "-"), ".. code-block:: text", ""]
        lines += [f"   {line}".rstrip() for line in subparsers.choices[name].format_help().splitlines()]
        lines.append("")
    return "\n".join(lines)


def build_licences() -> str:
    """List what everything is under."""
    from deploy.licences import read_parts

    rows = [(part.name, part.kind, part.version, part.licence, part.note) for part in read_parts()]
    intro = "Reelyard is under MIT. What it installs and ships (``make licences``; :doc:`/operations/releasing`):"
    header = ("Part", "Kind", "Version", "Licence", "Note")
    return "\n".join([*title("Licences"), intro, "", *table(header, sorted(set(rows)), "32 10 14 26 18")])
