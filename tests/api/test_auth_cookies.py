"""Sessions of browsers: the refresh token in a cookie that scripts cannot read, only for pages of this origin."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.apps import PASSWORD, sign_up

KEEP = {"X-Reelyard-Session": "cookie"}


@pytest.fixture
def browser(app: Any) -> Any:
    """A client that keeps cookies, with an account."""
    client = app.test_client()
    email = f"{secrets.token_hex(6)}@example.com"
    sign_up(client, email)
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD}, headers=KEEP)
    assert answer.status_code == 200
    client.answer = answer
    return client


def test_the_cookie_is_out_of_the_reach_of_scripts_and_other_sites(browser: Any) -> None:
    [cookie] = [each for each in browser.answer.headers.getlist("Set-Cookie") if "reelyard_refresh" in each]

    assert browser.answer.get_json()["refresh_token"] == ""
    assert {"HttpOnly", "SameSite=Strict", "Path=/api/v1/auth"} <= set(cookie.split("; "))


def test_without_the_header_nothing_changes(browser: Any, app: Any) -> None:
    client = app.test_client()
    email = f"{secrets.token_hex(6)}@example.com"
    sign_up(client, email)

    answer = client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})

    assert answer.get_json()["refresh_token"].count(".") == 2
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_is_exchanged_for_a_new_pair(browser: Any) -> None:
    first = browser.get_cookie("reelyard_refresh", path="/api/v1/auth").value

    answer = browser.post("/api/v1/auth/refresh", headers=KEEP)
    token = answer.get_json()["access_token"]

    assert answer.status_code == 200
    assert browser.get_cookie("reelyard_refresh", path="/api/v1/auth").value != first
    assert browser.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_form_of_another_site_cannot_use_the_cookie(browser: Any) -> None:
    answer = browser.post("/api/v1/auth/refresh")

    assert (answer.status_code, answer.get_json()["code"]) == (401, "auth.missing_token")


def test_a_page_of_another_origin_is_refused(browser: Any) -> None:
    answer = browser.post("/api/v1/auth/refresh", headers={**KEEP, "Sec-Fetch-Site": "same-site"})

    assert (answer.status_code, answer.get_json()["code"]) == (403, "auth.other_origin")


def test_the_cookie_opens_nothing_but_the_exchange(browser: Any) -> None:
    assert browser.get("/api/v1/auth/me", headers=KEEP).status_code == 401


def test_signing_out_takes_the_cookie_back(browser: Any) -> None:
    bearer = {"Authorization": f"Bearer {browser.answer.get_json()['access_token']}"}

    assert browser.post("/api/v1/auth/logout", headers=bearer).status_code == 204
    assert browser.get_cookie("reelyard_refresh", path="/api/v1/auth") is None
    assert browser.post("/api/v1/auth/refresh", headers=KEEP).status_code == 401
