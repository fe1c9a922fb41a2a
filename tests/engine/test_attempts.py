"""Claims, leases, fencing, reports: what workers may do to a step."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db
from api.jobs import attempts
from tasks.contracts import Claim, ClaimRequest, StepFailure
from tasks.errors import FencedError, PermanentError
from tests.engine.play import RENDER, Play, StepSpec, fan_out, ingest, one_step


def test_a_claim_hands_over_input_token_lease_and_a_prefix_of_its_own(play: Play) -> None:
    job_id = play.create(one_step())

    claim = play.claim(job_id, "only")

    assert (claim.name, claim.part, claim.attempt) == ("only", 0, 1)
    assert claim.input == {"object_key": "uploads/x"}
    assert (claim.lease_s, claim.beat_s) == (3.0, 0.5)
    assert claim.token > 0
    assert claim.output_prefix == f"jobs/{job_id}/only/{claim.token}/"
    assert play.states(job_id) == {"job": "running", "only": "running"}
    assert play.events(job_id) == ["job.queued", "job.running", "step.running"]


def test_twenty_threads_claim_one_step_and_one_wins(play: Play) -> None:
    job_id = play.create(one_step())
    request = ClaimRequest(str(job_id), str(play.step(job_id, "only").id), "node", "ingest.probe")
    answers: list[Claim] = []
    start = threading.Barrier(20)

    def claim() -> None:
        with play.app.app_context():
            start.wait()
            answers.append(attempts.claim_step(db.session(), request))
            db.session.commit()

    threads = [threading.Thread(target=claim) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(answer.claimed for answer in answers) == {True: 1, False: 19}
    assert {answer.reason for answer in answers if not answer.claimed} == {"running"}
    assert play.history(job_id, "only") == [(1, None, None)]


def test_a_step_is_claimed_only_after_what_it_waits_for(play: Play) -> None:
    job_id = play.create(ingest())

    early = play.ask(job_id, "transcribe")
    play.succeed(play.claim(job_id, "probe"), media="found")
    later = play.claim(job_id, "transcribe")

    assert (early.claimed, early.reason) == (False, "waiting")
    assert later.results == {"probe": {"media": "found"}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"task": "render.video"}, "unknown"), ({"step_id": str(uuid4())}, "unknown"), ({"job_id": "no-uuid"}, "unknown")],
)
def test_a_claim_of_something_else_is_unknown(play: Play, change: dict[str, str], reason: str) -> None:
    job_id = play.create(one_step())
    request = {"job_id": str(job_id), "step_id": str(play.step(job_id, "only").id), "node": "n", "task": "ingest.probe"}

    claim = attempts.claim_step(db.session(), ClaimRequest(**{**request, **change}))

    assert (claim.claimed, claim.reason) == (False, reason)
    assert play.states(job_id) == {"job": "queued", "only": "queued"}


def test_a_claim_whose_answer_was_lost_is_given_again_to_the_same_asking(play: Play) -> None:
    job_id = play.create(one_step())

    first = play.ask(job_id, "only", nonce="abc")
    again = play.ask(job_id, "only", nonce="abc")
    other = play.ask(job_id, "only", nonce="def")

    assert again == first
    assert (other.claimed, other.reason) == (False, "running")
    assert play.step(job_id, "only").attempt == 1


def test_a_heartbeat_renews_the_lease_by_the_databases_clock(play: Play) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")
    play.let_lease_pass(claim)

    assert play.beat(claim) == 3.0

    left_s = db.session.scalar(db.text("SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM step"))
    assert 2.0 < float(left_s) <= 3.0
    assert play.reconcile()["lease_over"] == 0


def test_a_step_whose_lease_is_over_goes_to_the_next_and_the_old_owner_is_fenced(play: Play) -> None:
    job_id = play.create(one_step())
    old = play.claim(job_id, "only")
    play.let_lease_pass(old)

    assert play.reconcile()["lease_over"] == 1
    assert play.states(job_id) == {"job": "running", "only": "queued"}
    new = play.claim(job_id, "only")

    assert new.token > old.token
    assert new.attempt == 2
    assert new.output_prefix != old.output_prefix
    for call in (lambda: play.beat(old, 0.9), lambda: play.succeed(old, forged=1), lambda: play.fail(old)):
        with pytest.raises(FencedError) as refused:
            call()
        assert refused.value.code == "step.fenced"
    step = play.step(job_id, "only")
    assert (step.state, step.token, step.fraction, step.result) == ("running", new.token, 0.0, None)
    assert (step.charged, step.faults) == (0, 1)
    assert play.effects(job_id) == []
    play.succeed(new, good=1)
    assert play.history(job_id, "only") == [(1, "lost", "step.worker_lost"), (2, "succeeded", None)]


def test_a_late_report_between_lease_and_next_claim_changes_nothing(play: Play) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")
    play.let_lease_pass(claim)
    play.reconcile()

    with pytest.raises(FencedError):
        play.succeed(claim, late=1)

    assert play.states(job_id) == {"job": "running", "only": "queued"}


def test_an_input_that_loses_three_workers_is_poison_and_refunded_once(play: Play) -> None:
    job_id = play.create(one_step())
    for _ in range(3):
        play.let_lease_pass(play.claim(job_id, "only"))
        play.reconcile()

    job = play.job(job_id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == "job.poison"
    assert play.effects(job_id) == ["failed"]
    assert [outcome for _, outcome, _ in play.history(job_id, "only")] == ["lost", "lost", "lost"]
    assert play.ask(job_id, "only").reason == "failed"


def test_a_worker_that_was_stopped_in_order_and_not_in_time_counts_against_nobody(play: Play) -> None:
    job_id = play.create(one_step())
    for _ in range(4):
        claim = play.claim(job_id, "only")
        attempts.note_leaving(db.session(), "node")
        db.session.commit()
        play.let_lease_pass(claim)
        assert play.reconcile()["lease_over"] == 1
        play.let_pauses_pass(job_id)

    play.succeed(play.claim(job_id, "only"))

    step = play.step(job_id, "only")
    assert (step.state, step.charged, step.faults, step.handbacks) == ("succeeded", 0, 0, 4)
    stopped = [(number, "handed_back", "node.leaving") for number in range(1, 5)]
    assert play.history(job_id, "only") == [*stopped, (5, "succeeded", None)]


def test_only_attempts_that_were_open_as_their_worker_left_are_remembered(play: Play) -> None:
    done, later = play.create(one_step()), play.create(one_step())
    play.succeed(play.claim(done, "only"))
    attempts.note_leaving(db.session(), "node")
    db.session.commit()
    lost = play.claim(later, "only")
    play.let_lease_pass(lost)
    play.reconcile()

    assert play.history(done, "only") == [(1, "succeeded", None)]
    assert play.history(later, "only") == [(1, "lost", "step.worker_lost")]


def test_a_transient_failure_waits_and_is_charged_until_the_real_code_is_told(play: Play) -> None:
    job_id = play.create(one_step())
    pauses = []
    for number in range(3):
        claim = play.claim(job_id, "only")
        play.fail(claim, f"storage.away_{number}", permanent=False)
        step = play.step(job_id, "only")
        if step.state == "queued":
            pauses.append((step.run_after - step.queued_at).total_seconds())
            assert play.ask(job_id, "only").reason == "waiting"
            assert play.bells(job_id)["only"].due_at == step.run_after
        play.let_pauses_pass(job_id)

    job = play.job(job_id)
    assert job.state == "failed"
    assert job.error == {"code": "storage.away_2", "message": "It does not work.", "details": {}}
    assert [outcome for _, outcome, _ in play.history(job_id, "only")] == ["retried", "retried", "failed"]
    assert 0.05 < pauses[0] <= 0.25 < pauses[1] <= 0.5
    assert play.effects(job_id) == ["failed"]


def test_faults_of_the_machine_are_not_charged(play: Play) -> None:
    job_id = play.create(one_step())
    for _ in range(2):
        play.let_lease_pass(play.claim(job_id, "only"))
        play.reconcile()
    for _ in range(2):
        play.fail(play.claim(job_id, "only"), "storage.away", permanent=False)
        play.let_pauses_pass(job_id)

    play.succeed(play.claim(job_id, "only"))

    assert play.job(job_id).state == "succeeded"
    assert play.step(job_id, "only").attempt == 5


def test_a_permanent_failure_ends_the_job_and_stops_its_siblings(play: Play) -> None:
    job_id = play.create(ingest())
    play.succeed(play.claim(job_id, "probe"))
    speech, poster = play.claim(job_id, "transcribe"), play.claim(job_id, "poster")

    play.report(poster, failure=StepFailure("media.truncated", "Ends too early.", True, {"at_s": 3}))

    job = play.job(job_id)
    assert play.states(job_id) == {"job": "failed", "probe": "succeeded", "transcribe": "cancelled", "poster": "failed"}
    assert job.error == {"code": "media.truncated", "message": "Ends too early.", "details": {"at_s": 3}}
    with pytest.raises(FencedError):
        play.beat(speech)
    assert play.effects(job_id) == ["step probe", "failed"]
    assert play.events(job_id)[-2:] == ["step.failed", "job.failed"]


def test_the_last_report_ends_the_job_once(play: Play) -> None:
    job_id = play.create(ingest())
    for name in ("probe", "transcribe", "poster"):
        play.succeed(play.claim(job_id, name))

    job = play.job(job_id)
    assert (job.state, job.percent, job.eta_s) == ("succeeded", 100.0, None)
    assert play.effects(job_id) == ["step probe", "succeeded"]
    assert play.events(job_id)[-1] == "job.succeeded"


@pytest.mark.parametrize("outcome", ["succeed", "fail permanently", "fail for now"])
def test_the_same_report_twice_is_accepted_and_changes_nothing(play: Play, outcome: str) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")

    def report() -> None:
        if outcome == "succeed":
            play.succeed(claim)
        else:
            play.fail(claim, permanent=outcome == "fail permanently")

    report()
    before = (play.states(job_id), play.effects(job_id), play.events(job_id), play.history(job_id, "only"))
    report()

    assert (play.states(job_id), play.effects(job_id), play.events(job_id), play.history(job_id, "only")) == before


@pytest.mark.parametrize(("how", "code"), [("permanent", "media.truncated"), ("oops", "step.bad_result")])
def test_a_result_that_its_effects_refuse_fails_the_step_and_leaves_nothing_of_them(
    play: Play, how: str, code: str
) -> None:
    job_id = play.create(one_step())

    play.succeed(play.claim(job_id, "only"), explode=how)

    job = play.job(job_id)
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == code
    assert play.effects(job_id) == ["failed"]
    assert play.step(job_id, "only").result is None


def test_a_report_with_both_or_neither_is_refused(play: Play) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")

    for outcome in ({}, {"result": {}, "failure": StepFailure("a.b", "c", True)}):
        with pytest.raises(PermanentError) as refused:
            play.report(claim, **outcome)
        assert refused.value.code == "contract.invalid"
    assert play.states(job_id) == {"job": "running", "only": "running"}


def test_a_step_of_another_version_goes_back_uncharged_with_the_reason(play: Play) -> None:
    job_id = play.create(one_step())

    play.fail(play.claim(job_id, "only"), "contract.unknown_version")

    step = play.step(job_id, "only")
    assert (step.state, step.charged, step.faults, step.handbacks) == ("queued", 0, 0, 1)
    assert step.error_code == "contract.unknown_version"
    assert play.history(job_id, "only") == [(1, "handed_back", "contract.unknown_version")]
    play.let_pauses_pass(job_id)
    play.succeed(play.claim(job_id, "only"))
    assert play.job(job_id).state == "succeeded"


def test_forty_parts_join_once_and_not_before_the_last(play: Play) -> None:
    job_id = play.create(fan_out(40))
    claims = [play.claim(job_id, "part", part=number) for number in range(40)]
    refusals = set()
    for claim in claims:
        refusals.add(play.ask(job_id, "join").reason)
        play.succeed(claim, number=claim.part)

    join = play.claim(job_id, "join")

    assert refusals == {"waiting"}
    assert join.results == {"part": [{"number": number} for number in range(40)]}
    assert play.ask(job_id, "join").reason == "running"
    play.succeed(join)
    assert play.job(job_id).state == "succeeded"
    assert play.effects(job_id).count("succeeded") == 1


def test_parts_that_end_at_the_same_moment_make_the_join_ready_once(play: Play) -> None:
    job_id = play.create(fan_out(12))
    claims = [play.claim(job_id, "part", part=number) for number in range(12)]
    start = threading.Barrier(12)
    problems: list[Exception] = []

    def finish(claim: Claim) -> None:
        with play.app.app_context():
            start.wait()
            try:
                play.succeed(claim, number=claim.part)
            except Exception as error:  # noqa: BLE001 - shown by the assertion below
                problems.append(error)

    threads = [threading.Thread(target=finish, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert list(play.bells(job_id)).count("join") == 1
    assert len(play.claim(job_id, "join").results["part"]) == 12


def test_progress_is_monotone_within_an_attempt_and_starts_again_with_the_next(play: Play) -> None:
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = play.claim(job_id, "render")
    seen = []
    for fraction in (0.1, 0.5, 0.3, 2.0):
        play.beat(claim, fraction, stage="frames", done=fraction * 10, total=10.0, unit="frames")
        seen.append(play.job(job_id).percent)
    play.let_lease_pass(claim)
    play.reconcile()
    after_loss = play.job(job_id).percent

    assert seen == [10.0, 50.0, 50.0, 99.0]
    assert after_loss == 0.0
    play.claim(job_id, "render")
    assert play.job(job_id).percent == 0.0


def test_progress_events_are_stored_only_so_often_or_when_the_stage_changes(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PROGRESS_EVENT_S", 3600.0)  # however slow the machine is
    job_id = play.create([StepSpec("render", RENDER, {})])
    claim = play.claim(job_id, "render")

    for number in range(20):
        play.beat(claim, number / 100, stage="frames")
    play.beat(claim, 0.5, stage="encode")

    assert play.events(job_id).count("progress") == 2
    assert play.job(job_id).progress == {"percent": 50.0, "stage": "encode", "done": 0.0, "total": 0.0, "unit": ""}


def test_a_worker_on_a_foreign_token_cannot_touch_a_running_step(play: Play, app: Any) -> None:
    job_id = play.create(one_step())
    claim = play.claim(job_id, "only")
    forged = Claim(True, job_id=claim.job_id, step_id=claim.step_id, token=claim.token + 1)

    with pytest.raises(FencedError):
        play.succeed(forged)

    assert play.states(job_id) == {"job": "running", "only": "running"}
