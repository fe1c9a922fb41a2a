"""The farm over HTTP, for administrators: with nodes that beat by the real signed call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from api.extensions import db
from api.jobs import service
from api.jobs.models import Job
from api.usage.service import list_history
from tasks.contracts import NodeBeat, SelfTest, StepFailure
from tasks.contracts.farm import GpuState
from tasks.names import CallbackPath, Priority, TaskName
from tasks.workflows.plan import StepSpec
from tests.api.farm import Caller, Farm

BOTH = ("ingest", "transcription")


def beat(farm: Farm, node: str, **told: Any) -> dict[str, Any]:
    """Beat as a node; return the order."""
    usual: dict[str, Any] = {"started_with": BOTH, "able": BOTH, "queues": BOTH, "slots": 2, "started_slots": 2}
    usual |= {"instance": "first", "host": "host", "role": "cpu", "pid": 1}
    message = NodeBeat(node, **{**usual, **told})
    answer = farm.post(CallbackPath.NODE_BEAT.value, message.to_json())
    assert answer.status_code == 200, answer.get_json()
    order: dict[str, Any] = answer.get_json()
    return order


def job_of(owner_id: str, task: TaskName = TaskName.INGEST_PROBE) -> str:
    spec = [StepSpec("work", task, {})]
    job = service.create_job(
        db.session(), owner_id=UUID(owner_id), kind="test", steps=spec, priority=Priority.NORMAL, subject={}
    )
    db.session.commit()
    return str(job.id)


def claim(farm: Farm, job_id: str, node: str) -> dict[str, Any]:
    """Ask for a job's only step as a node."""
    db.session.rollback()
    step = db.session.get_one(Job, UUID(job_id)).steps[0]
    message = {"version": 1, "job_id": job_id, "step_id": str(step.id), "node": node, "task": step.task}
    answer = farm.post(CallbackPath.CLAIM.format(step_id=step.id), message)
    return {**answer.get_json(), "task": step.task}


def audited(admin: Caller) -> list[str]:
    return [entry["action"] for entry in admin.get("/admin/audit?limit=200")["items"]]


def test_a_node_is_listed_with_its_state_and_carries_out_what_is_stored(admin: Caller, farm: Farm) -> None:
    first = beat(farm, "a@x")
    listed = admin.get("/admin/farm/nodes")["items"]
    changed = admin.expect(200, "PATCH", "/admin/farm/nodes/a@x", {"queues": ["ingest"], "slots": 1})
    order = beat(farm, "a@x")
    settled = beat(farm, "a@x", queues=("ingest",), slots=1, generation=order["generation"])
    after_restart = beat(farm, "a@x", instance="another")
    as_started = admin.expect(200, "PATCH", "/admin/farm/nodes/a@x", {})

    assert (first["queues"], first["slots"], first["wants_about"]) == (list(BOTH), 2, True)
    assert [(node["id"], node["state"], node["settled"]) for node in listed] == [("a@x", "online", True)]
    assert (changed["wanted_queues"], changed["wanted_slots"], changed["settled"]) == (["ingest"], 1, False)
    assert (order["queues"], order["slots"], order["generation"]) == (["ingest"], 1, 1)
    assert settled["generation"] == 1
    assert (after_restart["queues"], after_restart["slots"]) == (["ingest"], 1)
    assert (as_started["wanted_queues"], as_started["wanted_slots"]) == (list(BOTH), 2)
    assert audited(admin)[:2] == ["node.changed", "node.changed"]


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        ({}, "online", ""),
        ({"proven_s": 60.0}, "offline", "not_consuming"),
        ({"leaving": True}, "offline", "stopped"),
        ({"leaving": True, "busy": 1}, "draining", "stopping"),
    ],
)
def test_a_nodes_state_tells_whether_it_consumes(
    admin: Caller, farm: Farm, told: dict[str, Any], state: str, reason: str
) -> None:
    beat(farm, "a@x", **told)

    node = admin.get("/admin/farm/nodes/a@x")

    assert (node["state"], node["reason"]) == (state, reason)
    assert [one["id"] for one in admin.get(f"/admin/farm/nodes?state={state}")["items"]] == ["a@x"]


