"""Write the reference pages that would go stale if people wrote them, from the code that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from figures import build_figures
from import_graph import write_graph
from reference import build_commands, build_events, build_licences, build_metrics, table, title
from rings import build_rings
from scenario_reference import build_scenario_reference

METHODS = ("get", "post", "put", "patch", "delete")


def write_pages(app: Any) -> None:
    """Generate all pages into ``docs/_generated`` before Sphinx reads its sources."""
    target = Path(app.srcdir) / "_generated"
    target.mkdir(exist_ok=True)
    pages = {
        "configuration": build_configuration,
        "errors": build_errors,
        "http-api": build_http_api,
        "scenario-keys": build_scenario_reference,
        "events": build_events,
        "metrics": build_metrics,
        "commands": build_commands,
        "licences": build_licences,
        "figures": build_figures,
        "rings": build_rings,
    }
    for name, build in pages.items():
        write_if_changed(target / f"{name}.rst", build())
    write_graph(target / "imports.svg")


def write_if_changed(path: Path, text: str) -> None:
    """Leave the file alone when nothing changed, so that Sphinx can skip it."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def spell(value: object) -> str:
    """Write a default as it would stand in the environment."""
    return ", ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)


def build_configuration() -> str:
    """List every environment variable from ``tasks.environment``."""
    from tasks.environment import VARIABLES

    rows = []
    for variable in VARIABLES.values():
        default = (
            "*required*"
            if variable.required
            else f"``{spell(variable.default)}``"
            if variable.default not in ("", ())
            else "unset"
        )
        note = " (secret)" if variable.secret else ""
        rows.append((f"``{variable.name}``", default, variable.help + note + "."))
    intro = (
        "All configuration comes from the environment. Wrong, contradictory or unknown ``REELYARD_*`` variables stop a "
        "process at start, with every problem listed at once."
    )
    return "\n".join([*title("Configuration"), intro, "", *table(("Variable", "Default", "Meaning"), rows, "30 20 50")])


def build_errors() -> str:
    """List every stable error code."""
    from api.errors import CODES

    rows = [(f"``{code}``", str(status or "job"), sentence) for code, (status, sentence) in sorted(CODES.items())]
    intro = (
        'Every error is ``{"code", "message", "details", "request_id"}``. Codes are stable; messages are for people. '
        "*job* marks codes that end a job instead of answering a request: they stand in the job's ``error``."
    )
    return "\n".join([*title("Error codes"), intro, "", *table(("Code", "Status", "When"), rows, "32 8 60")])


def build_http_api() -> str:
    """List every operation of the OpenAPI document, grouped by tag."""
    from api.openapi import build_document

    document = build_document()
    groups: dict[str, list[tuple[str, ...]]] = {}
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["other"])[0]
                answers = ", ".join(sorted(code for code in operation.get("responses", {}) if code != "default"))
                groups.setdefault(tag, []).append(
                    (f"``{method.upper()} {path}``", operation.get("summary", ""), answers)
                )
    lines = [
        *title("HTTP API"),
        "Generated from the OpenAPI document, which a running system serves at ``/api/openapi.json`` and, to be "
        "tried out, at "
        "``/api/docs`` (Swagger UI), ``/api/redoc``, ``/api/rapidoc``, ``/api/scalar`` and ``/api/elements``.",
        "",
    ]
    for tag, rows in sorted(groups.items()):
        lines += [*title(tag.capitalize(), "-"), *table(("Operation", "What it does", "Answers"), rows, "40 45 15")]
    return "\n".join(lines)


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
