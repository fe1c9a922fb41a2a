"""Both verifiers take what the API signs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from reelyard_client import Webhook, WebhookError

from api.webhooks.secret import new_salt, secret_of, signed_headers
from tests.clients.building import built_typescript, node

NOW = datetime(2026, 11, 21, 14, 3, 7, tzinfo=UTC)
SECRET = secret_of(new_salt(), "the installation's key")
OTHER = secret_of(new_salt(), "the installation's key")
BODY = '{"type": "job.succeeded", "data": {"seq": 9, "name": "Ünï"}}'
GOOD = signed_headers([SECRET], "msg_1", NOW, BODY)
SCRIPT = """
import { Webhook } from "./dist/src/index.js";
const answers = {};
for (const [name, given] of Object.entries(JSON.parse(await new Response(process.stdin).text()))) {
  answers[name] = await new Webhook(given.secret).verify(given.body, given.headers, given.now).catch(() => null);
}
console.log(JSON.stringify(answers));
"""
CASES = {
    "good": (SECRET, BODY, GOOD, 0, True),
    "names of headers in any case": (SECRET, BODY, {name.title(): value for name, value in GOOD.items()}, 0, True),
    "while the secret is exchanged": (OTHER, BODY, signed_headers([SECRET, OTHER], "msg_1", NOW, BODY), 0, True),
    "almost too old": (SECRET, BODY, GOOD, 300, True),
    "too old": (SECRET, BODY, GOOD, 301, False),
    "from the future": (SECRET, BODY, GOOD, -301, False),
    "another secret": (OTHER, BODY, GOOD, 0, False),
    "another body": (SECRET, BODY.replace("9", "8"), GOOD, 0, False),
    "another id": (SECRET, BODY, {**GOOD, "webhook-id": "msg_2"}, 0, False),
    "another time": (SECRET, BODY, {**GOOD, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}, 0, False),
    "no number": (SECRET, BODY, {**GOOD, "webhook-timestamp": "now"}, 0, False),
    "no signature": (
        SECRET,
        BODY,
        {name: value for name, value in GOOD.items() if name != "webhook-signature"},
        0,
        False,
    ),
    "another version": (
        SECRET,
        BODY,
        {**GOOD, "webhook-signature": GOOD["webhook-signature"].replace("v1,", "v2,")},
        0,
        False,
    ),
    "broken base64": (SECRET, BODY, {**GOOD, "webhook-signature": "v1,%%%"}, 0, False),
}


def moment_of(later_s: int) -> float:
    return (NOW + timedelta(seconds=later_s)).timestamp()


def in_python(case: str) -> Any:
    secret, body, headers, later_s, _ = CASES[case]
    try:
        return Webhook(secret).verify(body.encode(), headers, now=moment_of(later_s))
    except WebhookError:
        return None


@cache
def all_in_typescript() -> dict[str, Any]:
    """Return what one program made of every case."""
    built_typescript()
    given = {
        name: {"secret": secret, "body": body, "headers": headers, "now": moment_of(later_s)}
        for name, (secret, body, headers, later_s, _) in CASES.items()
    }
    answers: dict[str, Any] = json.loads(node("--input-type=module", "--eval", SCRIPT, given=json.dumps(given)))
    return answers


def in_typescript(case: str) -> Any:
    return all_in_typescript()[case]


@pytest.mark.parametrize("verify", [in_python, in_typescript])
@pytest.mark.parametrize("case", CASES)
def test_a_message_is_taken_only_as_it_was_signed(verify: Callable[[str], Any], case: str) -> None:
    _, body, _, _, good = CASES[case]

    assert verify(case) == (json.loads(body) if good else None)
