"""Which system a command of operators works on: the environment's, or that of a data folder which is up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.errors import ConfigurationError, InvalidInputError

_GIVEN = {"postgres": "DATABASE_URL", "s3": "S3_ENDPOINT_URL"}


def system_environ(home: Path | None, services: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of the services; the environment wins over the folder.

    Raises ``system.not_running`` when neither the environment nor a running system says where they are.
    """
    from cli.services.launcher import read_environ_of_home
    from cli.system import default_home

    folder = (home or default_home()).resolve()
    environ = {**read_environ_of_home(folder), **os.environ}
    lacking = [_GIVEN[name] for name in services if not environ.get(_GIVEN[name])]
    if lacking and not (lacking == ["S3_ENDPOINT_URL"] and environ.get("REELYARD_STORAGE_TYPE") == "aws"):
        raise ConfigurationError(
            "system.not_running", f"Set {', '.join(lacking)}, or start the system of {folder}: reelyard up"
        )
    return environ


@contextmanager
def services_of(home: Path) -> Iterator[dict[str, str]]:
    """Lend the variables of a system's database and storage; those of its own that are not up are started meanwhile."""
    from cli.services.launcher import read_environ_of_home, start_services

    running = read_environ_of_home(home)
    if running:
        yield {**running, **os.environ}
        return
    with start_services(home, names=("postgres", "s3")) as services:
        yield {**os.environ, **services.environ}


def read_variables(path: Path) -> dict[str, str]:
    """Read lines of ``NAME=value``; empty ones and those that begin with # are left out."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise InvalidInputError("file.unreadable", f"{path} cannot be read: {error.strerror}") from error
    pairs = (line.strip().partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
