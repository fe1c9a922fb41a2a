"""What an operator does to accounts."""

from __future__ import annotations

from sqlalchemy import create_engine, text

from api.database import driver_url
from tests.e2e.stack import Stack


def promote(stack: Stack, email: str) -> None:
    """Make an administrator of somebody."""
    engine = create_engine(driver_url(stack.system.environ["DATABASE_URL"]))
    with engine.begin() as connection:
        connection.execute(
            text('UPDATE "user" SET role = :role WHERE email = :email'), {"role": "admin", "email": email}
        )
    engine.dispose()
