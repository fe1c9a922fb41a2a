"""Jobs as their owners see them over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.apps import sign_up
from tests.engine.play import KIND, Play, fan_out, ingest, one_step
from tests.engine.test_statements import counted


class User:
    """An ordinary client with an account."""

    def __init__(self, client: Any, email: str) -> None:
        user_id, self.token = sign_up(client, email)
        self.id = UUID(user_id)
        self.client = client

    def call(self, method: str, path: str, **headers: str) -> Any:
        signed = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.client.open(f"/api/v1{path}", method=method, headers=signed)


@pytest.fixture
def user(client: Any) -> User:
    return User(client, "ada@example.com")


@pytest.fixture
def mine(app: Any, user: User, play: Play) -> Play:
    """Jobs of the user."""
    return Play(app, user.id)


def test_a_job_shows_state_progress_steps_and_history(mine: Play, user: User) -> None:
    job_id = mine.create(ingest())
    mine.succeed(mine.claim(job_id, "probe"))
    mine.beat(mine.claim(job_id, "transcribe"), 0.5, stage="speech", done=5.0, total=10.0, unit="seconds")

    body = user.call("GET", f"/jobs/{job_id}").get_json()

    assert (body["kind"], body["state"], body["priority"], body["run"]) == (KIND, "running", "normal", 1)
    assert body["progress"] == {"percent": 49.5, "stage": "speech", "done": 5.0, "total": 10.0, "unit": "seconds"}
    assert body["eta_s"] >= 0
    assert body["error"] is None
    assert set(body["subject"]) == {"asset_id", "upload_id", "render_id"}
    assert [(step["name"], step["state"], step["attempt"]) for step in body["steps"]] == [
        ("probe", "succeeded", 1),
        ("transcribe", "running", 1),
        ("poster", "queued", 0),
    ]
    (attempt,) = body["steps"][0]["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["code"]) == (1, "succeeded", None)
    assert "token" not in str(body)
    assert "node" not in str(body["steps"])


def test_jobs_are_listed_newest_first_in_pages_and_by_filter(mine: Play, user: User) -> None:
    jobs = [mine.create(one_step()) for _ in range(5)]
    mine.cancel(jobs[0])

    first = user.call("GET", "/jobs?limit=3").get_json()
    second = user.call("GET", f"/jobs?limit=3&cursor={first['next_cursor']}").get_json()

    assert [job["id"] for job in first["items"] + second["items"]] == [str(job_id) for job_id in reversed(jobs)]
    assert second["next_cursor"] is None
    cancelled = user.call("GET", "/jobs?state=cancelled").get_json()["items"]
    assert [job["id"] for job in cancelled] == [str(jobs[0])]
    assert len(user.call("GET", "/jobs?kind=traced&state=queued").get_json()["items"]) == 4
    assert user.call("GET", "/jobs?kind=render").get_json()["items"] == []
    assert user.call("GET", "/jobs?state=asleep").status_code == 422


def test_a_look_at_a_job_and_at_a_list_costs_the_same_however_much_there_is(mine: Play, user: User) -> None:
    def statements(path: str) -> int:
        user.call("GET", path)
        with counted() as sent:
            assert user.call("GET", path).status_code == 200
        return len(sent)

    few, many = mine.create(fan_out(2)), mine.create(fan_out(30))
    listed = statements("/jobs")
    for part in range(30):
        mine.succeed(mine.claim(many, "part", part=part))
    for _ in range(10):
        mine.succeed(mine.claim(mine.create(one_step()), "only"))

    assert statements(f"/jobs/{many}") == statements(f"/jobs/{few}")
    assert statements("/jobs") == listed


def test_jobs_of_others_do_not_exist(mine: Play, play: Play, user: User) -> None:
    theirs = play.create(one_step())

    for job_id in (theirs, uuid4()):
        for method, path in (
            ("GET", f"/jobs/{job_id}"),
            ("POST", f"/jobs/{job_id}/cancel"),
            ("POST", f"/jobs/{job_id}/retry"),
            ("GET", f"/jobs/{job_id}/events"),
        ):
            answer = user.call(method, path)
            assert (answer.status_code, answer.get_json()["code"]) == (404, "job.not_found"), path
    assert user.call("GET", "/jobs").get_json()["items"] == []
    assert play.states(theirs) == {"job": "queued", "only": "queued"}


def test_cancel_over_http_is_final_and_repeatable(mine: Play, user: User) -> None:
    job_id = mine.create(one_step())

    first = user.call("POST", f"/jobs/{job_id}/cancel")
    second = user.call("POST", f"/jobs/{job_id}/cancel")

    assert (first.status_code, first.get_json()["state"]) == (202, "cancelled")
    assert (second.status_code, second.get_json()["state"]) == (202, "cancelled")
    assert mine.effects(job_id) == ["cancelled"]


def test_cancelling_a_finished_job_is_a_conflict(mine: Play, user: User) -> None:
    job_id = mine.create(one_step())
    mine.succeed(mine.claim(job_id, "only"))

    answer = user.call("POST", f"/jobs/{job_id}/cancel")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "job.finished")
    assert answer.get_json()["details"] == {"state": "succeeded"}


def test_retry_over_http_starts_the_job_again(mine: Play, user: User) -> None:
    job_id = mine.create(one_step())
    mine.fail(mine.claim(job_id, "only"))

    answer = user.call("POST", f"/jobs/{job_id}/retry")

    assert (answer.status_code, answer.get_json()["state"], answer.get_json()["run"]) == (202, "queued", 2)


def test_a_retry_sent_again_with_its_key_is_answered_from_memory(mine: Play, user: User) -> None:
    first_job, second_job = mine.create(one_step()), mine.create(one_step())
    for job_id in (first_job, second_job):
        mine.fail(mine.claim(job_id, "only"))
    first = user.call("POST", f"/jobs/{first_job}/retry", Idempotency_Key="k1")
    mine.fail(mine.claim(first_job, "only"))

    again = user.call("POST", f"/jobs/{first_job}/retry", Idempotency_Key="k1")
    other = user.call("POST", f"/jobs/{second_job}/retry", Idempotency_Key="k1")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == first.get_json()
    assert (mine.job(first_job).state, mine.job(first_job).run) == ("failed", 2)
    assert (other.status_code, other.get_json()["id"]) == (202, str(second_job))


def test_gauges_count_jobs_queues_and_the_longest_wait(mine: Play, user: User, client: Any) -> None:
    mine.create(ingest())
    mine.claim(mine.create(one_step()), "only")

    text = client.get("/metrics").get_data(as_text=True)

    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("reelyard_"))
    assert lines['reelyard_jobs{state="queued"}'] == "1.0"
    assert lines['reelyard_jobs{state="running"}'] == "1.0"
    assert lines['reelyard_queue_depth{queue="ingest"}'] == "1.0"
    assert lines['reelyard_queue_running{queue="ingest"}'] == "1.0"
    assert lines['reelyard_queue_depth{queue="transcription"}'] == "0.0"
    assert 0 <= float(lines['reelyard_queue_oldest_seconds{queue="ingest"}']) < 60
