"""The checker finds nothing in an honest world, and in each dishonest one exactly what is wrong with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from api.control.reconciler import reconcile
from api.extensions import db, get_storage
from api.webhooks.courier import Courier
from bench.chaos import orders, poisons
from bench.chaos.check import Verdict, judge
from bench.chaos.heard import ASKED
from bench.chaos.orders import plan_orders
from bench.chaos.receiver import Receiver, read_received
from bench.chaos.rows import Rows
from tests.api.farm import Caller, Farm, find_step, ingest, receipt_of, sha256_of
from tests.api.hooking import INSIDE
from tests.api.others import another_app
from tests.e2e.stack import caption

RESULT = b"finished video"
SOURCES = 1


class World(Rows):
    """Rows inside a transaction that is never committed, so that they can be broken and are whole again."""

    def __init__(self, url: str, log: list[dict[str, Any]], received: list[dict[str, Any]]) -> None:
        super().__init__(url)
        self._connection = psycopg2.connect(url)
        self.do("SET session_replication_role = replica")  # no triggers: not even the ledger's own guard
        self.log, self.received = log, received

    def do(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def judged(self) -> Verdict:
        return judge(self.log, self, get_storage(), received=self.received, sources=SOURCES)

    def broken(self) -> set[str]:
        verdict = self.judged()
        return {name for name, found in verdict.wrong.items() if found}


def hand_in(farm: Farm, job_id: str) -> None:
    claim = farm.claim(job_id, "render")
    key = f"{claim['output_prefix']}out.mp4"
    get_storage().put_bytes(key, RESULT, content_type="video/mp4")
    result = {"object_key": key, "size_bytes": len(RESULT), "sha256": sha256_of(RESULT), "receipt": receipt_of()}
    assert farm.report(claim, result={**result, "poster_key": None}).status_code == 200


def lose_worker(farm: Farm, job_id: str) -> None:
    step = find_step(job_id, "render")
    farm.claim(job_id, "render")
    db.session.execute(
        db.text("UPDATE step SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": str(step.id)}
    )
    db.session.commit()
    assert reconcile(db.session(), rering_s=2.0)["lease_over"] == 1


@pytest.fixture(scope="module")
def sending(database_environ: dict[str, str]) -> Iterator[Any]:
    """An installation that may send to loopback."""
    with another_app({**database_environ, **INSIDE}) as one:
        yield one


@contextmanager
def listening(sending: Any, user: Caller, log: list[dict[str, Any]], received: Path) -> Iterator[None]:
    """Have an endpoint of the user's for the length of the block, and in the end all that happened sent to it."""
    with Receiver(0, received) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        try:
            wanted = {"url": f"http://127.0.0.1:{receiver.server_port}/0", "events": [ASKED]}
            made = Caller(sending.test_client(), user.token, user.id).post("/webhooks", wanted, expect=201)
            told = {"webhook": made["id"], "path": "/0", "secret": made["secret"]}
            log.append({"at": time.time(), "what": "listening", **told})
            yield
            with sending.app_context():
                courier = Courier(sending.extensions["settings"])
                while courier.serve_one(db.session()):
                    pass
                db.session.remove()
        finally:
            receiver.shutdown()
            thread.join()


@pytest.fixture
def world(user: Caller, farm: Farm, sending: Any, tmp_path: Path, database_environ: dict[str, str]) -> Iterator[World]:
    """One render that succeeded, one that killed three workers, one cancelled; their source, and what was told."""
    for found in list(get_storage().list("")):
        get_storage().delete([found.key])
    source, log = ingest(user, farm), []

    def order(number: int, fate: str) -> str:
        body = {"source_asset_id": source, "scenario": caption(f"Number {number}", width=1080, height=1920)}
        job_id: str = user.post("/renders", body, expect=202)["job_id"]
        log.append({"at": time.time(), "what": "accepted", "number": number, "job": job_id, "kind": "render"})
        log[-1] |= {"fate": fate, "poison": poisons.STUCK if fate == orders.POISON else ""}
        return job_id

    with listening(sending, user, log, tmp_path / "received.jsonl"):
        hand_in(farm, order(0, "fine"))
        poison = order(1, "poison")
        for _ in range(3):
            lose_worker(farm, poison)
        cancelled = order(2, "cancelled")
        user.post(f"/jobs/{cancelled}/cancel", expect=202)
    log.append({"at": time.time(), "what": "cancelled", "job": cancelled, "number": 2, "final": True})
    log.append({"at": time.time(), "what": "settled"})
    world = World(database_environ["DATABASE_URL"], log, read_received(tmp_path / "received.jsonl"))
    with world:
        yield world


