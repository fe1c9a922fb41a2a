"""How SQLAlchemy reaches the database that DATABASE_URL names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, Executable, Row, event, make_url
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import Session

DRIVER = "postgresql+psycopg2"
PING_AFTER_S = 1.0
"""A connection that was used within it is taken without a ping: under load that is a round trip for each request."""


def driver_url(database_url: str) -> URL:
    """Return the URL with the driver that we install; a plain ``postgresql://`` means another to SQLAlchemy."""
    return make_url(database_url).set(drivername=DRIVER)


def read_at_once(engine: Engine, statement: Executable, given: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
    """Return the rows of one statement with no transaction around it: one round trip where there would be three."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.execute(statement, given).all()


@contextmanager
def unless_taken(session: Session, refusal: Callable[[], Exception | None]) -> Iterator[None]:
    """Add or change within the block what a unique index may refuse, which leaves the transaction good.

    :param refusal: returns what is raised then, once more looking for who was faster; None lets the database speak.
    """
    try:
        with session.begin_nested():
            yield
    except IntegrityError as error:
        told = refusal()
        if told is None:
            raise
        raise told from error


def ping_idle(engine: Engine) -> None:
    """Have connections that were idle tried before they are used again, and replaced where the server is gone."""

    def note(connection: Any, record: Any) -> None:
        record.info["left_at"] = time.monotonic()

    def try_out(connection: Any, record: Any, proxy: Any) -> None:
        left_at = record.info.get("left_at")
        if left_at is None or time.monotonic() - left_at < PING_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("the connection is gone") from error

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", try_out)
