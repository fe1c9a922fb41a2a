"""Fixtures of the engine's tests: an owner, plans of steps, workers that talk to the engine directly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from api.extensions import db
from api.ids import new_id
from api.users.models import User
from tests.apps import app, application, client, database_environ
from tests.engine.play import EFFECT_TABLE, Play

__all__ = ["app", "application", "client", "database_environ"]


@pytest.fixture(scope="session")
def effect_table(application: Any) -> None:
    """A table in which the effects of test jobs leave their traces, in the engine's own transactions."""
    with application.app_context():
        db.session.execute(db.text(EFFECT_TABLE))
        db.session.commit()


@pytest.fixture
def owner_id(app: Any) -> UUID:
    """Somebody who owns jobs."""
    user = User(id=new_id(), email=f"{new_id()}@example.com", password_hash="-", role="user", plan_code="free")
    db.session.add(user)
    db.session.commit()
    return user.id


@pytest.fixture
def play(app: Any, owner_id: UUID, effect_table: None) -> Iterator[Play]:
    """Jobs of one owner and workers on them."""
    db.session.execute(db.text("TRUNCATE effect_log"))
    db.session.commit()
    yield Play(app, owner_id)
