"""Every queue has a consumer in the compose files, and every task declares how it runs."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from tasks.names import POLICY, Queue, TaskName

ROOT = Path(__file__).parents[2]


def consumed_queues(compose: Path) -> set[str]:
    services = yaml.safe_load(compose.read_text())["services"]
    queues: set[str] = set()
    for service in services.values():
        command = service.get("command") or []
        words = command.split() if isinstance(command, str) else [str(word) for word in command]
        for flag, value in itertools.pairwise(words):
            if flag == "-Q":
                queues |= set(value.split(","))
    return queues


def test_every_queue_has_a_consumer_in_the_compose_files() -> None:
    consumed = consumed_queues(ROOT / "docker-compose.yml") | consumed_queues(ROOT / "docker-compose.gpu.yml")

    assert consumed == {queue.value for queue in Queue}


def test_the_gpu_compose_file_consumes_the_render_queue_on_a_gpu() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())["services"]
    render = services["render"]

    assert "render" in consumed_queues(ROOT / "docker-compose.gpu.yml")
    devices = render["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["driver"] == "nvidia"
    assert "DATABASE_URL" not in str(render)


@pytest.mark.parametrize("entry", ["tasks.worker", "render_node.worker", "api.control.worker"])
def test_every_registered_task_declares_name_limits_and_retries(entry: str, worker_environment: None) -> None:
    import importlib

    app = importlib.import_module(entry).app
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}

    assert ours
    for name, task in ours.items():
        policy = POLICY[TaskName(name)]
        assert task.soft_time_limit == policy.soft_limit_s, name
        assert task.time_limit == policy.hard_limit_s, name
        assert policy.soft_limit_s < policy.hard_limit_s, name
        assert task.acks_late is True, name
        assert task.max_retries == 0, f"{name}: rows retry, not Celery"
        assert policy.max_attempts >= 1, name
        assert app.conf.task_routes[name]["queue"] == policy.queue.value, name


def test_every_task_name_is_registered_by_exactly_one_worker(worker_environment: None) -> None:
    import importlib

    owners: dict[str, list[str]] = {name.value: [] for name in TaskName}
    for entry in ("tasks.worker", "render_node.worker", "api.control.worker"):
        for name in importlib.import_module(entry).app.tasks:
            if name in owners:
                owners[name].append(entry)

    assert {name: found for name, found in owners.items() if len(found) != 1} == {}
