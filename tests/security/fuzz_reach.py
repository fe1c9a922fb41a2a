"""Which operations fuzzing reached with a good answer, read from what schemathesis wrote of its calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SIGNED = r"^/api/(internal|upload-video|render)/"
"""Worker calls want a signature over their bodies, which the document cannot say; they have tests of their own."""
UNREACHABLE = {
    "GET /api/v1/live/socket": "needs a WebSocket: tests/api/test_live_socket.py",
    "POST /api/v1/admin/flower": "off without Flower: tests/integration/test_flower.py",
    "GET /api/v1/auth/oauth/{provider}/callback": "off without a provider: tests/api/test_oauth.py",
    "GET /api/v1/auth/oauth/{provider}/start": "off without a provider: tests/api/test_oauth.py",
    "POST /api/v1/auth/oauth/{provider}/link": "off without a provider: tests/api/test_oauth.py",
    "POST /api/v1/auth/oauth/token": "needs a sign-in at a provider: tests/api/test_oauth.py",
    "DELETE /api/v1/auth/identities/{identity_id}": "needs a sign-in at a provider: tests/api/test_oauth.py",
    "POST /api/v1/payments/checkout": "off without Stripe: tests/api/test_payments.py",
    "POST /api/v1/payments/portal": "off without Stripe: tests/api/test_payments.py",
    "POST /api/v1/payments/webhook": "off without Stripe: tests/api/test_payments.py",
    "POST /api/v1/providers/replicate/webhook": "off without Replicate: tests/api/test_videos_paid.py",
    "POST /api/v1/transcripts/{transcript_id}/rebase": "needs a second hearing: tests/api/test_transcripts_edit.py",
}
"""Operations that a fuzzer does not get through to, why, and who tests them instead."""


def unreached(document: dict[str, Any], reports: Iterable[Path]) -> list[str]:
    """Return the operations of an OpenAPI document that were tried in vain and have no excuse."""
    good, called = set(), set()
    for method, path, status in calls(reports):
        called.add(f"{method} {path}")
        if 200 <= status < 400:
            good.add(f"{method} {path}")
    told = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    return sorted((told & called) - good - set(UNREACHABLE))


def calls(reports: Iterable[Path]) -> Iterator[tuple[str, str, int]]:
    """Yield method, path template and status of every call in schemathesis' NDJSON reports."""
    for report in reports:
        for line in report.read_text().splitlines():
            recorder = (json.loads(line).get("ScenarioFinished") or {}).get("recorder") or {}
            for case_id, interaction in (recorder.get("interactions") or {}).items():
                case = recorder["cases"][case_id]["value"]
                yield case["method"], case["path"], (interaction.get("response") or {}).get("status_code") or 0
