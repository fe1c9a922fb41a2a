"""A crash at any end of a transaction or call of the storage: what is then repeated is done once, and all is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

import api.boundaries
import api.jobs.publish
import tasks.storage.connection
from api.boundaries import arm_commits
from api.control.dispatcher import dispatch
from api.control.reconciler import reconcile
from api.credits.ledger import find_imbalances
from api.extensions import db, get_storage
from api.jobs.models import Step
from api.jobs.publish import get_publisher
from tasks.contracts import StepReport
from tasks.errors import TransientError
from tasks.failpoints import VARIABLE
from tasks.names import REPORT_PATH, CallbackPath, TaskName
from tasks.storage.connection import arm_calls
from tests.api.farm import CLIP, Caller, Farm, media_of, receipt_of, send, sha256_of, transcript_of
from tests.api.others import another_app
from tests.apps import PASSWORD, clear_limits, empty_tables, sign_up

MOST_TRIES = 5
RESULT = b"finished video"
UNCLEAR = """SELECT (SELECT count(*) FROM job WHERE state <> 'succeeded'),
    (SELECT count(*) FROM attempt WHERE outcome IS NULL), (SELECT count(*) FROM step WHERE state <> 'succeeded')"""
MADE = """SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM upload), (SELECT count(*) FROM render),
    (SELECT count(*) FROM idempotency_key), (SELECT count(*) FROM credit_entry WHERE kind = 'reserve'),
    (SELECT count(*) FROM credit_entry WHERE kind IN ('commit', 'refund'))"""


class Trap:
    """Breaks off what comes to one failpoint for the first time, and notes all that were passed."""

    def __init__(self) -> None:
        self.name = ""
        self.passed: list[str] = []

    def __call__(self, name: str, *, attempt: int = 0) -> None:
        self.passed.append(name)
        if name == self.name:
            self.name = ""
            raise TransientError("failpoint.raised", name)


@pytest.fixture
def trap(app: Any, monkeypatch: pytest.MonkeyPatch) -> Trap:
    """The application with a trap at every failpoint."""
    trap, dialect = Trap(), db.engine.dialect
    monkeypatch.setenv(VARIABLE, "nowhere=raise")
    monkeypatch.setattr(dialect, "do_commit", dialect.do_commit)
    arm_commits(db.engine)
    monkeypatch.delenv(VARIABLE)
    for module in (api.boundaries, api.jobs.publish, tasks.storage.connection):
        monkeypatch.setattr(module, "failpoint", trap)
    return trap


def run(statement: str) -> None:
    db.session.execute(db.text(statement))
    db.session.commit()


def again(call: Callable[[], Any]) -> Any:
    """Call until the answer is none that is worth a repeat."""
    for _ in range(MOST_TRIES):
        answer = call()
        if answer.status_code < 500:
            return answer
        db.session.rollback()  # requests of a test share its session
    raise AssertionError(answer.get_json())


class Story:
    """A video is brought in and rendered by clients, an engine and workers that repeat what was broken off."""

    def __init__(self, user: Caller, farm: Farm) -> None:
        self.user, self.farm = user, farm

    def tell(self) -> None:
        declared = {"filename": "clip.mp4", "content_type": "video/mp4", "size_bytes": len(CLIP)}
        ticket = self.order("/uploads", declared)
        assert [answer.status_code for answer in send(ticket, CLIP)] == [200]
        job_id = again(lambda: self.user.call("POST", f"/uploads/{ticket['id']}/complete")).get_json()["job_id"]
        for name, result in (
            ("probe", media_of()),
            ("transcribe", transcript_of("It", "was")),
            ("poster", {"object_key": None}),
        ):
            self.do(job_id, name, lambda _, result=result: result)
        asset = ticket["asset_id"]
        [transcript] = again(lambda: self.user.call("GET", f"/transcripts?asset_id={asset}")).get_json()["items"]
        path = f"/transcripts/{transcript['id']}/scenario?preset=pop"
        scenario = again(lambda: self.user.call("GET", path)).get_json()
        ordered = self.order("/renders", {"source_asset_id": asset, "scenario": scenario, "mode": "off"})
        self.do(ordered["job_id"], "render", self.render)

    def order(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": uuid4().hex}
        answer = again(lambda: self.user.call("POST", path, body, headers))
        assert answer.status_code in (201, 202), answer.get_json()
        told: dict[str, Any] = answer.get_json()
        return told

    def do(self, job_id: str, name: str, work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Have a step rung, claimed, done and reported; an answer to a claim that was lost costs its lease."""
        for _ in range(MOST_TRIES):
            self.let_engine_work()
            step = self.step(job_id, name)
            if step.state == "succeeded":
                return
            message = {"version": 1, "job_id": job_id, "step_id": str(step.id), "node": "test", "task": step.task}
            path = CallbackPath.CLAIM.format(step_id=step.id)
            claim = again(lambda path=path, message=message: self.farm.post(path, message)).get_json()
            if claim["claimed"]:
                self.report(claim, step.task, work)
            else:
                run("UPDATE step SET lease_until = now() - interval '1 s' WHERE lease_until > now()")
            run("UPDATE step SET run_after = NULL")
        raise AssertionError(f"{name} is {self.step(job_id, name).state}")

    def report(self, claim: dict[str, Any], task: str, work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        try:
            result = work(claim)
        except TransientError:
            return  # the worker died, and says nothing any more
        report = StepReport(claim["job_id"], claim["step_id"], claim["token"], result=result)
        path = REPORT_PATH.get(TaskName(task), CallbackPath.REPORT).format(step_id=claim["step_id"])
        assert again(lambda: self.farm.post(path, report.to_json())).status_code == 200

    def render(self, claim: dict[str, Any]) -> dict[str, Any]:
        key, poster = f"{claim['output_prefix']}out.mp4", f"{claim['output_prefix']}poster.png"
        get_storage().put_bytes(key, RESULT, content_type="video/mp4")
        get_storage().put_bytes(poster, b"png", content_type="image/png")
        told = {"object_key": key, "poster_key": poster, "size_bytes": len(RESULT), "sha256": sha256_of(RESULT)}
        return {**told, "receipt": receipt_of()}

    @staticmethod
    def step(job_id: str, name: str) -> Step:
        db.session.rollback()
        step = db.session.query(Step).filter_by(job_id=job_id, name=name).one()
        db.session.expunge(step)
        return step

    @staticmethod
    def let_engine_work() -> None:
        """One round of each loop, begun anew where one was broken off, as a process that was started again does.

        Nothing was rung by the chain, as when the broker was away: the bells have come due.
        """
        run("UPDATE outbox SET due_at = now() WHERE sent_at IS NULL")
        rounds: tuple[Callable[[], Any], ...] = (
            lambda: dispatch(db.session(), get_publisher(), rering_s=2.0),
            lambda: reconcile(db.session(), rering_s=2.0),
        )
        for one in rounds:
            try:
                one()
            except TransientError:
                db.session.rollback()
                one()


def new_story(app: Any, farm: Farm) -> Story:
    client = app.test_client()
    user_id, token = sign_up(client, f"{uuid4().hex}@example.com")
    return Story(Caller(client, token, user_id), farm)


def test_a_crash_at_any_boundary_leaves_what_a_repeat_ends_once(app: Any, trap: Trap) -> None:
    farm = Farm(app.test_client(), app.extensions["settings"].callback_secret)
    app.extensions.pop("storage", None)
    arm_calls(get_storage()._client.meta.events)  # type: ignore[attr-defined]
    story = new_story(app, farm)
    trap.passed.clear()
    story.tell()
    names = [name for name in dict.fromkeys(trap.passed) if not name.endswith(":elsewhere")]
    made = db.session.execute(db.text(MADE)).one()
    assert {"before_commit:api.control.dispatcher.dispatch", "after_commit:api.idempotency.finish"} <= set(names)
    assert "after_storage:PutObject" in names and len(names) > 12

    for name in names:
        empty_tables()
        clear_limits(app)
        story = new_story(app, farm)
        trap.name = name
        story.tell()

        assert trap.name == "", f"{name} was not passed"
        assert db.session.execute(db.text(UNCLEAR)).one() == (0, 0, 0), name
        assert db.session.execute(db.text(MADE)).one() == made, name
        assert find_imbalances(db.session()) == [], name


def test_a_process_that_is_told_to_is_broken_off_at_the_boundary_that_is_named(
    database_environ: dict[str, str], app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = {"email": "boundary@example.com", "password": PASSWORD}
    monkeypatch.setenv(VARIABLE, "nowhere=raise")

    with another_app(database_environ) as armed:
        client = armed.test_client()
        before = "before_commit:api.auth.routes.Register.post"
        monkeypatch.setenv(VARIABLE, f"{before}=raise")
        refused = client.post("/api/v1/auth/register", json=who)
        monkeypatch.setenv(VARIABLE, f"{before.replace('before', 'after')}=raise")
        made = client.post("/api/v1/auth/register", json=who)
        monkeypatch.delenv(VARIABLE)

    assert (refused.status_code, refused.get_json()["code"]) == (503, "failpoint.raised")
    assert (made.status_code, made.get_json()["code"]) == (503, "failpoint.raised")
    assert db.session.scalar(db.text("SELECT count(*) FROM \"user\" WHERE email = 'boundary@example.com'")) == 1
