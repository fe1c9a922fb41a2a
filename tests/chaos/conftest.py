"""Fixtures: an application with a user and a farm behind it."""

from tests.api.conftest import farm, user
from tests.apps import app, application, client, database_environ

__all__ = ["app", "application", "client", "database_environ", "farm", "user"]
