"""What every answer tells browsers and caches, whoever asks and however it ends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.farm import Caller

pytestmark = pytest.mark.security("S-17")
PATHS = (
    "/",
    "/healthz",
    "/nowhere",
    "/api/docs",
    "/api/openapi.json",
    "/api/v1/auth/me",
    "/api/v1/nowhere",
    "/metrics",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
def test_every_answer_has_policies_for_browsers(client: Any, path: str, method: str) -> None:
    headers = client.open(path, method=method).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] in ("'none'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert policy.get("object-src", policy["default-src"]) != "*"


def test_pages_of_html_have_no_foreign_source_in_their_policy(client: Any) -> None:
    for path in ("/", "/api/docs"):
        answer = client.get(path)
        assert answer.mimetype == "text/html"
        assert "base-uri 'none'" in answer.headers["Content-Security-Policy"]
        assert "http" not in answer.headers["Content-Security-Policy"]


def test_https_is_remembered_for_a_year_and_not_claimed_over_http(client: Any) -> None:
    secure = client.get("/", base_url="https://localhost").headers["Strict-Transport-Security"]

    assert "max-age=31536000" in secure
    assert "includeSubDomains" in secure
    assert "Strict-Transport-Security" not in client.get("/").headers


def test_answers_of_the_api_are_kept_by_no_cache(user: Caller, client: Any) -> None:
    assert user.call("GET", "/auth/me").headers["Cache-Control"] == "no-store"
    assert user.call("GET", "/jobs").headers["Cache-Control"] == "no-store"
    assert client.get("/api/v1/auth/me").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "DEBUG"])
def test_no_debugging_method_is_answered(client: Any, method: str) -> None:
    answer = client.open("/api/v1/jobs", method=method, headers={"X-Secret": "planted"})

    assert answer.status_code == 405
    assert "planted" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("query", ["limit=5&limit=9999", "limit=9999&limit=5", "organisation_id=&organisation_id=x"])
def test_a_repeated_parameter_is_no_way_around_a_check(user: Caller, query: str) -> None:
    answer = user.call("GET", f"/jobs?{query}")

    assert answer.status_code in (200, 422)
    assert answer.status_code == 422 or len(answer.get_json()["items"]) <= 5


def test_nothing_tells_the_version_of_what_runs(client: Any) -> None:
    for path in PATHS:
        headers = client.get(path).headers
        assert "X-Powered-By" not in headers
        assert "Python" not in headers.get("Server", "")
