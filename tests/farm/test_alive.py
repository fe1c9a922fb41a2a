"""Real Celery workers show life: idle, with their only slot busy, with their broker away; but not when frozen."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from uuid import UUID

import pytest
import redis

from cli.services.launcher import start_services
from tasks.alive import VARIABLE, find_problem
from tests.farm.conftest import Farm
from tests.farm.test_orders import claimed, order, states

FRESH_S = 10.0


def test_a_worker_is_alive_while_its_only_slot_is_busy_and_dead_while_it_is_frozen(
    farm: Farm, owner_id: UUID, tmp_path: Path
) -> None:
    path = str(tmp_path / "alive")
    farm.start("a", slots=1, **{VARIABLE: path})
    farm.wait_for(lambda: farm.state("a"), ("online", ""))
    farm.wait_for(lambda: find_problem(path, within_s=FRESH_S), "")

    jobs = order(farm, owner_id, 2, sleep_s=2 * FRESH_S)
    farm.wait_for(lambda: len(claimed("a")), 1)
    busy_until = time.monotonic() + 1.5 * FRESH_S
    while time.monotonic() < busy_until:
        assert find_problem(path, within_s=FRESH_S) == ""
        time.sleep(0.5)
    assert states(jobs) != {"succeeded"}

    farm.workers["a"].send_signal(signal.SIGSTOP)
    farm.wait_for(lambda: "s old" in find_problem(path, within_s=FRESH_S), True)
    farm.workers["a"].send_signal(signal.SIGCONT)
    farm.wait_for(lambda: find_problem(path, within_s=FRESH_S), "")


def test_a_worker_whose_broker_is_away_is_alive(farm: Farm, tmp_path: Path) -> None:
    home, path = tmp_path / "broker", str(tmp_path / "alive")
    home.mkdir()
    for folder in (home, *list(home.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    with start_services(home, names=("valkey",), environ={}, durable=False) as running:
        farm.environ["REDIS_URL"] = running.environ["REDIS_URL"]
        farm.start("a", slots=1, **{VARIABLE: path})
        farm.wait_for(lambda: farm.state("a"), ("online", ""))
        farm.wait_for(lambda: find_problem(path, within_s=FRESH_S), "")

    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(farm.environ["REDIS_URL"]).ping()
    gone_until = time.monotonic() + 3 * FRESH_S
    while time.monotonic() < gone_until:
        assert find_problem(path, within_s=FRESH_S) == ""
        time.sleep(0.5)
