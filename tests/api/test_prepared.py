"""Statements that are marked are planned once for a connection, and answer as if they were not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError

from api import prepared
from api.extensions import db
from api.prepared import PREPARED

OWN = text("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements ORDER BY prepare_time")
HALF = text("SELECT :whole / CAST(:parts AS integer), 'five % of 100', :whole + 1").execution_options(**PREPARED)


@pytest.fixture
def connection(app: Any) -> Iterator[Connection]:
    with app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
        connection.info.pop("reelyard.plans", None)
        yield connection
        connection.rollback()
        connection.exec_driver_sql("DEALLOCATE ALL")
        connection.info.pop("reelyard.plans", None)


def plans(connection: Connection) -> list[tuple[str, int]]:
    """The plans of a connection, and how often each was used."""
    return [(" ".join(statement.split()), used) for statement, used in connection.execute(OWN)]


def test_a_marked_statement_is_planned_once_whatever_its_values(connection: Connection) -> None:
    found = [connection.execute(HALF, {"whole": whole, "parts": 2}).one() for whole in (10, 7, -4)]

    assert found == [(5, "five % of 100", 11), (3, "five % of 100", 8), (-2, "five % of 100", -3)]
    [(statement, used)] = plans(connection)
    assert statement.endswith("AS SELECT $1 / CAST($2 AS integer), 'five % of 100', $1 + 1")
    assert used == 3


def test_others_are_sent_as_they_are(connection: Connection) -> None:
    assert connection.scalar(select(literal_column("1") + 1)) == 2
    assert plans(connection) == []


def test_what_is_taken_from_a_moment_is_a_length_of_time(connection: Connection) -> None:
    passed = select(func.now() - (func.now() - timedelta(days=1))).execution_options(**PREPARED)

    assert connection.scalar(passed) == timedelta(days=1)


def test_a_plan_outlives_a_transaction_and_an_error_in_it(connection: Connection) -> None:
    with pytest.raises(DBAPIError, match="division by zero"):
        connection.execute(HALF, {"whole": 1, "parts": 0})
    connection.rollback()

    assert connection.execute(HALF, {"whole": 8, "parts": 4}).one()[0] == 2
    assert len(plans(connection)) == 1


def test_plans_are_made_anew_after_a_while(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "PLAN_FOR_S", 0.0)
    for whole in (2, 4):
        assert connection.execute(HALF, {"whole": whole, "parts": 2}).one()[0] == whole // 2

    assert [used for _, used in plans(connection)] == [1]


def test_the_oldest_plan_makes_room(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MOST_PLANS", 2)
    for word in ("a", "b", "c", "b"):
        connection.execute(text(f"SELECT '{word}' AS {word}").execution_options(**PREPARED))

    assert [(statement[-1], used) for statement, used in plans(connection)] == [("b", 2), ("c", 1)]
