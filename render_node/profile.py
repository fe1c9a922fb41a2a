"""What a render node is made of, and whether it can do its work; each run as a process of its own.

A driver or a browser that dies while it is tried must not take the worker with it:
``python -m render_node.profile describe`` and ``… examine`` write JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from render_node.capability import probe
from render_node.encode.settings import choose_encoder
from render_node.frames.browser import open_browser
from render_node.node_class import describe_node, hash_of
from render_node.receipt import RENDERER
from tasks.children import ChildGroup
from tasks.config import WorkerSettings, worker_settings
from tasks.contracts import RenderOutput
from tasks.errors import ReelyardError, TransientError
from tasks.self_test import examine_host

TIMEOUT_S = 180.0


def describe(settings: WorkerSettings) -> dict[str, Any]:
    """Return encoders, browser and fonts as probed, and the kind of node that they make."""
    found = probe(chromium=settings.chromium, gpu=settings.gpu)
    try:
        found["class"] = hash_of(describe_node(settings, RenderOutput()))[:16]
    except ReelyardError as error:
        found["problem"] = error.detail
    return {**found, "renderer": RENDERER}


def examine(settings: WorkerSettings) -> list[str]:
    """Return what keeps this node from rendering; nothing when all works."""
    problems = examine_host(settings)
    try:
        choose_encoder(RenderOutput(), configured=settings.encoder, gpu=settings.gpu)
    except ReelyardError as error:
        problems.append(f"encoder: {error.detail}")
    try:
        with open_browser(settings.chromium):
            pass
    except ReelyardError as error:
        problems.append(f"browser: {error.detail}")
    return problems


def describe_beside() -> dict[str, Any]:
    """Describe this node from another process."""
    found: dict[str, Any] = _run("describe")
    return found


def examine_beside() -> list[str]:
    """Examine this node from another process."""
    problems: list[str] = _run("examine")
    return problems


def _run(what: str) -> Any:
    done = ChildGroup().run([sys.executable, "-m", "render_node.profile", what], timeout_s=TIMEOUT_S)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise TransientError("node.untested", f"{what} ended with {done.returncode}: {words}") from None


def main(what: str) -> int:
    """Write what was asked for as one line of JSON."""
    answer = examine(worker_settings()) if what == "examine" else describe(worker_settings())
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
