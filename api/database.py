"""How SQLAlchemy reaches the database that DATABASE_URL names."""

from __future__ import annotations

from sqlalchemy import URL, make_url

DRIVER = "postgresql+psycopg2"


def driver_url(database_url: str) -> URL:
    """Return the URL with the driver that we install; a plain ``postgresql://`` means another to SQLAlchemy."""
    return make_url(database_url).set(drivername=DRIVER)
