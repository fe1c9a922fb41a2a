"""Fixtures of the API's tests: two accounts and the farm behind the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.farm import Caller, Farm
from tests.apps import PASSWORD, app, application, client, database_environ, sign_up
from tests.factories.users import UserFactory

__all__ = ["app", "application", "client", "database_environ"]


@pytest.fixture
def user(client: Any) -> Caller:
    """An ordinary account."""
    user_id, token = sign_up(client, "ada@example.com")
    return Caller(client, token, user_id)


@pytest.fixture
def other(client: Any) -> Caller:
    """Somebody else."""
    user_id, token = sign_up(client, "bob@example.com")
    return Caller(client, token, user_id)


@pytest.fixture
def admin(client: Any, app: Any) -> Caller:
    """An administrator."""
    who = UserFactory(role="admin")
    tokens = client.post("/api/v1/auth/login", json={"email": who.email, "password": PASSWORD})
    return Caller(client, tokens.get_json()["access_token"], str(who.id))


@pytest.fixture
def farm(client: Any, app: Any) -> Farm:
    """Workers that report what a test says."""
    return Farm(client, app.extensions["settings"].callback_secret)
