"""Fixtures of the API's tests: two accounts and the farm behind the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.farm import Caller, Farm
from tests.apps import app, application, client, database_environ, sign_up

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
def farm(client: Any, app: Any) -> Farm:
    """Workers that report what a test says."""
    return Farm(client, app.extensions["settings"].callback_secret)
