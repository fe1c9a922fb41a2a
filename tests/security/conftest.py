"""The application and its accounts, as in the API's own tests."""

from __future__ import annotations

from tests.api.conftest import admin, farm, other, user
from tests.apps import app, application, client, database_environ

__all__ = ["admin", "app", "application", "client", "database_environ", "farm", "other", "user"]
