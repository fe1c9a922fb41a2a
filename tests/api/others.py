"""Further applications within the process of the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from api import create_app
from api.config import read_api_settings
from api.extensions import db, smorest
from api.limits import limiter


@contextmanager
def another_app(environ: Mapping[str, str]) -> Iterator[Any]:
    """Make an application with other settings; afterwards the process's extensions serve the first one again.

    Flask-Limiter and flask-smorest know one application a process: the one that was made last.
    """
    kept = [(extension, dict(vars(extension))) for extension in (limiter, smorest)]
    try:
        other = create_app(read_api_settings(environ))
        yield other
        with other.app_context():
            db.engine.dispose()
    finally:
        for extension, state in kept:
            vars(extension).clear()
            vars(extension).update(state)
