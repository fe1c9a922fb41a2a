"""S-14: the metrics are for who may scrape: a token, or in development this host alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.instances import bearer
from tests.api.others import another_app

pytestmark = pytest.mark.security("S-14")
TOKEN = "a-token-for-scraping-of-more-than-32-bytes"
PRODUCTION = {
    "REELYARD_ENV": "production",
    "REDIS_URL": "redis://:a-password-of-nobody@127.0.0.1:1/0",
    "DATABASE_URL": "postgresql://reelyard:a-password-of-nobody@127.0.0.1:1/reelyard",
    "AWS_SECRET_ACCESS_KEY": "a-storage-key-of-nobody",
    "REELYARD_JWT_SECRET": "jwt-secret-of-more-than-thirty-two-bytes",
    "REELYARD_CALLBACK_SECRET": "callback-secret-of-more-than-thirty-two-bytes",
}


def statuses(environ: dict[str, str], **changed: str) -> list[int]:
    """Return what /metrics answers: plainly, from elsewhere, through a proxy, with another token, with the token."""
    with another_app({**environ, **changed}) as application:
        client = application.test_client()
        return [
            client.get("/metrics").status_code,
            client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code,
            client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code,
            client.get("/metrics", headers=bearer(TOKEN + "x")).status_code,
            client.get("/metrics", headers=bearer(TOKEN), environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code,
        ]


def test_on_a_desk_they_are_for_this_host_alone(app: Any, database_environ: dict[str, str]) -> None:
    assert statuses(database_environ) == [200, 401, 401, 200, 401]


def test_a_token_lets_its_bearer_in_from_anywhere_and_nobody_else(app: Any, database_environ: dict[str, str]) -> None:
    assert statuses(database_environ, REELYARD_METRICS_TOKEN=TOKEN) == [401, 401, 401, 401, 200]


def test_in_production_they_are_shut_until_there_is_a_token(app: Any, database_environ: dict[str, str]) -> None:
    assert statuses(database_environ, **PRODUCTION) == [401] * 5


def test_no_user_is_let_in_by_their_own_token(app: Any, database_environ: dict[str, str], user: Any) -> None:
    with another_app({**database_environ, "REELYARD_METRICS_TOKEN": TOKEN}) as application:
        answer = application.test_client().get("/metrics", headers=bearer(user.token))

    assert (answer.status_code, answer.get_json()["code"]) == (401, "auth.bad_token")
