"""The embedded services: real servers, real data, real deaths."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest
import redis

from cli.services import ports
from cli.services.account import make_data_folder, reachable_program, service_account
from cli.services.launcher import RunningServices, start_services
from cli.services.process import is_alive
from cli.services.vault import open_vault
from tasks.errors import ConfigurationError

QUICK = ("postgres", "valkey")


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reelyard-home-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def start(home: Path, **options: object) -> RunningServices:
    return start_services(home, names=QUICK, environ={}, durable=False, **options)  # type: ignore[arg-type]


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_second_start_on_the_same_home_keeps_data_ports_and_passwords(home: Path) -> None:
    with start(home) as first:
        with psycopg2.connect(first.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('times')")
        connection.close()
        redis.Redis.from_url(first.environ["REDIS_URL"]).set("kept", "worst")

    with start(home) as second:
        assert second.environ == first.environ
        connection = psycopg2.connect(second.environ["DATABASE_URL"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT word FROM kept")
            assert cursor.fetchall() == [("times",)]
        connection.close()
        assert redis.Redis.from_url(second.environ["REDIS_URL"]).get("kept") == b"worst"


@pytest.mark.security("S-14")
def test_neither_server_lets_anybody_in_without_the_password(home: Path) -> None:
    with start(home) as running:
        wrong = running.environ["DATABASE_URL"].replace(open_vault(home)["postgres_password"], "guess")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(wrong)
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=running.ports["valkey"]).ping()


@pytest.mark.security("S-14")
def test_storage_refuses_anonymous_readers_at_every_door(services: RunningServices) -> None:
    if "s3" not in services.ports:
        pytest.skip("the environment gives its own storage")

    assert httpx.get(services.environ["S3_ENDPOINT_URL"]).status_code == 403
    assert httpx.get(f"http://127.0.0.1:{services.ports['filer']}/").status_code == 401


def test_a_home_in_use_is_refused_with_the_reason(home: Path) -> None:
    with start(home), pytest.raises(ConfigurationError, match=r"home\.in_use: Another reelyard runs in .* --home"):
        start(home)


def test_what_the_environment_gives_is_not_started(home: Path) -> None:
    given = {"DATABASE_URL": "postgresql://elsewhere/db", "REDIS_URL": "redis://elsewhere"}

    with start_services(home, names=QUICK, environ=given) as running:
        assert running.environ == given
        assert running.children == {}
    assert not (home / "services").exists()


def test_a_given_storage_needs_its_keys(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        start_services(home, names=("s3",), environ={"S3_ENDPOINT_URL": "http://elsewhere"})


def test_one_service_can_be_stopped_and_started_on_its_port(home: Path) -> None:
    with start(home) as running:
        client = redis.Redis.from_url(running.environ["REDIS_URL"])
        client.set("kept", "1")
        running.children["valkey"].stop()
        with pytest.raises(redis.ConnectionError):
            redis.Redis.from_url(running.environ["REDIS_URL"]).ping()
        running.start_one("valkey")

        assert redis.Redis.from_url(running.environ["REDIS_URL"]).get("kept") == b"1"


def test_services_die_with_a_killed_parent_and_the_next_start_waits_for_them(home: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from cli.services.launcher import start_services\n"
        f"running = start_services(Path({str(home)!r}), names={QUICK!r}, environ={{}}, durable=False)\n"
        "print(*(child.pid for child in running.children.values()), flush=True)\n"
        "time.sleep(600)\n"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    with start(home) as running:
        assert not any(is_alive(pid) for pid in pids)
        assert set(running.children) == set(QUICK)


def test_stopping_leaves_no_process(home: Path) -> None:
    running = start(home)
    pids = [child.pid for child in running.children.values()]
    running.stop()

    assert not any(is_alive(pid) for pid in pids)
    assert wait_for(lambda: ports.is_free(running.ports["postgres"]))
    running.stop()  # twice does no harm


@pytest.mark.security("S-14")
def test_secrets_are_made_once_and_only_their_owner_reads_them(home: Path) -> None:
    first, second = open_vault(home), open_vault(home)

    assert first == second
    assert len(set(first.values())) == len(first)
    assert all(len(first[name]) >= 32 for name in ("jwt_secret", "callback_secret", "webhook_key"))
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_a_home_from_before_webhooks_had_a_key_keeps_their_secrets(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "secrets.json").write_text(json.dumps({"jwt_secret": "j" * 96}))

    opened = open_vault(home)

    assert opened["jwt_secret"] == opened["webhook_key"] == "j" * 96
    assert open_vault(home) == opened


def test_a_busy_port_that_was_asked_for_is_named(home: Path) -> None:
    other = home / "other"
    with start(home / "one") as running:
        busy = running.ports["valkey"]
        with pytest.raises(ConfigurationError, match=rf"port\.busy: Port {busy} for valkey is in use"):
            start_services(other, names=("valkey",), environ={}, ports={"valkey": busy})


def test_remembered_ports_that_are_taken_are_replaced() -> None:
    taken = ports.pick_ports(("a",), wanted={}, saved={})["a"]
    import socket

    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, taken))
        holder.listen()
        chosen = ports.pick_ports(("a", "b"), wanted={}, saved={"a": taken})

    assert taken not in chosen.values()
    assert len(set(chosen.values())) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its rights away")
def test_root_keeps_data_where_nobody_can_reach_it_when_the_home_is_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    account = service_account()

    folder = make_data_folder(closed / "home", account)
    program = closed / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copied = reachable_program(program, folder, account)

    assert folder.parent == Path("/var/lib/reelyard")
    assert (closed / "home" / "services").resolve() == folder
    assert make_data_folder(closed / "home", account) == folder
    assert copied == folder / "programs" / "tool"
    assert copied.read_text() == "#!/bin/sh\n"
    import shutil

    shutil.rmtree(folder)
