"""Migrations as functions and as ``python -m api.migrate upgrade|downgrade|current|heads``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2.errors import LockNotAvailable
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from api.database import driver_url

FOLDER = Path(__file__).parent.parent / "migrations"


TRIES, PAUSE_S = 20, 3.0
"""A migration that finds its table busy tries again: between two tries, whoever waited behind it goes on."""


def make_config(database_url: str) -> Config:
    """Return Alembic's configuration for one database."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head", *, tries: int = TRIES, pause_s: float = PAUSE_S) -> None:
    """Bring the database up to a revision; try again where a table is held by a long transaction."""
    for left in range(tries - 1, -1, -1):
        try:
            command.upgrade(make_config(database_url), revision)
        except OperationalError as error:
            if not left or not isinstance(error.orig, LockNotAvailable):
                raise
            sys.stderr.write(f"A table is in use; trying again, {left} tries left\n")
            time.sleep(pause_s)
        else:
            return


def downgrade(database_url: str, revision: str = "base") -> None:
    """Bring the database down to a revision."""
    command.downgrade(make_config(database_url), revision)


def heads() -> list[str]:
    """Return the heads of the line of migrations; there must be one."""
    return list(ScriptDirectory.from_config(make_config("")).get_heads())


def current(database_url: str) -> str | None:
    """Return the database's revision, None when it is empty."""
    engine = create_engine(driver_url(database_url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def main(arguments: list[str]) -> int:
    """Run one command against DATABASE_URL."""
    url = os.environ.get("DATABASE_URL", "")
    commands = {"upgrade": upgrade, "downgrade": downgrade}
    if len(arguments) not in (1, 2) or arguments[0] not in (*commands, "heads", "current"):
        sys.stderr.write("usage: python -m api.migrate upgrade|downgrade|current|heads [REVISION]\n")
        return 2
    if arguments[0] == "heads":
        sys.stdout.write("\n".join(heads()) + "\n")
    elif arguments[0] == "current":
        sys.stdout.write(f"{current(url)}\n")
    else:
        commands[arguments[0]](url, *arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