def test_a_node_that_drains_is_refused_every_claim_from_the_answer_on(admin: Caller, farm: Farm, user: Caller) -> None:
    beat(farm, "a@x")
    beat(farm, "b@x")
    job_id = job_of(user.id)

    drained = admin.post("/admin/farm/nodes/a@x/drain", {"deadline_s": 30}, expect=200)
    order = beat(farm, "a@x")
    refused, taken = claim(farm, job_id, "a@x"), claim(farm, job_id, "b@x")
    admin.post("/admin/farm/nodes/a@x/resume", expect=200)

    assert (drained["state"], drained["reason"], drained["wanted_queues"]) == ("draining", "drained", [])
    assert order["queues"] == []
    assert (refused["claimed"], refused["reason"]) == (False, "node_draining")
    assert taken["claimed"] is True
    assert claim(farm, job_of(user.id), "a@x")["claimed"] is True
    assert beat(farm, "a@x")["queues"] == list(BOTH)
    assert audited(admin)[:2] == ["node.resumed", "node.drained"]


def test_a_step_still_running_at_the_deadline_goes_elsewhere_and_nobody_is_charged(
    admin: Caller, farm: Farm, user: Caller
) -> None:
    from api.farm.orders import hand_back_overdue

    beat(farm, "a@x")
    job_id = job_of(user.id)
    first = claim(farm, job_id, "a@x")
    admin.post("/admin/farm/nodes/a@x/drain", {"deadline_s": 600}, expect=200)
    early = hand_back_overdue(db.session())
    admin.post("/admin/farm/nodes/a@x/drain", {"deadline_s": 0}, expect=200)
    late = hand_back_overdue(db.session())
    again = claim(farm, job_id, "b@x")
    step = db.session.get_one(Job, UUID(job_id), populate_existing=True).steps[0]

    assert (early, late) == (0, 1)
    assert (first["claimed"], again["claimed"], again["attempt"]) == (True, True, 2)
    assert (step.charged, step.faults, step.handbacks) == (0, 0, 0)
    assert [(one.outcome, one.code) for one in step.attempts] == [("handed_back", "node.drained"), (None, None)]
    assert farm.report(first, result={}).status_code == 409
    assert farm.report(again, result={}).status_code == 200


def test_a_paused_queue_gives_out_nothing_until_it_is_resumed(admin: Caller, farm: Farm, user: Caller) -> None:
    beat(farm, "a@x")
    job_id = job_of(user.id)

    paused = admin.post("/admin/farm/queues/ingest/pause", {"reason": "new codec"}, expect=200)
    refused = claim(farm, job_id, "a@x")
    listed = {queue["name"]: queue for queue in admin.get("/admin/farm/queues")["items"]}
    admin.post("/admin/farm/queues/ingest/resume", expect=200)

    assert (paused["paused"], paused["paused_reason"]) == (True, "new codec")
    assert (refused["claimed"], refused["reason"]) == (False, "queue_paused")
    assert (listed["ingest"]["depth"], listed["ingest"]["paused"]) == (1, True)
    assert listed["ingest"]["nodes"] == ["a@x"]
    assert claim(farm, job_id, "a@x")["claimed"] is True
    assert audited(admin)[:2] == ["queue.resumed", "queue.paused"]


