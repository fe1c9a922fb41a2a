"""Rebalancing by policy: what every plan keeps to, for any farm, and some plans in full."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.farm.rebalance import NOBODY, Change, Need, Plan, Worker, plan_rebalance

QUEUES = ("compose", "ingest", "render", "transcription")
SETS = st.frozensets(st.sampled_from(QUEUES))


@st.composite
def farms(draw: st.DrawFn) -> tuple[list[Worker], list[Need]]:
    workers = [
        Worker(
            f"n{number:02d}",
            slots=draw(st.integers(1, 8)),
            able=draw(st.frozensets(st.sampled_from(QUEUES), min_size=1)),
            queues=draw(SETS),
            has_gpu=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 9)))
    ]
    needs = [
        Need(
            queue,
            weight=draw(st.sampled_from((0.0, 0.5, 1.0, 3.0))),
            min_slots=draw(st.integers(0, 6)),
            gpu=draw(st.sampled_from(("any", "require", "avoid"))),
        )
        for queue in draw(st.lists(st.sampled_from(QUEUES), unique=True, min_size=1))
    ]
    return workers, needs


def follow(workers: list[Worker], plan: Plan) -> list[Worker]:
    """Return the farm after it has followed a plan."""
    after = {change.node: frozenset(change.after) for change in plan.changes}
    return [replace(worker, queues=after.get(worker.id, worker.queues)) for worker in workers]


def may_serve(worker: Worker, need: Need) -> bool:
    return need.queue in worker.able and (need.gpu != "require" or worker.has_gpu)


@settings(max_examples=100, deadline=None)
@given(farms())
def test_every_plan_serves_all_that_can_be_served_by_those_who_can(farm: tuple[list[Worker], list[Need]]) -> None:
    workers, needs = farm
    plan = plan_rebalance(workers, needs)
    after = follow(workers, plan)
    by_queue = {need.queue: need for need in needs}

    for need in needs:
        servers = [worker for worker in after if need.queue in worker.queues & worker.able]
        possible = [worker for worker in workers if may_serve(worker, need)]
        assert bool(servers) == bool(possible)
        assert ((need.queue, NOBODY) in plan.unmet) == (not possible)
    for worker in after:
        options = [need for need in needs if may_serve(worker, need)]
        if options:
            assert worker.queues, "a node that could work has nothing to do"
        if worker.able & by_queue.keys():
            assert all(may_serve(worker, by_queue[queue]) for queue in worker.queues)


@settings(max_examples=100, deadline=None)
@given(farms(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_its_inputs(
    farm: tuple[list[Worker], list[Need]], shuffler: random.Random
) -> None:
    workers, needs = farm
    mixed_workers, mixed_needs = list(workers), list(needs)
    shuffler.shuffle(mixed_workers)
    shuffler.shuffle(mixed_needs)

    assert plan_rebalance(mixed_workers, mixed_needs) == plan_rebalance(workers, needs)


@settings(max_examples=100, deadline=None)
@given(farms())
def test_a_farm_that_follows_its_plan_has_nothing_to_change(farm: tuple[list[Worker], list[Need]]) -> None:
    workers, needs = farm

    again = plan_rebalance(follow(workers, plan_rebalance(workers, needs)), needs)

    assert again.changes == ()


@settings(max_examples=60, deadline=None)
@given(farms())
def test_every_change_is_one_and_has_a_reason_and_every_short_minimum_is_told(
    farm: tuple[list[Worker], list[Need]],
) -> None:
    workers, needs = farm
    plan = plan_rebalance(workers, needs)
    shares = {share.queue: share.slots for share in plan.shares}

    assert all(change.before != change.after for change in plan.changes)
    assert all(change.reason for change in plan.changes if change.after)
    short = {need.queue for need in needs if shares[need.queue] < need.min_slots}
    assert short <= {queue for queue, _ in plan.unmet}


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 40), st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_equal_nodes_are_shared_by_weight_to_within_one_node(count: int, weights: list[int]) -> None:
    queues = QUEUES[: len(weights)]
    workers = [Worker(f"n{number:02d}", 2, frozenset(queues), frozenset()) for number in range(count)]
    needs = [Need(queue, weight=weight) for queue, weight in zip(queues, weights, strict=True)]

    plan = plan_rebalance(workers, needs)

    for share in plan.shares:
        # One node of two slots, and half of one for a queue that has to share
        assert share.slots == pytest.approx(share.target, abs=3.0 + 1e-6)


def test_a_plan_says_who_changes_and_why() -> None:
    both = frozenset({"ingest", "transcription"})
    workers = [Worker(f"n{number}", 2, both, frozenset({"ingest"})) for number in range(3)]
    workers.append(Worker("g", 1, frozenset({"render"}), frozenset({"render"}), has_gpu=True))
    needs = [Need("ingest"), Need("transcription", min_slots=2), Need("render", gpu="require"), Need("compose")]

    plan = plan_rebalance(workers, needs)

    assert plan.changes == (
        Change("n1", ("ingest",), ("transcription",), "transcription shall have at least 2 slots"),
        Change("n2", ("ingest",), ("transcription",), "transcription has 2 of the 4.0 slots that its weight gives it"),
    )
    assert plan.unmet == (("compose", NOBODY),)
    assert {share.queue: share.slots for share in plan.shares}["render"] == 1