DISHONEST = {
    "lost": "DELETE FROM job WHERE id = '{cancelled}'",
    "late": "UPDATE job SET finished_at = now() + interval '3 minutes' WHERE id = '{fine}'",
    "ordered twice": """INSERT INTO job SELECT (jsonb_populate_record(job, jsonb_build_object('id', gen_random_uuid(),
        'event_seq', 0, 'run', 0, 'kind', 'x'))).* FROM job WHERE id = '{cancelled}'""",
    "wrong end": "UPDATE job SET error_code = 'internal.error' WHERE id = '{poison}'",
    "poison attempts": """INSERT INTO attempt SELECT (jsonb_populate_record(a, '{{"number": 4, "token": 0}}')).*
        FROM attempt a JOIN step s ON s.id = a.step_id WHERE s.job_id = '{poison}' AND a.number = 1""",
    "poison causes": """UPDATE attempt a SET message = 'It did not work.' FROM step s
        WHERE s.id = a.step_id AND s.job_id = '{poison}'""",
    "double effect": """INSERT INTO asset SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),
        'state', 'deleted', 'object_key', 'jobs/{fine}/again/1/x'))).* FROM asset a WHERE kind = 'render'""",
    "foreign result": "UPDATE asset SET sha256 = 'other' WHERE kind = 'render'",
    "events": "DELETE FROM event WHERE job_id = '{fine}' AND seq = 2",
    "open attempts": """UPDATE attempt SET outcome = NULL FROM step s
        WHERE s.id = step_id AND s.job_id = '{cancelled}'""",
    "balance": "UPDATE credit_account SET balance = balance + 1",
    "open reservation": "UPDATE credit_entry SET kind = 'grant' WHERE job_id = '{fine}' AND kind = 'commit'",
    "quota": "UPDATE quota_counter SET used = used + 1 WHERE kind = 'concurrent_renders'",
}


def test_an_honest_world_passes(world: World) -> None:
    assert world.broken() == set()
    verdict = world.judged()
    assert verdict.passed
    assert verdict.counts["messages"] == {"came": 8, "came again": 0}
    assert verdict.counts["ends"] == {"succeeded": 1, "failed": 1, "cancelled": 1}


def test_each_broken_promise_is_found_and_no_other_is_blamed(world: World) -> None:
    fine, poison, cancelled = (line["job"] for line in world.log if line["what"] == "accepted")
    found = {}
    for name, statement in DISHONEST.items():
        world.do("SAVEPOINT honest")
        world.do(statement.format(fine=fine, poison=poison, cancelled=cancelled))
        found[name] = world.broken()
        world.do("ROLLBACK TO SAVEPOINT honest")
    alone = {name: broken for name, broken in found.items() if name not in ("lost", "open attempts")}
    assert alone == {name: {name} for name in alone}
    assert "lost" in found["lost"]
    assert world.broken() == set()


def test_objects_that_nobody_needs_or_that_are_gone_are_found(world: World) -> None:
    get_storage().put_bytes("jobs/nobody/render/1/left.mp4", b"x", content_type="video/mp4")
    assert world.broken() == {"orphan object"}
    get_storage().delete(["jobs/nobody/render/1/left.mp4"])
    [video] = [key for (key,) in world.all("SELECT object_key FROM asset WHERE kind = 'render'")]
    get_storage().put_bytes(video, b"changed afterwards", content_type="video/mp4")
    assert world.broken() == {"foreign result"}
    get_storage().delete([video])
    assert world.broken() == {"missing object"}


def test_a_cancellation_that_was_granted_must_hold(world: World) -> None:
    world.log = [line for line in world.log if line["what"] != "cancelled"]
    [fine] = [line["job"] for line in world.log if line.get("number") == 0]
    world.log.append({"at": world.log[0]["at"], "what": "cancelled", "job": fine, "number": 0, "final": True})
    assert world.broken() == {"wrong end"}


def test_a_job_that_is_retried_pays_for_the_run_that_came_to_something(world: World, user: Caller, farm: Farm) -> None:
    [poison] = [line["job"] for line in world.log if line.get("number") == 1 and line["what"] == "accepted"]
    user.post(f"/jobs/{poison}/retry", expect=202)
    assert "open reservation" in world.broken()
    hand_in(farm, poison)
    assert "open reservation" not in world.broken()
    world.do(f"UPDATE job SET run = 1 WHERE id = '{poison}'")
    assert "open reservation" in world.broken()


def test_orders_are_the_same_for_the_same_seed_and_one_in_fifty_is_poison() -> None:
    first = plan_orders(300, seed=7, users=10)
    assert first == plan_orders(300, seed=7, users=10) != plan_orders(300, seed=8, users=10)
    assert [order.number for order in first if order.fate == orders.POISON] == [25, 75, 125, 175, 225, 275]
    assert [order.poison for order in first if order.fate == orders.POISON] == list(poisons.KINDS)
    assert {order.kind for order in first if order.fate == orders.BROKEN} == {orders.UPLOAD}
    text = orders.scenario_of(first[3], duration_s=60.0)
    assert orders.read_order(orders.find_text(text)) == first[3]
