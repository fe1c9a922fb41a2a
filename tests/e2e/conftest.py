"""One real system for the whole run: services, API, engine, workers, with short leases."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from cli.client import ApiClient
from cli.services.ports import pick_ports
from cli.system import start_system
from tests import media_samples
from tests.conftest import TEST_SETTINGS, require
from tests.e2e.stack import Stack
from tests.otlp import Receiver, receive_traces

GIVEN_ELSEWHERE = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SETTINGS = {
    **TEST_SETTINGS,
    "REELYARD_ENV": "local",
    "REELYARD_WHISPER_MODEL": "tiny.en",
    "REELYARD_CHUNK_S": "3",  # only what is longer than all clips but one is cut
    "REELYARD_CHUNK_FROM_S": "11.5",
    "REELYARD_AUTH_RATE": "1000 per minute",
    "REELYARD_LINK_INSIDE": "true",  # links lead to a site of the tests' own
    "REELYARD_WEBHOOK_INSIDE": "true",  # shorts are sent to storage on this machine
    "REELYARD_LINK_EXTRACTORS": "generic",
    "REELYARD_MULTIPART_BYTES": str(5 << 20),  # the least that storages take: large files go up in parts
    "GUNICORN_THREADS": "16",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


T = TypeVar("T")
TRACES, STACK = pytest.StashKey[Receiver](), pytest.StashKey[Stack]()


def once(config: pytest.Config, key: pytest.StashKey[T], made: AbstractContextManager[T]) -> Iterator[T]:
    """Yield what tests of another folder have started, or start it."""
    if key in config.stash:
        yield config.stash[key]
        return
    with made as started:
        config.stash[key] = started
        yield started


@pytest.fixture(scope="session")
def traces(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Where the system sends its traces."""
    yield from once(request.config, TRACES, receive_traces())


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, traces: Receiver) -> Iterator[Stack]:
    """A running system of our own: tests stop its services and kill its workers."""
    yield from once(request.config, STACK, running(traces))


@contextmanager
def running(traces: Receiver) -> Iterator[Stack]:
    """Run a system that sends its traces to a receiver."""
    from cli.browser_setup import try_browser
    from tasks.errors import ReelyardError

    try:
        try_browser()
    except ReelyardError as error:
        require(False, f"Chromium that starts ({error})")
    environ = {name: value for name, value in os.environ.items() if name not in GIVEN_ELSEWHERE}
    with tempfile.TemporaryDirectory(prefix="reelyard-e2e-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)
        sent_to = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "OTEL_BSP_SCHEDULE_DELAY": "300"}
        # Not 8000, which another system of these tests could take while ours is restarted
        port = pick_ports(("api",), wanted={}, saved={})["api"]
        system = start_system(home, port=port, say=lambda _: None, environ={**environ, **SETTINGS, **sent_to})
        try:
            yield Stack(system)
        finally:
            system.stop()


@pytest.fixture
def client(stack: Stack) -> Iterator[ApiClient]:
    """A new account, signed in."""
    with ApiClient(stack.system.layout.api_url) as client:
        client.register(f"e2e-{secrets.token_hex(6)}@example.com", "a long enough password")
        yield client


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of generated clips, made once: spoken.mp4, long.mp4, silent.mp4 (no sound stream), quiet.mp4 (silence)."""
    folder = tmp_path_factory.mktemp("clips")
    wav = folder / "speech.wav"
    length_s = media_samples.short_speech_wav(wav)
    media_samples.make_video(folder / "spoken.mp4", duration_s=length_s, audio=wav)
    media_samples.make_video(folder / "long.mp4", width=720, height=1280, duration_s=10, audio=wav)
    media_samples.make_video(folder / "silent.mp4", duration_s=2, audio=None)
    media_samples.make_video(folder / "quiet.mp4", duration_s=3, audio="silence")
    return folder
