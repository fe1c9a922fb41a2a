"""The Celery settings that the design rests on."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from tasks.app import KEY_PREFIX, make_celery, task_options
from tasks.errors import ConfigurationError
from tasks.names import POLICY, Queue, TaskName


@pytest.fixture(scope="module")
def conf() -> dict[str, object]:
    return dict(make_celery("cpu", redis_url="redis://127.0.0.1:1/0").conf)


@pytest.mark.security("S-13")
def test_only_json_is_spoken(conf: dict[str, object]) -> None:
    assert conf["accept_content"] == conf["result_accept_content"] == ["json"]
    assert {conf[f"{kind}_serializer"] for kind in ("task", "result", "event")} == {"json"}


def test_a_half_open_connection_is_noticed(conf: dict[str, object]) -> None:
    options = conf["broker_transport_options"]

    assert isinstance(options, dict)
    assert (options["socket_timeout"], options["socket_connect_timeout"], options["health_check_interval"]) == (3, 2, 2)
    assert options["socket_keepalive"] is True
    assert options["global_keyprefix"] == KEY_PREFIX


def test_no_task_is_redelivered_while_it_may_still_run(conf: dict[str, object]) -> None:
    options = conf["broker_transport_options"]
    longest_s = max(policy.hard_limit_s for policy in POLICY.values())

    assert isinstance(options, dict)
    assert options["visibility_timeout"] > longest_s
    assert conf["result_expires"] == conf["result_chord_expires"] == options["visibility_timeout"]


def test_workers_wait_for_their_broker_for_ever(conf: dict[str, object]) -> None:
    assert conf["broker_connection_retry_on_startup"] is True
    assert conf["broker_connection_max_retries"] is None


def test_transport_is_late_acknowledged_one_by_one_and_forgets_results(conf: dict[str, object]) -> None:
    assert conf["task_acks_late"] is True
    assert conf["task_reject_on_worker_lost"] is False
    assert conf["worker_prefetch_multiplier"] == 1
    assert conf["task_ignore_result"] is True
    assert conf["result_backend_always_retry"] is True


def test_every_queue_and_no_other_exists() -> None:
    app = make_celery("cpu", redis_url="redis://127.0.0.1:1/0")

    assert set(app.amqp.queues) == {queue.value for queue in Queue}
    assert {name: route["queue"] for name, route in app.conf.task_routes.items()} == {
        name.value: policy.queue.value for name, policy in POLICY.items()
    }


def test_a_message_without_a_queue_fails_where_it_is_sent() -> None:
    app = make_celery("cpu", redis_url="redis://127.0.0.1:1/0")

    with pytest.raises(Exception, match="unrouted") as caught:
        app.send_task("nobody.knows")

    assert not isinstance(caught.value, OperationalError)


@pytest.mark.parametrize("name", TaskName)
def test_a_task_runs_under_its_policy_and_is_never_retried_by_celery(name: TaskName) -> None:
    options = task_options(name)

    assert (options["soft_time_limit"], options["time_limit"]) == (POLICY[name].soft_limit_s, POLICY[name].hard_limit_s)
    assert (options["max_retries"], options["acks_late"], options["shared"]) == (0, True, False)


def test_the_environment_is_read_on_first_use_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    app = make_celery("cpu")

    with pytest.raises(ConfigurationError, match="REDIS_URL is not set"):
        _ = app.conf.broker_url
