"""Migrations on a database of their own: there and back, one line of them, and the same tables as the models."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import sql
from sqlalchemy import Connection, NullPool, create_engine, text

from api.database import driver_url
from api.extensions import db
from api.migrate import current, downgrade, heads, make_config, upgrade
from tests.apps import run_sql

ROOT = Path(__file__).parents[2]
REVISIONS = [script.revision for script in ScriptDirectory.from_config(make_config("")).walk_revisions()][::-1]


@pytest.fixture
def empty(service_environ: dict[str, str]) -> Iterator[str]:
    """URL of an empty database."""
    name, base = f"test_{uuid.uuid4().hex[:12]}", service_environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield base.rpartition("/")[0] + f"/{name}"
    run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def look(url: str, query: Any) -> Any:
    """Ask a database on a connection of its own."""
    engine = create_engine(driver_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        return query(connection)


def describe(connection: Connection) -> list[tuple[Any, ...]]:
    """Return all that lies in the schema: columns, constraints, indexes, sequences."""
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'",
    )
    rows = [tuple(row) for query in queries for row in connection.execute(text(query))]
    return sorted((row for row in rows if row[0] != "alembic_version"), key=repr)


def test_there_is_one_line_of_migrations() -> None:
    assert heads() == [REVISIONS[-1]]
    assert REVISIONS[:3] == ["0001", "0002", "0003"]


def test_going_down_leaves_nothing_and_up_again_makes_the_same(empty: str) -> None:
    upgrade(empty)
    first = look(empty, describe)
    plans = "SELECT code, daily_renders, concurrent_renders FROM plan ORDER BY daily_renders"
    shipped = [("free", 10, 2), ("pro", 100, 8), ("studio", 1000, 40)]
    assert look(empty, lambda connection: [tuple(row) for row in connection.execute(text(plans))]) == shipped

    downgrade(empty)
    assert look(empty, describe) == []
    assert current(empty) is None

    upgrade(empty)
    assert look(empty, describe) == first
    assert current(empty) == heads()[0]


def test_every_step_goes_down_to_what_was_before_it(empty: str) -> None:
    before = {}
    for revision in REVISIONS:
        before[revision] = look(empty, describe)
        upgrade(empty, revision)

    for revision in reversed(REVISIONS):
        downgrade(empty, "-1")
        assert look(empty, describe) == before[revision], revision


def test_the_models_are_what_the_migrations_make(app: Any, empty: str) -> None:
    upgrade(empty)

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), db.metadata))

    assert look(empty, differences) == []


def test_names_and_conditions_are_those_of_the_models(app: Any, empty: str, service_environ: dict[str, str]) -> None:
    """What comparing leaves out: names of constraints, conditions of checks and of partial indexes."""
    upgrade(empty)
    name, base = f"test_{uuid.uuid4().hex[:12]}", service_environ["DATABASE_URL"]
    run_sql(base, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    modelled = base.rpartition("/")[0] + f"/{name}"
    engine = create_engine(driver_url(modelled), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("CREATE SEQUENCE IF NOT EXISTS step_token"))
            db.metadata.create_all(connection)

        migrated, made = set(look(empty, describe)), set(look(modelled, describe))
        assert {
            "migrations only": sorted(migrated - made, key=repr),
            "models only": sorted(made - migrated, key=repr),
        } == {
            "migrations only": [],
            "models only": [],
        }
    finally:
        run_sql(base, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_two_processes_migrating_at_once_wait_for_each_other(empty: str) -> None:
    codes: list[int] = []
    command = [sys.executable, "-m", "api.migrate", "upgrade"]

    def migrate() -> None:
        codes.append(subprocess.run(command, cwd=ROOT, env={"DATABASE_URL": empty}, check=False).returncode)

    threads = [Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert codes == [0, 0, 0]
    assert current(empty) == heads()[0]


def test_rows_of_a_user_go_with_the_user_on_a_migrated_database(empty: str) -> None:
    upgrade(empty)
    user = uuid.uuid4()
    made = (
        "INSERT INTO \"user\" VALUES (:user, 'a@b.c', '', 'user', 'free', true)",
        "INSERT INTO auth_session (id, user_id, refresh_jti, revoked_reason) VALUES (:user, :user, '', '')",
        "INSERT INTO quota_counter VALUES (:user, 'daily_renders', now(), 1, 1)",
        "INSERT INTO quota_reservation VALUES ('r', 'daily_renders', :user, now(), 1, 'held')",
        'DELETE FROM "user"',
    )

    def use(connection: Connection) -> list[int]:
        for statement in made:
            connection.execute(text(statement), {"user": user} if ":user" in statement else {})
        tables = ("auth_session", "quota_counter", "quota_reservation")
        return [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]

    assert look(empty, use) == [0, 0, 0]
