"""R12: a database that breaks off transactions: one in twenty that write is a deadlock's victim or takes too long.

Triggers do it, in the database itself: whichever statement of an unlucky transaction writes first raises what
PostgreSQL would, and all of the transaction is gone. Done again it is another transaction, with luck of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from random import Random
from typing import Any

import psycopg2

from bench.chaos.farm import Farm
from bench.chaos.load import Log
from bench.chaos.rows import Rows

ONE_IN = 20
TABLES = ("asset", "attempt", "credit_entry", "event", "idempotency_key", "job", "outbox", "quota_counter", "render")
TABLES += ("step", "upload", "webhook_delivery")
LEAST_MET = 20
INSTALL = """
CREATE SEQUENCE IF NOT EXISTS trouble_met;
CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE luck bigint := abs(hashint8extended(txid_current(), 12));
BEGIN
    IF luck % {one_in} = 0 THEN
        PERFORM nextval('trouble_met');
        IF (luck / {one_in}) % 2 = 0 THEN
            RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
        END IF;
        RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
    END IF;
    RETURN NULL;
END $$;
"""
TRIGGER = """CREATE TRIGGER trouble BEFORE INSERT OR UPDATE OR DELETE ON "{table}"
    FOR EACH STATEMENT EXECUTE FUNCTION trouble();"""
LIFT = 'DROP TRIGGER IF EXISTS trouble ON "{table}"'
REMOVE = "DROP FUNCTION trouble"
MET = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM trouble_met"


@contextmanager
def trouble(database_url: str, *, one_in: int = ONE_IN) -> Iterator[None]:
    """Have one transaction of so many broken off for the length of the block; ``MET`` counts them."""
    _run(database_url, INSTALL.format(one_in=one_in), *(TRIGGER.format(table=table) for table in TABLES))
    try:
        yield
    finally:
        _run(database_url, *(LIFT.format(table=table) for table in TABLES), REMOVE)


def be_in_trouble(farm: Farm, log: Log, chance: Random, *, seconds: float) -> dict[str, Any]:
    """Work so long on a troubled database; return how many transactions it broke off."""
    with trouble(farm.database_url):
        time.sleep(seconds)
    with Rows(farm.database_url) as rows:
        return {"transactions broken off": rows.one(MET)}


def is_kept(figures: dict[str, Any]) -> bool:
    """Tell whether nothing came of it, and transactions were really broken off."""
    return bool(figures["failed"] == 0 and figures["transactions broken off"] >= LEAST_MET)


def _run(database_url: str, *statements: str) -> None:
    """Run each in a transaction of its own: with one table locked at a time nobody who works there is in the way."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements:
            cursor.execute(statement)
