"""Both verifiers take what the API signs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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
const given = JSON.parse(await new Response(process.stdin).text());
try {
  console.log(JSON.stringify(await new Webhook(given.secret).verify(given.body, given.headers, given.now)));
} catch (error) {
  console.log(JSON.stringify({ refused: error.message }));
}
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


def in_python(secret: str, body: str, headers: dict[str, str], now: float) -> Any:
    try:
        return Webhook(secret).verify(body.encode(), headers, now=now)
    except WebhookError:
        return None


def in_typescript(secret: str, body: str, headers: dict[str, str], now: float) -> Any:
    built_typescript()
    given = json.dumps({"secret": secret, "body": body, "headers": headers, "now": now})
    answer = json.loads(node("--input-type=module", "--eval", SCRIPT, given=given))
    return None if "refused" in answer else answer


@pytest.mark.parametrize("verify", [in_python, in_typescript])
@pytest.mark.parametrize("case", CASES)
def test_a_message_is_taken_only_as_it_was_signed(verify: Callable[..., Any], case: str) -> None:
    secret, body, headers, later_s, good = CASES[case]
    now = (NOW + timedelta(seconds=later_s)).timestamp()

    assert verify(secret, body, headers, now) == (json.loads(BODY) if good else None)
