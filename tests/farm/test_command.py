"""``reelyard farm`` against a running API."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.extensions import db
from api.jobs import service
from cli.main import main
from tasks.client import ControlClient
from tasks.contracts import NodeBeat
from tasks.names import Priority, TaskName
from tasks.workflows.plan import StepSpec
from tests.apps import PASSWORD
from tests.factories.users import UserFactory
from tests.farm.conftest import Farm


@pytest.fixture
def command(farm: Farm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command as an administrator; return exit code and what it printed."""
    patient = dataclasses.replace(farm.app.extensions["settings"], node_lost_s=600.0)
    monkeypatch.setitem(farm.app.extensions, "settings", patient)
    url = farm.environ["REELYARD_API_URL"]
    admin = UserFactory(role="admin")
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as http:
        login = http.post("/auth/login", json={"email": admin.email, "password": PASSWORD}).json()
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        token = http.post("/tokens", json={"name": "ops", "scopes": ["admin"]}, headers=bearer).json()["token"]
    monkeypatch.setenv("REELYARD_TOKEN", token)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["farm", "--url", url, *arguments])
        told = capsys.readouterr()
        return code, told.out or told.err

    return run


def beat(farm: Farm, node: str, queues: tuple[str, ...]) -> None:
    client = ControlClient(farm.environ["REELYARD_API_URL"], farm.environ["REELYARD_CALLBACK_SECRET"], node=node)
    both = ("ingest", "transcription")
    told: dict[str, Any] = {"started_with": queues, "able": both, "queues": queues, "slots": 2, "started_slots": 2}
    client.beat(NodeBeat(node, "i", "host", "cpu", 1, **told))
    client.close()


def test_an_administrator_looks_after_the_farm_from_a_terminal(farm: Farm, command: Any) -> None:
    beat(farm, "a@x", ("ingest",))
    beat(farm, "b@x", ("ingest",))

    code, nodes = command("nodes")
    moved = command("move", "transcription", "--to", "b@x")[1]
    plan = command("rebalance")[1]
    drained = json.loads(command("--json", "drain", "a@x", "--deadline", "60")[1])
    command("pause-queue", "ingest", "--reason", "a test")
    queues = command("queues")[1]
    letters = command("dead-letters")[1]

    assert code == 0
    assert [line.split()[:4] for line in nodes.splitlines()] == [
        ["node", "state", "why", "runs"],
        ["a@x", "online", "0/2", "ingest"],
        ["b@x", "online", "0/2", "ingest"],
    ]
    assert "wanted_queues   ingest, transcription" in moved
    assert plan.splitlines() == [
        "b@x: ingest,transcription -> transcription   (transcription has 0 of the 2.0 slots that its weight gives it)"
    ]
    assert (drained["state"], drained["wanted_queues"]) == ("draining", [])
    assert next(line.split()[:2] for line in queues.splitlines() if line.startswith("ingest")) == ["ingest", "paused"]
    assert letters.split() == ["signature", "jobs", "users", "code", "task", "message"]


def order_jobs(owner_id: UUID, count: int, *, kind: str) -> None:
    spec = [StepSpec("work", TaskName.SPEECH_TRANSCRIBE, {})]
    for _ in range(count):
        service.create_job(db.session(), owner_id=owner_id, kind=kind, steps=spec, priority=Priority.NORMAL, subject={})
    db.session.commit()


def test_jobs_are_cancelled_and_retried_by_filter_after_a_preview(farm: Farm, command: Any, owner_id: UUID) -> None:
    order_jobs(owner_id, 3, kind="bulk")
    order_jobs(owner_id, 1, kind="other")
    chosen = ("--kind", "bulk", "--owner", str(owner_id), "--after", "2020-01-01T00:00:00Z")

    preview = command("jobs", "cancel", *chosen)
    surprise = command("jobs", "cancel", *chosen, "--yes", "--expected", "2")
    done = command("jobs", "cancel", *chosen, "--yes")
    again = command("jobs", "cancel", *chosen, "--yes")
    retried = json.loads(command("--json", "jobs", "retry", "--state", "cancelled", *chosen, "--yes")[1])
    everything = command("jobs", "cancel", "--yes")

    told = [
        "3 jobs of 1 owners match: 3 bulk; 3 queued",
        "steps: 3 queued; about 30 s of work",
        "credits: 0 reserved, 0 charged, 0 given back; 0 owners have too few",
    ]
    assert preview == (0, "\n".join([*told, ""]))
    assert surprise == (1, "\n".join([*told, ""]))
    assert done == (0, "\n".join([*told, "3 of 3 jobs changed, 0 refused", ""]))
    assert again[1].startswith("0 jobs of 0 owners match: none; none\n")
    assert (retried["applied"], retried["done"]) == (True, 3)
    assert everything[0] == 2
    assert everything[1].startswith("usage.invalid: ")
    db.session.rollback()
    states = db.session.execute(db.text("SELECT kind, state, count(*) FROM job GROUP BY 1, 2 ORDER BY 1")).all()
    assert [tuple(row) for row in states] == [("bulk", "queued", 3), ("other", "queued", 1)]


def test_the_policy_of_a_queue_is_shown_and_changed(farm: Farm, command: Any) -> None:
    before = json.loads(command("--json", "queue", "render")[1])
    changed = command("queue", "render", "--weight", "2.5", "--min-slots", "1", "--gpu", "require")
    after = json.loads(command("--json", "queue", "render")[1])
    unknown = command("queue", "dance", "--weight", "1")

    assert [before[name] for name in ("weight", "min_slots", "gpu")] == [1.0, 0, "any"]
    assert changed[0] == 0
    assert [after[name] for name in ("weight", "min_slots", "gpu")] == [2.5, 1, "require"]
    assert unknown[1].startswith("queue.not_found: ")


def test_the_command_says_what_it_lacks(farm: Farm, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = command("drain", "nobody@x")
    monkeypatch.delenv("REELYARD_TOKEN")
    keyless = command("nodes")

    assert unknown == (1, "node.not_found: No node called nobody@x was ever heard of\n")
    assert keyless == (1, "config.invalid: REELYARD_TOKEN is not set: an API token with the scope admin\n")
