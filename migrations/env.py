"""Alembic's environment: the URL comes from ``api.migrate`` or DATABASE_URL; models are not imported."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import MetaData, create_engine, pool, text

from api.database import driver_url
from api.extensions import NAMING

LOCK = 7_235_812  # one migration at a time, whoever starts it
NAMES = MetaData(naming_convention={kind: form for kind, form in NAMING.items() if kind != "ck"})
"""Constraints without a name get the models' one; checks are always named in full."""


def run() -> None:
    """Run the migrations in one transaction, under an advisory lock."""
    url = context.config.attributes.get("database_url") or os.environ["DATABASE_URL"]
    engine = create_engine(driver_url(url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=NAMES, transaction_per_migration=False)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            context.run_migrations()
    engine.dispose()


run()