def test_a_queue_moves_between_nodes_that_can_consume_it(admin: Caller, farm: Farm) -> None:
    beat(farm, "a@x")
    beat(farm, "b@x", started_with=("ingest",), queues=("ingest",))
    beat(farm, "c@x", started_with=("render",), able=("render",), queues=("render",))

    move = {"queue": "transcription", "source": "a@x", "target": "b@x"}
    moved = admin.post("/admin/farm/moves", move, expect=200)["items"]
    wrong = {
        "cannot": admin.post("/admin/farm/moves", {"queue": "ingest", "target": "c@x"}, expect=409)["code"],
        "does not": admin.post("/admin/farm/moves", move, expect=409)["code"],
        "nowhere": admin.post("/admin/farm/moves", {"queue": "ingest"}, expect=422)["code"],
        "unknown": admin.post("/admin/farm/moves", {**move, "target": "z@x"}, expect=404)["code"],
    }

    assert [(node["id"], node["wanted_queues"]) for node in moved] == [("a@x", ["ingest"]), ("b@x", list(BOTH))]
    assert wrong == {
        "cannot": "node.cannot_consume",
        "does not": "queue.not_consumed",
        "nowhere": "queue.no_move",
        "unknown": "node.not_found",
    }


def test_a_rebalance_is_first_a_plan_with_reasons_and_then_what_is_stored(admin: Caller, farm: Farm) -> None:
    for name in ("a@x", "b@x", "c@x", "d@x"):
        beat(farm, name)
    admin.expect(200, "PATCH", "/admin/farm/queues/transcription", {"weight": 3, "min_slots": 2})

    dry = admin.post("/admin/farm/rebalance", {}, expect=200)
    untouched = beat(farm, "a@x")["queues"]
    done = admin.post("/admin/farm/rebalance", {"dry_run": False}, expect=200)
    queues = {name: beat(farm, name)["queues"] for name in ("a@x", "b@x", "c@x", "d@x")}
    again = admin.post("/admin/farm/rebalance", {}, expect=200)

    assert (dry["applied"], done["applied"]) == (False, True)
    assert dry["changes"] == done["changes"]
    assert all(change["reason"] for change in dry["changes"])
    assert untouched == list(BOTH)
    assert sorted(map(tuple, queues.values())) == [("ingest",), *[("transcription",)] * 3]
    assert {share["queue"]: share["slots"] for share in dry["shares"]} == {"ingest": 2, "transcription": 6}
    assert again["changes"] == []


def test_nodes_that_fail_different_jobs_in_a_row_are_confined_and_return_by_their_self_test(
    admin: Caller, farm: Farm, user: Caller, app: Any
) -> None:
    from api.farm.quarantine import watch_nodes

    beat(farm, "a@x")
    for number in range(app.extensions["settings"].quarantine_after):
        assert watch_nodes(db.session()) == []
        taken = claim(farm, job_of(user.id), "a@x")
        farm.report(taken, failure=StepFailure("encoder.lost", f"gone {number}", permanent=False))
    confined = watch_nodes(db.session())
    node = admin.get("/admin/farm/nodes/a@x")
    refused = claim(farm, job_of(user.id), "a@x")
    admin.delete("/admin/farm/nodes/a@x/quarantine", expect=200)
    test = beat(farm, "a@x")["test"]
    beat(farm, "a@x", test=SelfTest(test, ("encoder: gone",)))
    still = admin.get("/admin/farm/nodes/a@x")
    admin.delete("/admin/farm/nodes/a@x/quarantine", expect=200)
    beat(farm, "a@x", test=SelfTest(beat(farm, "a@x")["test"]))
    back = admin.get("/admin/farm/nodes/a@x")

    assert confined == ["a@x"]
    assert (node["state"], node["reason"]) == (
        "quarantined",
        "5 jobs in a row failed here, the last with encoder.lost",
    )
    assert (refused["claimed"], refused["reason"]) == (False, "node_quarantined")
    assert (still["state"], still["test_problems"]) == ("quarantined", ["encoder: gone"])
    assert (back["state"], back["test_problems"], back["wanted_queues"]) == ("online", [], list(BOTH))
    assert watch_nodes(db.session()) == []
    assert admin.delete("/admin/farm/nodes/a@x/quarantine", expect=409)["code"] == "node.not_quarantined"
    assert audited(admin)[:4] == ["node.released", "node.tested", "node.tested", "node.quarantined"]


