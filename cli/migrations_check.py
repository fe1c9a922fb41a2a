"""``python -m cli.migrations_check``: up, down and up again on a real PostgreSQL, with exactly one head."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from cli.console import say, show_error
from cli.exits import Exit
from cli.services.launcher import start_services
from tasks.errors import PermanentError, ReelyardError


def check(database_url: str) -> None:
    """Raise ``migrations.broken`` unless every migration goes both ways and leaves nothing behind."""
    from sqlalchemy import create_engine, inspect

    from api import migrate
    from api.database import driver_url

    heads = migrate.heads()
    if len(heads) != 1:
        raise PermanentError("migrations.broken", f"There must be one head, not {heads}")
    engine = create_engine(driver_url(database_url))
    try:
        migrate.upgrade(database_url)
        first = sorted(inspect(engine).get_table_names())
        say(f"up: {heads[0]}, {len(first)} tables")
        migrate.downgrade(database_url)
        left = sorted(set(inspect(engine).get_table_names()) - {"alembic_version"})
        if left:
            raise PermanentError("migrations.broken", f"Going down leaves tables behind: {', '.join(left)}")
        say("down: nothing left")
        migrate.upgrade(database_url)
        if sorted(inspect(engine).get_table_names()) != first:
            raise PermanentError("migrations.broken", "The second way up made other tables than the first")
        say("up again: the same")
    finally:
        engine.dispose()


def main() -> int:
    """Check on a PostgreSQL of our own, never on a given one: going down empties it."""
    try:
        with tempfile.TemporaryDirectory(prefix="reelyard-migrations-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o755)
            with start_services(Path(folder), names=("postgres",), environ={}, durable=False) as services:
                check(services.environ["DATABASE_URL"])
    except ReelyardError as error:
        show_error(error)
        return Exit.FAILED
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
