"""What workers refused is shown to administrators."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest
import redis

from tasks.refused import KEY, Refused, note_refused
from tests.api.farm import Caller

pytestmark = pytest.mark.security("S-13")


def test_administrators_see_the_latest_refusals(admin: Caller, user: Caller, database_environ: dict[str, str]) -> None:
    url = database_environ["REDIS_URL"]
    with redis.Redis.from_url(url) as client:
        client.delete(KEY)
    one = Refused("2026-01-01T00:00:00+00:00", "cpu@a", "ingest", "not_json", "x", "yaml", 3, "0" * 64)
    rows = [one, replace(one, at="2026-01-02T00:00:00+00:00")]
    for row in rows:
        note_refused(url, row)

    times = [row.at for row in reversed(rows)]
    shown: dict[str, Any] = admin.get("/admin/farm/refused-messages")

    assert shown["items"] == [{**asdict(one), "at": at} for at in times]
    assert len(admin.get("/admin/farm/refused-messages?limit=1")["items"]) == 1
    assert user.get("/admin/farm/refused-messages", expect=403)["code"] == "auth.forbidden"
