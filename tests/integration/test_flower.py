"""Flower itself, behind the API: administrators see it, nobody else, and it changes nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.extensions import db
from api.users.models import User
from cli.services.ports import LOOPBACK, pick_ports
from tests.api.conftest import Caller, admin, user
from tests.apps import app, application, client, database_environ

__all__ = ["admin", "app", "application", "client", "database_environ", "user"]

ROOT = Path(__file__).parents[2]
OPEN = "/api/v1/admin/flower"
AUTH = "reelyard:tests-only-flower-password"


@pytest.fixture(scope="module")
def flower_url(service_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Flower, as ``reelyard up`` starts it."""
    port = pick_ports(("flower",), wanted={}, saved={})["flower"]
    command = [sys.executable, "-m", "celery", "-A", "tasks.cpu_app", "flower", f"--address={LOOPBACK}"]
    command += [f"--port={port}", "--url_prefix=flower", "--read_only=True"]
    environ = {**os.environ, **service_environ, "FLOWER_BASIC_AUTH": AUTH}
    log = tmp_path_factory.mktemp("flower") / "log"
    url = f"http://{LOOPBACK}:{port}/flower"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=output)
    try:
        wait_up(f"{url}/healthcheck", log)
        yield url
    finally:
        process.kill()
        process.wait()


def wait_up(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)


@pytest.fixture
def shown(app: Any, flower_url: str) -> Iterator[None]:
    """The application, told where Flower is."""
    before = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(before, flower_url=flower_url, flower_auth=AUTH)
    yield
    app.extensions["settings"] = before


def test_an_administrator_sees_flower_after_asking(shown: None, client: Any, admin: Caller) -> None:
    visit = client.post(OPEN, headers={"Authorization": f"Bearer {admin.token}"})
    cookie = visit.headers["Set-Cookie"]
    page = client.get("/flower/workers")
    script = client.get("/flower/static/js/flower.js")

    assert (visit.status_code, visit.get_json()) == (200, {"url": "/flower/", "expires_in_s": 3600})
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/flower", "Max-Age=3600"))
    assert page.status_code == 200
    assert b"/flower/static/" in page.data
    assert (script.status_code, script.headers["Content-Type"].partition(";")[0]) == (200, "text/javascript")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_tables_of_tasks_load_through_the_proxy(shown: None, client: Any, admin: Caller) -> None:
    admin.post(OPEN.removeprefix("/api/v1"), expect=200)

    table = client.get(
        "/flower/tasks/datatable?draw=1&start=0&length=10&search[value]=&order[0][column]=0&order[0][dir]=asc"
        "&columns[0][data]=name"
    )

    assert table.status_code == 200
    assert table.get_json()["data"] == []


def test_flower_changes_nothing(shown: None, client: Any, admin: Caller) -> None:
    admin.post(OPEN.removeprefix("/api/v1"), expect=200)

    assert client.post("/flower/api/worker/shutdown/cpu@test").status_code == 403


def test_nobody_else_gets_in(shown: None, client: Any, admin: Caller, user: Caller) -> None:
    assert client.get("/flower/").status_code == 401
    user.post(OPEN.removeprefix("/api/v1"), expect=403)
    client.set_cookie("reelyard_flower", "made.up.value", path="/flower")
    assert client.get("/flower/").get_json()["code"] == "auth.bad_token"


def test_a_visit_ends_with_the_session_and_with_the_role(shown: None, client: Any, admin: Caller) -> None:
    admin.post(OPEN.removeprefix("/api/v1"), expect=200)
    db.session.execute(db.update(User).where(User.role == "admin").values(role="user"))
    db.session.commit()
    demoted = client.get("/flower/").get_json()["code"]
    db.session.execute(db.update(User).values(role="admin"))
    db.session.commit()
    admin.post("/auth/logout", expect=204)

    assert demoted == "auth.forbidden"
    assert client.get("/flower/").get_json()["code"] == "auth.revoked_token"


def test_a_flower_that_is_away_or_not_there_is_said(app: Any, client: Any, admin: Caller, shown: None) -> None:
    admin.post(OPEN.removeprefix("/api/v1"), expect=200)
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, flower_url=f"http://{LOOPBACK}:9/flower")
    away = client.get("/flower/")
    app.extensions["settings"] = dataclasses.replace(settings, flower_auth="reelyard:wrong")
    refused = client.get("/flower/workers")
    app.extensions["settings"] = dataclasses.replace(settings, flower_url="")
    off = client.get("/flower/")

    assert (away.status_code, away.get_json()["code"]) == (503, "flower.unavailable")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "flower.unavailable")
    assert (off.status_code, off.get_json()["code"]) == (404, "flower.off")