def test_a_node_confined_and_let_go_by_hand_is_in_the_audit_both_times(admin: Caller, farm: Farm) -> None:
    beat(farm, "a@x")
    admin.post("/admin/farm/nodes/a@x/quarantine", {"reason": "smoke"}, expect=200)
    admin.delete("/admin/farm/nodes/a@x/quarantine?untested=true", expect=200)

    back = admin.get("/admin/farm/nodes/a@x")
    let_go, confined = admin.get("/admin/audit?limit=2")["items"]

    assert back["state"] == "online"
    assert (confined["action"], let_go["action"]) == ("node.quarantined", "node.released")
    assert (let_go["before"]["reason"], let_go["after"]) == ("smoke", {"quarantined": False, "untested": True})


def test_failures_of_inputs_and_of_one_job_alone_confine_nobody(admin: Caller, farm: Farm, user: Caller) -> None:
    from api.farm.quarantine import count_streak

    one, two, three = (UUID(int=number) for number in range(3))

    assert count_streak([(one, "retried", "a.b"), (one, "retried", "a.b"), (two, "failed", "media.broken")]) == ["a.b"]
    assert count_streak([(one, "lost", "x.y"), (two, "succeeded", ""), (three, "lost", "x.y")]) == ["x.y"]
    assert count_streak([(one, "failed", "node.no_space"), (two, "handed_back", "node.drained")]) == ["node.no_space"]
    assert count_streak([(one, "retried", "node.other_class"), (two, "cancelled", "")]) == []


def test_dead_letters_are_grouped_by_how_they_failed_and_retried_together(
    admin: Caller, farm: Farm, user: Caller, other: Caller
) -> None:
    def fail(owner: Caller, code: str, detail: str) -> str:
        job_id = job_of(owner.id)
        farm.report(claim(farm, job_id, "a@x"), failure=StepFailure(code, detail, permanent=True))
        return job_id

    same = [fail(user, "media.broken", f"Packet {n} of '/tmp/x{n}/a.mp4' is bad") for n in range(3)]
    same.append(fail(other, "media.broken", "Packet 77 of '/var/b.mp4' is bad"))
    fail(user, "media.broken", "There is no picture")
    groups = admin.get("/admin/farm/dead-letters")["items"]
    wanted = {"filter": {"signature": groups[0]["signature"]}}
    preview = admin.post("/admin/farm/jobs/retry", wanted, expect=200)
    surprise = admin.post("/admin/farm/jobs/retry", {**wanted, "dry_run": False, "expected": 3}, expect=409)
    done = admin.post("/admin/farm/jobs/retry", {**wanted, "dry_run": False, "expected": 4}, expect=200)
    left = admin.get("/admin/farm/dead-letters")["items"]

    assert [(one["count"], one["owner_count"], one["message"]) for one in groups] == [
        (4, 2, "Packet <n> of <text> is bad"),
        (1, 1, "There is no picture"),
    ]
    assert groups[0]["nodes"] == ["a@x"]
    assert (preview["applied"], preview["matched"], preview["by_state"]) == (False, 4, {"failed": 4})
    assert (preview["steps"], preview["owner_count"]) == ({"again": 4}, 2)
    assert surprise["code"] == "bulk.changed"
    assert (done["applied"], done["done"], done["refused"]) == (True, 4, [])
    assert [one["count"] for one in left] == [1]
    assert {db.session.get_one(Job, UUID(job_id), populate_existing=True).state for job_id in same} == {"queued"}
    assert audited(admin)[0] == "jobs.bulk_retry"


def test_bulk_cancel_stops_what_matches_and_nothing_else(admin: Caller, user: Caller, other: Caller) -> None:
    mine, theirs = [job_of(user.id) for _ in range(3)], job_of(other.id)
    wanted = {"filter": {"owner_id": user.id}}

    preview = admin.post("/admin/farm/jobs/cancel", wanted, expect=200)
    done = admin.post("/admin/farm/jobs/cancel", {**wanted, "dry_run": False}, expect=200)

    assert (preview["matched"], preview["steps"], preview["predicted_s"]) == (3, {"queued": 3}, 30.0)
    assert (done["matched"], done["done"]) == (3, 3)
    states = [db.session.get_one(Job, UUID(one), populate_existing=True).state for one in (*mine, theirs)]
    assert states == ["cancelled"] * 3 + ["queued"]
    told = admin.get("/admin/audit?limit=1")["items"][0]
    assert (told["action"], told["after"]["done"], told["after"]["filter"]) == (
        "jobs.bulk_cancel",
        3,
        {"owner_id": user.id},
    )


