"""Making accounts in the database of a system, whether it is up or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.services.launcher import read_environ_of_home, start_services


def create_account(home: Path, email: str, password: str, *, admin: bool, plan: str | None) -> dict[str, str]:
    """Add a user and return what it became; raises the errors of ``api.users.service.create_user``."""
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from api.database import driver_url
    from api.users.service import create_user

    with database_of(home) as url:
        engine = create_engine(driver_url(url))
        try:
            with Session(engine) as session:
                chosen: dict[str, Any] = {"plan": plan} if plan else {}
                user = create_user(session, email, password, role="admin" if admin else "user", verified=True, **chosen)
                account = {"id": str(user.id), "email": user.email, "role": user.role, "plan": user.plan_code}
                session.commit()
        finally:
            engine.dispose()
    return account


@contextmanager
def database_of(home: Path) -> Iterator[str]:
    """Lend the URL of a system's migrated database: DATABASE_URL, the running one, or one started meanwhile."""
    from api.migrate import upgrade

    given = os.environ.get("DATABASE_URL") or read_environ_of_home(home).get("DATABASE_URL")
    if given:
        yield given
        return
    with start_services(home, names=("postgres",)) as services:
        upgrade(services.environ["DATABASE_URL"])
        yield services.environ["DATABASE_URL"]
