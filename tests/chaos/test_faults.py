"""Faults are planned by seed, spread evenly, and of every kind."""

from __future__ import annotations

from bench.chaos.faults import WEIGHTS, Tormentor, plan_faults


def test_a_plan_is_its_seed() -> None:
    assert plan_faults(40, seed=1, over_s=60) == plan_faults(40, seed=1, over_s=60)
    assert plan_faults(40, seed=1, over_s=60) != plan_faults(40, seed=2, over_s=60)


def test_twenty_faults_hold_every_kind_and_are_spread_over_the_run() -> None:
    faults = plan_faults(20, seed=5, over_s=100)
    assert {fault.kind for fault in faults} == set(WEIGHTS)
    assert [int(fault.at_s // 5) for fault in faults] == list(range(20))


def test_every_kind_of_fault_can_be_done() -> None:
    assert all(hasattr(Tormentor, f"_{kind}") for kind in WEIGHTS)
    assert sum(WEIGHTS.values()) == 100
