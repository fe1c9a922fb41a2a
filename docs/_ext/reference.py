"""Reference pages that are read off the code: events, metrics, commands, licences."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
JOB = "job_id, state, progress, eta_s, error, at"
TOLD = f"{JOB}, seq, kind, subject"
FIELDS = {
    "job": TOLD,
    "step": f"{TOLD}, step (name, part, state, attempt, error)",
    "render": f"{TOLD} (render_id, source_asset_id)",
    "credits": "seq, kind, action, amount, balance_after, debt_after, success, job_id",
}
"""What webhooks of each group tell; a test holds it against what is sent."""
LIVE = (
    ("ready", "every", "topics", "First of all, with the position to go on from"),
    ("missed", "every", "code", "What came after your position is not kept any more: read everything anew"),
    ("ended", "every", "code", "The account was disabled or its session ended"),
    ("dropped", "every", "", "You took nothing for ten seconds (server-sent events; a WebSocket closes with 4008)"),
    (
        "user_credits_changed",
        "credits",
        "balance, change, debt, kind, action, job_id, at",
        "A line was written into the ledger",
    ),
    ("job.*, step.*, progress", "jobs", f"{JOB}, job_kind, job_seq", "As above, of all jobs that you may see"),
    ("player_state", "player", "as ``GET /player`` answers", "The player changed"),
    ("sounds_stopped", "player", "", "Everything was silenced"),
    ("sound_played", "sounds", "sound_id, title, plays, by", "A sound was played"),
)
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
        (
            f"``{name}``",
            meaning + "." + (" *Sent by default.*" if name in DEFAULT else ""),
            FIELDS[name.partition(".")[0]],
        )
        for name, meaning in EVENTS.items()
    ]
    live = [(f"``{name}``", topic, meaning + ".", fields) for name, topic, fields, meaning in LIVE]
    intro = (
        "What an endpoint can ask for (:doc:`/guides/webhooks`). The stream of a job, "
        "``GET /api/v1/jobs/{id}/events``, has the same ``job.*`` and ``step.*``, and ``progress``."
    )
    webhooks = table(("Event", "When", "``data``"), rows, "24 38 38")
    lives = table(("Event", "Topic", "When", "``data``"), live, "24 10 33 33")
    return "\n".join(
        [*title("Events"), intro, "", *webhooks, *title("Live", "-"), "See :doc:`/guides/live`.", "", *lives]
    )


def build_metrics() -> str:
    """List what ``/metrics`` exports, as the source declares it."""
    from api.farm.metrics import GPU_GAUGES

    rows = {(f"``{name}``", METRIC_KINDS[kind], told, labels) for name, kind, told, labels in declared_metrics()}
    rows |= {(f"``{name}``", "gauge", told, "host, gpu") for name, told in GPU_GAUGES.values()}
    intro = (
        "``GET /metrics``, for bearers of ``REELYARD_METRICS_TOKEN``. What they mean together: :doc:`/operations/slo`."
    )
    shown = table(("Metric", "Kind", "What it counts", "Labels"), sorted(rows), "38 10 36 16")
    return "\n".join([*title("Metrics"), intro, "", *shown])


def declared_metrics() -> Iterator[tuple[str, str, str, str]]:
    """Yield name, kind, help and labels of each metric."""
    for path in (ROOT / "api").rglob("*metrics.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in METRIC_KINDS and len(call.args) > 1:
                name, told = call.args[0], call.args[1]
                if isinstance(name, ast.Constant) and isinstance(told, ast.Constant):
                    yield name.value, call.func.id, told.value, ", ".join(labels_of(call))


def labels_of(call: ast.Call) -> list[str]:
    """Return the names of a metric's labels."""
    lists = [word.value for word in call.keywords if word.arg in ("labels", "labelnames")] + call.args[2:3]
    return [element.value for listed in lists for element in getattr(listed, "elts", ())]


def build_commands() -> str:
    """Show the help of every command."""
    from cli.main import COMMANDS, build_parser

    choices = parts_of(build_parser())
    lines = [*title("The reelyard command"), "``reelyard COMMAND --help`` says the same.", ""]
    for name in COMMANDS:
        lines += [*title(f"reelyard {name}", "-"), *show_help(choices[name])]
        for path, parser in walk(choices[name], f"reelyard {name}"):
            lines += [*title(path, "~"), *show_help(parser)]
    return "\n".join(lines)


def parts_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands of a command, by name."""
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def walk(parser: argparse.ArgumentParser, path: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield each command within a command, however deep."""
    for name, part in parts_of(parser).items():
        yield f"{path} {name}", part
        yield from walk(part, f"{path} {name}")


def show_help(parser: argparse.ArgumentParser) -> list[str]:
    """Return a command's help as a block."""
    return [".. code-block:: text", "", *(f"   {line}".rstrip() for line in parser.format_help().splitlines()), ""]


def build_licences() -> str:
    """List what everything is under."""
    from deploy.licences import read_parts

    rows = [(part.name, part.kind, part.version, part.licence, part.note) for part in read_parts()]
    intro = "Reelyard is under MIT. What it installs and ships (``make licences``; :doc:`/operations/releasing`):"
    header = ("Part", "Kind", "Version", "Licence", "Note")
    return "\n".join([*title("Licences"), intro, "", *table(header, sorted(set(rows)), "32 10 14 26 18")])
