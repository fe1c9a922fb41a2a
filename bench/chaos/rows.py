"""Reading a database that may be away for a moment."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Self

import psycopg2

PATIENCE_S = 30.0


class Rows:
    """A connection that is made anew when it breaks; only for reading."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows; try again for a while when the database is away."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._read(query, values)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self._close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def one(self, query: str, *values: Any) -> Any:
        """Return the only value of the only row."""
        return self.all(query, *values)[0][0]

    def _read(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg2.connect(self._url, connect_timeout=3)
            self._connection.set_session(readonly=True, autocommit=True)
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None
