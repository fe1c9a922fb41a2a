"""Named limits: never more at once than their size, whatever claims at once; nothing that waits is forgotten."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from api.extensions import db
from api.jobs import attempts
from api.turns import limits
from api.turns.sizes import default_size, parse_limits
from tasks.contracts import Claim, ClaimRequest
from tasks.names import Queue, TaskName
from tests.engine.line import Broker, add_jobs, add_node, add_user, run_dispatcher
from tests.engine.play import PROBE, Play, StepSpec

REPLICATE, SITE = "provider:replicate", "host:example.org"


def limited(*names: str) -> list[StepSpec]:
    return [StepSpec("only", PROBE, {}, limits=names)]


def set_size(name: str, size: int) -> None:
    limits.set_size(db.session(), name, size)
    db.session.commit()


def running(name: str) -> int:
    count = limits.count_running(db.session(), name)
    db.session.rollback()
    return count


def release() -> int:
    count = limits.release(db.session())
    db.session.commit()
    return count


def test_a_claim_beyond_the_size_stays_queued_until_a_slot_is_free(play: Play) -> None:
    set_size(REPLICATE, 1)
    first, second = play.create(limited(REPLICATE)), play.create(limited(REPLICATE))
    claim = play.claim(first, "only")

    refused = play.ask(second, "only")

    assert (refused.claimed, refused.reason) == (False, "limited")
    assert play.states(second) == {"job": "queued", "only": "queued"}
    assert play.bells(second)["only"].parked_on == REPLICATE
    assert release() == 0
    play.succeed(claim)
    assert release() == 1
    assert play.bells(second)["only"].parked_on is None
    assert play.ask(second, "only").claimed


@pytest.mark.parametrize("end", ["fails", "is cancelled", "falls silent", "hands back"])
def test_whatever_ends_an_attempt_frees_its_slot(play: Play, end: str) -> None:
    set_size(REPLICATE, 1)
    job_id = play.create(limited(REPLICATE))
    claim = play.claim(job_id, "only")
    assert running(REPLICATE) == 1
    if end == "fails":
        play.fail(claim)
    elif end == "is cancelled":
        play.cancel(job_id)
    elif end == "hands back":
        play.fail(claim, "contract.unknown_version")
    else:
        play.let_lease_pass(claim)
        play.reconcile()

    assert running(REPLICATE) == 0
    assert play.ask(play.create(limited(REPLICATE)), "only").claimed


def test_a_step_of_several_names_needs_a_slot_of_each_and_takes_none_before(play: Play) -> None:
    set_size(REPLICATE, 5)
    set_size(SITE, 1)
    play.claim(play.create(limited(SITE)), "only")

    refused = play.ask(play.create(limited(REPLICATE, SITE)), "only")

    assert refused.reason == "limited"
    assert (running(REPLICATE), running(SITE)) == (0, 1)


class Rush:
    """Threads that claim the same steps at once, and count what runs each time they get one."""

    def __init__(self, play: Play, sizes: dict[str, int], requests: list[ClaimRequest]) -> None:
        self.play, self.sizes = play, sizes
        self.answers: Counter[str] = Counter()
        self.over: list[str] = []
        self.problems: list[Exception] = []
        self._lock = threading.Lock()
        threads = [threading.Thread(target=self.work, args=(requests[number::6],)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def work(self, requests: list[ClaimRequest]) -> None:
        with self.play.app.app_context():
            try:
                for request in requests * 4:
                    self.claim(request)
            except Exception as error:  # noqa: BLE001 - the test asserts that there was none
                self.problems.append(error)

    def claim(self, request: ClaimRequest) -> None:
        claim: Claim = attempts.claim_step(db.session(), request)
        db.session.commit()
        with self._lock:
            self.answers[claim.reason or "claimed"] += 1
        if claim.claimed:
            self.over += [name for name, size in self.sizes.items() if running(name) > size]
            self.play.succeed(claim)


def test_claims_at_the_same_time_never_pass_a_size_nor_stand_in_each_others_way(play: Play) -> None:
    sizes = {REPLICATE: 3, SITE: 2}
    for name, size in sizes.items():
        set_size(name, size)
    plans = [(REPLICATE,), (REPLICATE, SITE), (SITE, REPLICATE)] * 8
    jobs = [play.create(limited(*names)) for names in plans]

    rush = Rush(play, sizes, [ClaimRequest(str(job), str(play.step(job, "only").id), "n", PROBE.value) for job in jobs])

    assert (rush.problems, rush.over) == ([], [])
    assert set(rush.answers) == {"claimed", "limited", "done"}
    assert sum(rush.answers.values()) == 96
    assert running(REPLICATE) == running(SITE) == 0


def test_a_crowd_behind_a_full_limit_does_not_hold_up_others_and_is_let_in_as_slots_come_free(play: Play) -> None:
    set_size(SITE, 2)
    add_node(Queue.RENDER, 4)
    add_jobs(play.owner_id, 30, limits=(SITE,))
    others = {str(job_id) for job_id in add_jobs(add_user(), 3)}
    broker = Broker()
    done: list[str] = []
    most = 0
    while len(done) < 33:
        run_dispatcher(broker)
        claims = []
        while (bell := broker.take()) is not None:
            claim = play.ask_by_id(bell["job_id"], bell["step_id"], bell["task"])
            claims += [claim] if claim.claimed else []
        most = max(most, running(SITE))
        assert claims, "nobody works, though work waits"
        for claim in claims:
            play.succeed(claim)
            done.append(claim.job_id)

    assert most == 2
    assert others <= set(done[:8])


def test_sizes_come_from_an_administrator_then_the_settings_then_one(play: Play) -> None:
    assert limits.size_of(db.session(), "provider:replicate") == 4
    set_size("provider:replicate", 9)
    assert limits.size_of(db.session(), "provider:replicate") == 9
    limits.set_size(db.session(), "provider:replicate", None)
    assert limits.size_of(db.session(), "provider:replicate") == 4
    assert default_size("host:slow.org=0, host:*=2", "host:slow.org") == 0
    assert default_size("host:slow.org=0, host:*=2", "something") == 1


@pytest.mark.parametrize("text", ["provider", "=3", "host:*=many", "host:*=-1"])
def test_sizes_that_cannot_be_read_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        parse_limits(f"user:*=8, {text}")


def test_a_bell_put_aside_is_found_again_after_its_limit_was_raised(play: Play) -> None:
    set_size(SITE, 0)
    add_node(Queue.INGEST, 4)
    (job_id,) = add_jobs(play.owner_id, 1, task=TaskName.INGEST_PROBE, limits=(SITE,))
    broker = Broker()

    assert run_dispatcher(broker).rung == 0
    assert limits.list_limits(db.session()) == [{"name": SITE, "size": 0, "own": True, "running": 0, "waiting": 1}]
    set_size(SITE, 1)
    assert run_dispatcher(broker).rung == 1
    assert broker.rung[0]["job_id"] == str(job_id)
