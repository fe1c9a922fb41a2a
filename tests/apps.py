"""Fixtures of a real application over a fresh database, for every folder of tests that needs one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
import redis
from argon2 import PasswordHasher
from psycopg2 import sql

from api import create_app
from api.auth import passwords
from api.config import read_api_settings
from api.extensions import db
from api.migrate import upgrade

PASSWORD = "a long enough password"
KEPT_TABLES = ("plan", "alembic_version", "audit_log")
REAL_HASHER = passwords._hasher
EMPTY = """DO $$
DECLARE name text; found boolean; big boolean DEFAULT false;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOREACH name IN ARRAY ARRAY[{names}] LOOP
        big = big OR pg_relation_size(CAST(quote_ident(name) AS regclass)) > 1048576;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO found;
        IF found THEN EXECUTE format('DELETE FROM %I', name); END IF;
    END LOOP;
    IF big THEN EXECUTE 'TRUNCATE {tables} CASCADE'; END IF;
END $$"""
"""Deletes from what is not empty, past triggers and foreign keys: truncating every table makes 500 files a time."""


@pytest.fixture(scope="session")
def database_environ(service_environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """Environment with a database of its own, made by the real migrations."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    base = service_environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = base.rpartition("/")[0] + f"/{name}"
    upgrade(url)
    yield {**service_environ, "DATABASE_URL": url, "REELYARD_S3_BUCKET": f"test-{name[5:]}"}
    run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def application(database_environ: dict[str, str]) -> Iterator[Any]:
    """One application for the whole run, with passwords hashed at a price that tests can pay a thousand times."""
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    passwords._nobody.cache_clear()
    application = create_app(read_api_settings(database_environ))
    with application.app_context():
        from api.extensions import get_storage

        get_storage().ensure_bucket()
    yield application
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def app(application: Any) -> Iterator[Any]:
    """The application with empty tables and rate limits, in its context."""
    with application.app_context():
        empty_tables()
        clear_limits(application)
        yield application
        db.session.remove()


def empty_tables() -> None:
    """Remove every row but those of KEPT_TABLES."""
    tables = [table.name for table in db.metadata.sorted_tables if table.name not in KEPT_TABLES]
    names = ", ".join(f"'{table}'" for table in tables)
    quoted = ", ".join(f'"{table}"' for table in tables)
    db.session.execute(db.text(EMPTY.format(names=names, tables=quoted)))
    db.session.commit()


@pytest.fixture
def client(app: Any) -> Any:
    """A test client without any account."""
    return app.test_client()


def clear_limits(application: Any) -> None:
    """Forget every rate limit."""
    client = redis.Redis.from_url(application.extensions["settings"].redis_url)
    for key in client.scan_iter("LIMITS:*"):
        client.delete(key)
    client.close()


def run_sql(url: str, statement: Any) -> None:
    """Run one statement outside a transaction."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def sign_up(client: Any, email: str) -> tuple[str, str]:
    """Register and log in over HTTP; return (user id, access token)."""
    who = {"email": email, "password": PASSWORD}
    registered = client.post("/api/v1/auth/register", json=who)
    assert registered.status_code == 201, registered.get_json()
    tokens = client.post("/api/v1/auth/login", json=who)
    assert tokens.status_code == 200, tokens.get_json()
    return registered.get_json()["id"], tokens.get_json()["access_token"]