def test_seconds_of_a_gpu_are_counted_for_those_who_used_it(farm: Farm, user: Caller) -> None:
    beat(farm, "gpu@x", gpu="GPU-1", able=("render",), started_with=("render", "ingest"))
    job_id = job_of(user.id, TaskName.RENDER_STILL)
    render = claim(farm, job_id, "gpu@x")
    probe = claim(farm, job_of(user.id), "gpu@x")
    for taken in (render, probe):
        farm.report(taken, result={"x": 1})
    db.session.execute(db.text("UPDATE attempt SET started_at = ended_at - interval '7 s'"))
    db.session.commit()

    periods = list_history(db.session(), UUID(user.id), by="day", days=1)

    assert [round(period.gpu_s, 3) for period in periods] == [7.0]
    assert user.get(f"/jobs/{job_id}")["gpu_s"] == 7.0


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nodes"), ("GET", "queues"), ("GET", "dead-letters"), ("POST", "rebalance"), ("POST", "moves")],
)
def test_the_farm_is_for_administrators_alone(user: Caller, method: str, path: str) -> None:
    answer = user.expect(403, method, f"/admin/farm/{path}", {} if method == "POST" else None)

    assert answer["code"] == "auth.forbidden"


def test_the_gauges_tell_of_nodes_and_of_the_work_that_waits(farm: Farm, user: Caller, client: Any) -> None:
    beat(farm, "a@x")
    beat(farm, "b@x", proven_s=99.0)
    job_of(user.id)

    text = client.get("/metrics").get_data(as_text=True)

    assert 'reelyard_nodes{state="online"} 1.0' in text
    assert 'reelyard_nodes{state="offline"} 1.0' in text
    assert 'reelyard_queue_predicted_seconds{queue="ingest"} 10.0' in text
    assert 'reelyard_queue_slots{queue="ingest"} 2.0' in text


def test_the_gauges_tell_of_the_cards_of_nodes_that_are_online(farm: Farm, client: Any) -> None:
    card = GpuState("GPU-1", 3, "NVIDIA H200", "580.1", 5 << 30, 140 << 30, use_percent=71, temperature_c=64)
    beat(farm, "render3@gauged", host="gauged", gpus=(card,))
    beat(farm, "spare@gauged", host="gauged", gpus=(card,))
    beat(farm, "render0@silent", host="silent", gpus=(card,), proven_s=99.0)

    lines = client.get("/metrics").get_data(as_text=True).splitlines()

    assert sorted(line for line in lines if 'host="gauged"' in line) == [
        'reelyard_gpu_memory_bytes{gpu="3",host="gauged"} 1.5032385536e+11',
        'reelyard_gpu_memory_used_bytes{gpu="3",host="gauged"} 5.36870912e+09',
        'reelyard_gpu_temperature_celsius{gpu="3",host="gauged"} 64.0',
        'reelyard_gpu_use_percent{gpu="3",host="gauged"} 71.0',
    ]
    assert not any('host="silent"' in line for line in lines)


def test_nodes_long_gone_are_forgotten_unless_something_was_ordered_of_them(admin: Caller, farm: Farm) -> None:
    from api.farm.beats import sweep

    for name in ("gone@x", "ordered@x", "here@x"):
        beat(farm, name)
    admin.expect(200, "PATCH", "/admin/farm/nodes/ordered@x", {"slots": 1})
    db.session.execute(db.text("UPDATE farm_node SET seen_at = now() - interval '8 days' WHERE id <> 'here@x'"))
    db.session.commit()

    assert sweep(db.session()) == 1
    assert [node["id"] for node in admin.get("/admin/farm/nodes")["items"]] == ["here@x", "ordered@x"]
