"""What a render node is made of, and whether it can do its work; each run as a process of its own.

A driver or a browser that dies while it is tried must not take the worker with it:
``python -m render_node.profile describe`` and ``… examine`` write JSON; the second is given what the first told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from render_node.capability import probe
from render_node.node_class import describe_node, hash_of
from render_node.receipt import RENDERER
from render_node.rehearsal import compare_with_start, rehearse
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


def examine(settings: WorkerSettings, about: Mapping[str, Any]) -> list[str]:
    """Return what keeps this node from rendering as it could when it started; nothing when all works.

    :param about: what it told of itself then.
    """
    return [*examine_host(settings), *compare_with_start(about, settings), *rehearse(settings)]


def describe_beside() -> dict[str, Any]:
    """Describe this node from another process."""
    found: dict[str, Any] = _run("describe")
    return found


def examine_beside(about: Mapping[str, Any]) -> list[str]:
    """Examine this node from another process."""
    known = {name: about.get(name, {}) for name in ("encoders", "decoders")}
    problems: list[str] = _run("examine", json.dumps(known))
    return problems


def _run(what: str, *arguments: str) -> Any:
    done = ChildGroup().run([sys.executable, "-m", "render_node.profile", what, *arguments], timeout_s=TIMEOUT_S)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise TransientError("node.untested", f"{what} ended with {done.returncode}: {words}") from None


def main(what: str, about: str = "{}") -> int:
    """Write what was asked for as one line of JSON."""
    answer = examine(worker_settings(), json.loads(about)) if what == "examine" else describe(worker_settings())
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
