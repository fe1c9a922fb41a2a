"""Nodes with real Celery workers: seen, found missing, steered, brought back."""

from __future__ import annotations

import signal

from tests.farm.conftest import Farm

SHOWN_WITHIN_S = 15.0


def test_a_worker_shows_within_its_bound_with_what_it_is_and_what_it_consumes(farm: Farm) -> None:
    farm.start("a", "ingest,render", slots=2, TEST_GPUS="2")

    took_s = farm.wait_for(lambda: farm.state("a"), ("online", ""))
    farm.wait_for(lambda: bool(farm.node("a").about), True)  # type: ignore[union-attr]

    node = farm.node("a")
    assert node is not None
    assert took_s < SHOWN_WITHIN_S
    assert (node.host, node.role, node.slots, node.started_slots) == ("testhost", "cpu", 2, 2)
    assert sorted(node.queues) == sorted(node.started_with) == ["ingest", "render"]
    assert sorted(node.able) == ["ingest", "render", "transcription"]
    assert node.about["class"] == "test"
    assert node.about["versions"]["reelyard"].startswith("0.1.0")
    assert node.about["versions"]["celery"] == "5.7.0"
    assert [gpu["uuid"] for gpu in node.gpus] == ["GPU-0000", "GPU-0001"]
    assert node.gpu == "GPU-0000"


def test_a_killed_worker_and_a_frozen_one_are_offline_within_the_bound(farm: Farm) -> None:
    for name in ("a", "b"):
        farm.start(name, slots=1)
    for name in ("a", "b"):
        farm.wait_for(lambda name=name: farm.state(name), ("online", ""))  # type: ignore[misc]

    farm.stop("a", signal.SIGKILL)
    farm.workers["b"].send_signal(signal.SIGSTOP)

    assert farm.wait_for(lambda: farm.state("a"), ("offline", "silent")) < SHOWN_WITHIN_S
    assert farm.wait_for(lambda: farm.state("b"), ("offline", "silent")) < SHOWN_WITHIN_S
    farm.workers["b"].send_signal(signal.SIGCONT)
    farm.wait_for(lambda: farm.state("b"), ("online", ""))
    assert farm.stop("b") == 0
    assert farm.state("b") == ("offline", "stopped")
