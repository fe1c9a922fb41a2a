"""Fixtures shared by every test: real services, an environment to run in, real speech."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from cli.services.launcher import RunningServices, start_services
from tasks.media.priority import ordinary_priority

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

TEST_SETTINGS = {
    "REELYARD_ENV": "test",
    "REELYARD_JWT_SECRET": "tests-only-jwt-secret-of-more-than-32-bytes",
    "REELYARD_CALLBACK_SECRET": "tests-only-callback-secret-of-more-than-32-bytes",
    "REELYARD_LEASE_S": "3",
    "REELYARD_BEAT_S": "0.5",
    "REELYARD_RECONCILE_S": "0.6",
    "REELYARD_DISPATCH_S": "0.3",
    "REELYARD_RERING_S": "2",
    "REELYARD_RETRY_BACKOFF_S": "0.2",
    "REELYARD_LOG_FORMAT": "json",
    "REELYARD_SOURCE_CACHE_BYTES": "0",
}


END_TO_END = "tests/e2e/"


class OneSystem(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Files are given to processes one by one, but all end-to-end tests to one, so that one whole system is up."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return END_TO_END if file.startswith(END_TO_END) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneSystem:
    return OneSystem(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the end-to-end tests: they take longest, and all else goes on beside them."""
    items.sort(key=lambda item: not item.nodeid.startswith(END_TO_END))


def require(condition: object, what: str) -> None:
    """Skip the test when a part of the machine is missing; in CI (``CI=true``) that is a failure."""
    if condition:
        return
    if IN_CI:
        pytest.fail(f"CI must have {what}", pytrace=False)
    pytest.skip(f"this machine has no {what}")


@pytest.fixture(autouse=True)
def in_ordinary_time() -> Iterator[None]:
    """Undo what SVT-AV1 does as root: its thread, and all that is started from there, would stop the machine."""
    with ordinary_priority():
        yield


@pytest.fixture(scope="session")
def services() -> Iterator[RunningServices]:
    """PostgreSQL, Valkey and SeaweedFS: those that the environment names, else our own for this run."""
    with tempfile.TemporaryDirectory(prefix="reelyard-tests-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)  # root's services run as nobody, who must be able to get here
        with start_services(Path(home), durable=False) as running:
            yield running


@pytest.fixture(scope="session")
def service_environ(services: RunningServices) -> dict[str, str]:
    """Return the environment of a process under test: where the services are, secrets, short leases."""
    return {**services.environ, **TEST_SETTINGS}


@pytest.fixture(scope="session")
def speech_wav() -> Path:
    """Return 44 s of real human speech whose words are known (``tests.media_samples.TWO_CITIES_TEXT``)."""
    from tests import media_samples

    return media_samples.speech_wav()
