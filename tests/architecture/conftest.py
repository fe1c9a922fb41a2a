"""Environment under which worker modules can be imported: nothing of it is ever connected to."""

from __future__ import annotations

import pytest

from tests.apps import app, application, client, database_environ

__all__ = ["app", "application", "client", "database_environ"]


@pytest.fixture
def worker_environment(service_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in service_environ.items():
        monkeypatch.setenv(name, value)
