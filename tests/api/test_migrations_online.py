"""A migration beside a long transaction: nobody behind it waits for long, and it goes on by itself."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import sql

from api.migrate import current, upgrade
from tests.apps import run_sql

BEFORE, AFTER = "0027", "0028"


@pytest.fixture
def url(service_environ: dict[str, str]) -> Iterator[str]:
    name, base = f"online_{uuid.uuid4().hex[:12]}", service_environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield base.rpartition("/")[0] + f"/{name}"
    run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_migration_gives_way_and_comes_back(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    upgrade(url, BEFORE)
    long_one = psycopg2.connect(url)
    long_one.cursor().execute("SELECT count(*) FROM job")  # a transaction that stays open
    migration = threading.Thread(target=upgrade, args=(url, AFTER), kwargs={"pause_s": 0.2})
    migration.start()

    waited = read_for(url, 4.5)
    assert current(url) == BEFORE
    long_one.close()
    migration.join(30)

    assert not migration.is_alive()
    assert current(url) == AFTER
    assert waited < 5.0
    assert "trying again" in capfd.readouterr().err


def read_for(url: str, seconds: float) -> float:
    """Read the table as requests do; return the longest wait."""
    connection, longest, ends_at = psycopg2.connect(url), 0.0, time.monotonic() + seconds
    connection.autocommit = True
    while time.monotonic() < ends_at:
        began = time.monotonic()
        connection.cursor().execute("SELECT count(*) FROM job")
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.05)
    connection.close()
    return longest
