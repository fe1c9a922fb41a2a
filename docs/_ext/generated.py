"""Write the reference pages that would go stale if people wrote them, from the code that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from figures import build_figures
from http_reference import build_http_pages
from import_graph import write_graph
from reference import build_commands, build_events, build_licences, build_metrics, table, title
from rings import build_rings
from scenario_reference import build_scenario_reference


def write_pages(app: Any) -> None:
    """Generate all pages into ``docs/_generated`` before Sphinx reads its sources."""
    target = Path(app.srcdir) / "_generated"
    target.mkdir(exist_ok=True)
    pages = {
        "configuration": build_configuration,
        "errors": build_errors,
        "scenario-keys": build_scenario_reference,
        "events": build_events,
        "metrics": build_metrics,
        "commands": build_commands,
        "licences": build_licences,
        "figures": build_figures,
        "rings": build_rings,
    }
    texts = {name: build() for name, build in pages.items()} | build_http_pages()
    for name, text in texts.items():
        write_if_changed(target / f"{name}.rst", text)
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


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
