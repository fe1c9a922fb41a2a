"""What people see: progress bars on a terminal, plain lines elsewhere, errors as one sentence.

Results go to standard output, everything else to standard error, so that ``--json > file`` is always clean.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tasks.errors import ReelyardError

LINE_EVERY_S = 5.0


class Tick(Protocol):
    """Report progress: units done, units in all (0 when unknown), what is being done."""

    def __call__(self, done: float, total: float, stage: str = "") -> None:
        """Report."""


def say(message: str) -> None:
    """Tell the person something."""
    print(message, file=sys.stderr, flush=True)


def show_error(error: ReelyardError) -> None:
    """Print ``code: sentence`` and the findings under it."""
    say(f"{error.code}: {error.detail}")
    for finding in error.extra.get("findings", []):
        hint = f" ({finding['suggestion']})" if finding.get("suggestion") else ""
        say(f"  {finding.get('pointer', '') or '/'}: {finding.get('message', '')}{hint}")


def print_json(document: Any) -> None:
    """Print a result for a program."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


@contextmanager
def progress(title: str) -> Iterator[Tick]:
    """Show the progress of one piece of work: a bar on a terminal, else a line now and then."""
    shown = _bar(title) if sys.stderr.isatty() else _lines(title)
    with shown as tick:
        yield tick


@contextmanager
def _bar(title: str) -> Iterator[Tick]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(f"{title:<12}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[stage]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None, stage="")

        def tick(done: float, total: float, stage: str = "") -> None:
            bars.update(task, completed=done, total=total or None, stage=stage)

        yield tick


@contextmanager
def _lines(title: str) -> Iterator[Tick]:
    said_at, said = 0.0, ""

    def tick(done: float, total: float, stage: str = "") -> None:
        nonlocal said_at, said
        percent = f"{100 * done / total:3.0f} %" if total else f"{done:g}"
        text = f"{title}: {percent} {stage}".rstrip()
        finished = bool(total) and done >= total
        if text != said and (finished or time.monotonic() - said_at >= LINE_EVERY_S):
            say(text)
            said_at, said = time.monotonic(), text

    yield tick
