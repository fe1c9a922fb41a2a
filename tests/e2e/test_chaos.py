"""A small run of ``make bench-chaos``: eight faults while forty jobs run, and every promise is kept.

``TEST_CHAOS_JOBS=300 TEST_CHAOS_FAULTS=40`` with ``-o faulthandler_timeout=3600`` makes it the usual one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.chaos.faults import children_of, descendants_of
from bench.chaos.run import Plan, run

JOBS = int(os.environ.get("TEST_CHAOS_JOBS", "40"))
FAULTS = int(os.environ.get("TEST_CHAOS_FAULTS", "8"))


@pytest.fixture
def home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="reelyard-chaos-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # root's services run as nobody, who must be able to get here
        yield Path(folder)


def started_since(before: set[int]) -> list[int]:
    """Return what runs below us now and is not below what ran before, like a new server process of PostgreSQL's."""
    mine, found = [os.getpid()], []
    while mine:
        new = [pid for pid in children_of(mine.pop()) if pid not in before]
        found += new
        mine += new
    return found


@pytest.mark.timeout(0 if FAULTS > 8 else 300)
def test_nothing_accepted_is_lost_and_nothing_happens_twice_under_faults(home: Path) -> None:
    before = set(descendants_of(os.getpid()))

    ran = run(Plan(jobs=JOBS, faults=FAULTS, seed=3), home, say=lambda _: None)

    assert ran.verdict.wrong == {name: [] for name in ran.verdict.wrong}
    assert ran.verdict.counts["accepted"] == JOBS
    assert ran.verdict.counts["ends"]["failed"] >= 2  # the poisonous one and the broken one
    assert sum(ran.measured["faults done"].values()) == FAULTS
    assert ran.measured["clients that gave up"] == 0
    assert started_since(before) == []  # everything that was started has ended
