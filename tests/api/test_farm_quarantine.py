"""Which failures put a node into quarantine, by real claims and reports on the database."""

from __future__ import annotations

from typing import Any

import pytest

from api.codes import BEYOND_NODE, CODES
from api.extensions import db, get_settings
from api.farm.quarantine import watch_nodes
from api.farm.rebalance import NOBODY
from tasks.contracts import SelfTest, StepFailure
from tasks.names import TaskName
from tests.api.farm import Caller, Farm
from tests.api.test_farm import audited, beat, claim, job_of


def fail(farm: Farm, user: Caller, node: str, code: str, *, jobs: int | None = None) -> None:
    """Have a node fail as many jobs as put it into quarantine, each to be tried again."""
    for _ in range(get_settings().quarantine_after if jobs is None else jobs):
        taken = claim(farm, job_of(user.id), node)
        assert farm.report(taken, failure=StepFailure(code, "It is gone", permanent=False)).status_code == 200


def succeed(farm: Farm, user: Caller, node: str) -> None:
    taken = claim(farm, job_of(user.id, TaskName.SAMPLES_WAVEFORM), node)
    assert farm.report(taken, result={"x": 1}).status_code == 200


@pytest.mark.parametrize("code", ["storage.unavailable", "provider.unavailable", "link.unavailable"])
def test_what_lies_outside_of_nodes_confines_none(farm: Farm, user: Caller, code: str) -> None:
    for node in ("a@x", "b@x", "clips@x"):
        beat(farm, node)
        fail(farm, user, node, code)

    assert watch_nodes(db.session()) == []


def test_outages_between_them_do_not_hide_a_nodes_own_failures(farm: Farm, user: Caller) -> None:
    beat(farm, "a@x")
    fail(farm, user, "a@x", "encoder.lost", jobs=get_settings().quarantine_after - 1)
    fail(farm, user, "a@x", "storage.unavailable")
    before = watch_nodes(db.session())
    fail(farm, user, "a@x", "encoder.lost", jobs=1)

    assert (before, watch_nodes(db.session())) == ([], ["a@x"])


def test_what_most_nodes_fail_with_confines_none_until_others_work_again(farm: Farm, user: Caller) -> None:
    for node in ("a@x", "b@x", "c@x"):
        beat(farm, node)
        succeed(farm, user, node)
        fail(farm, user, node, "media.reader_failed", jobs=1)
    fail(farm, user, "a@x", "media.reader_failed")
    while_most_fail = watch_nodes(db.session())
    for node in ("b@x", "c@x"):
        succeed(farm, user, node)

    assert (while_most_fail, watch_nodes(db.session())) == ([], ["a@x"])


def test_a_nodes_own_failures_count_beside_those_of_most(farm: Farm, user: Caller) -> None:
    for node in ("a@x", "b@x", "c@x"):
        beat(farm, node)
        fail(farm, user, node, "media.reader_failed")
    fail(farm, user, "a@x", "encoder.lost")

    assert watch_nodes(db.session()) == ["a@x"]


@pytest.mark.parametrize(("others", "confined"), [(0, ["a@x"]), (1, ["a@x"]), (2, ["a@x"])])
def test_one_node_that_fails_alone_is_confined_however_many_work(
    farm: Farm, user: Caller, others: int, confined: list[str]
) -> None:
    for node in ("b@x", "c@x")[:others]:
        beat(farm, node)
        succeed(farm, user, node)
    beat(farm, "a@x")
    fail(farm, user, "a@x", "media.reader_failed")

    assert watch_nodes(db.session()) == confined


def test_failures_of_long_ago_do_not_make_others_look_alike(farm: Farm, user: Caller) -> None:
    for node in ("a@x", "b@x"):
        beat(farm, node)
        fail(farm, user, node, "media.reader_failed", jobs=1)
    db.session.execute(db.text("UPDATE attempt SET ended_at = ended_at - interval '16 min' WHERE node = 'b@x'"))
    db.session.commit()
    fail(farm, user, "a@x", "media.reader_failed")

    assert watch_nodes(db.session()) == ["a@x"]


def test_a_node_that_returns_by_its_self_test_is_in_the_audit(admin: Caller, farm: Farm, user: Caller) -> None:
    beat(farm, "a@x")
    fail(farm, user, "a@x", "encoder.lost")
    watch_nodes(db.session())
    db.session.execute(db.text("UPDATE farm_node SET next_test_at = now()"))
    db.session.commit()
    assert watch_nodes(db.session()) == ["a@x"]
    test = beat(farm, "a@x")["test"]
    beat(farm, "a@x", test=SelfTest(test))

    released, confined = admin.get("/admin/audit?limit=2")["items"]

    assert audited(admin)[:2] == ["node.released", "node.quarantined"]
    assert (released["target_id"], released["via"], released["actor_id"]) == ("a@x", "system", None)
    assert released["before"] == {"quarantined": True, "reason": confined["after"]["reason"]}
    assert released["after"] == {"quarantined": False, "untested": False, "test": test}


def test_every_service_that_can_be_away_is_in_the_table() -> None:
    assert set(CODES) >= BEYOND_NODE
    assert {code for code in CODES if code.endswith(".unavailable")} <= BEYOND_NODE


def test_a_rebalance_names_queues_with_work_or_a_minimum_that_nobody_can_consume(
    admin: Caller, farm: Farm, user: Caller
) -> None:
    beat(farm, "a@x")
    before = admin.post("/admin/farm/rebalance", {}, expect=200)
    admin.expect(200, "PATCH", "/admin/farm/queues/render", {"min_slots": 2})
    job_of(user.id, TaskName.MUSIC_ANALYZE)
    after = admin.post("/admin/farm/rebalance", {}, expect=200)

    assert before["unmet"] == []
    assert after["unmet"] == [{"queue": name, "reason": NOBODY} for name in ("analysis", "render")]
    assert [share for share in after["shares"] if share["queue"] == "render"] == [
        {"queue": "render", "slots": 0.0, "target": 2.0}
    ]


def test_the_reasons_of_a_rebalance_are_in_the_audit(admin: Caller, farm: Farm) -> None:
    for node in ("a@x", "b@x"):
        beat(farm, node)
    done: dict[str, Any] = admin.post("/admin/farm/rebalance", {"dry_run": False}, expect=200)

    listed = admin.get(f"/admin/audit?action=node.rebalanced&actor_id={admin.id}")["items"]
    told = {one["target_id"]: one["after"] for one in listed}

    assert len(done["changes"]) == 2
    assert told == {
        change["node"]: {"queues": change["after"], "slots": None, "reason": change["reason"]}
        for change in done["changes"]
    }
