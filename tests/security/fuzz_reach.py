"""Which operations fuzzing reached with a good answer, read from what schemathesis wrote of its calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNREACHABLE = {"GET /api/v1/live/socket": "needs a WebSocket: tests/api/test_live_socket.py"}
"""Operations that a fuzzer does not get through to, why, and who tests them instead."""


@dataclass(frozen=True)
class Call:
    """A call that was made: the operation's name, its status and where it led to."""

    operation: str
    status: int
    location: str


def unreached(document: dict[str, Any], reports: Iterable[Path], *, whole: bool) -> list[str]:
    """Return the operations of an OpenAPI document that were tried in vain and have no excuse.

    :param whole: every operation was to be tried, so that one that was not called at all is one of them.
    """
    redirects, good, called = only_redirects(document), set(), set()
    for call in calls(reports):
        called.add(call.operation)
        sent_on = 300 <= call.status < 400 and call.operation in redirects and "#error=" not in call.location
        if 200 <= call.status < 300 or sent_on:
            good.add(call.operation)
    tried = operations(document) if whole else operations(document) & called
    return sorted(tried - good - set(UNREACHABLE))


def operations(document: dict[str, Any]) -> set[str]:
    """Return the names of a document's operations."""
    return set(answers_of(document))


def only_redirects(document: dict[str, Any]) -> set[str]:
    """Return the operations whose only success is to send a browser on."""
    found = {name: {status[0] for status in statuses} for name, statuses in answers_of(document).items()}
    return {name for name, kinds in found.items() if "3" in kinds and "2" not in kinds}


def answers_of(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the documented statuses of each operation."""
    return {
        f"{method.upper()} {path}": [str(status) for status in operation["responses"]]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    }


def calls(reports: Iterable[Path]) -> Iterator[Call]:
    """Yield every call in schemathesis' NDJSON reports."""
    for report in reports:
        for line in report.read_text().splitlines():
            recorder = (json.loads(line).get("ScenarioFinished") or {}).get("recorder") or {}
            for case_id, interaction in (recorder.get("interactions") or {}).items():
                case, answer = recorder["cases"][case_id]["value"], interaction.get("response") or {}
                headers = {name.lower(): values for name, values in (answer.get("headers") or {}).items()}
                location = "".join(headers.get("location", ""))
                yield Call(f"{case['method']} {case['path']}", answer.get("status_code") or 0, location)
