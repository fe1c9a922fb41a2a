"""Alembic's environment: the URL comes from ``api.migrate`` or DATABASE_URL; models are not imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import MetaData, create_engine, pool, text
from sqlalchemy.engine import URL

from api.database import driver_url
from api.extensions import NAMING

LOCK = 7_235_812  # one migration at a time, whoever starts it
LOCK_MS = 3000
"""A statement that cannot have its lock so soon gives up: whoever queues behind it would wait as long."""

NAMES = MetaData(naming_convention={kind: form for kind, form in NAMING.items() if kind != "ck"})
"""Constraints without a name get the models' one; checks are always named in full."""


def run() -> None:
    """Run each migration in a transaction of its own, so that indexes can be made beside running work."""
    url = driver_url(context.config.attributes.get("database_url") or os.environ["DATABASE_URL"])
    lock_ms = context.config.attributes.get("lock_ms", LOCK_MS)
    engine = create_engine(url, poolclass=pool.NullPool, connect_args={"options": f"-c lock_timeout={lock_ms}"})
    with alone(url), engine.connect() as connection:
        context.configure(connection=connection, target_metadata=NAMES, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


@contextmanager
def alone(url: URL) -> Iterator[None]:
    """Hold the advisory lock, waiting as long as it takes, on a connection that does nothing else."""
    engine = create_engine(url, poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        yield
    engine.dispose()


run()
