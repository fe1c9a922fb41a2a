"""Further applications within the process of the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from api import create_app
from api.config import read_api_settings
from api.extensions import db


@contextmanager
def another_app(environ: Mapping[str, str]) -> Iterator[Any]:
    """Make an application with other settings; each has its own document, limiter and connections."""
    other = create_app(read_api_settings(environ))
    yield other
    with other.app_context():
        db.engine.dispose()
