"""How webhooks leave: signed, in order, at least once under one id, past receivers that are dead, slow or hostile."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from api.audit.models import AuditEntry
from api.config import ApiSettings
from api.control.loops import LoopRunner
from api.control.rounds import courier_loops
from api.credits.ledger import Kind, Line, lock_account, write
from api.extensions import db
from api.mail.letters import Letter, write_message
from api.mail.models import MailMessage
from api.mail.writers import WRITERS
from api.webhooks.courier import Courier
from api.webhooks.line import PAUSES_S, next_try, sweep, take_endpoint
from api.webhooks.models import WebhookDelivery
from api.webhooks.secret import installation_key
from tests.api.hooking import INSIDE, SUBJECT, Clock, Hooks
from tests.api.others import another_app
from tests.api.receivers import Receiver, receiving
from tests.api.teams import found, sign_in

JOBS = int(os.environ.get("TEST_WEBHOOK_JOBS", "15"))
"""Jobs, of three messages each, while most receivers are dead."""
FULL_JOBS = 334


@pytest.fixture(scope="module")
def sending(database_environ: dict[str, str]) -> Iterator[Any]:
    """An installation that may send to loopback."""
    with another_app({**database_environ, **INSIDE}) as one:
        yield one


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hooks(app: Any, sending: Any) -> Iterator[Hooks]:
    with sending.app_context():
        yield Hooks(sending, sign_in(sending.test_client(), "ada@example.com"), Clock())
        db.session.remove()


@pytest.mark.security("S-7")
def test_a_message_says_what_happened_and_its_signature_verifies(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"))
    job_id = hooks.whole_job()
    assert receiver.got == []  # nothing leaves while a request or a worker's report is answered

    hooks.deliver()

    [got] = receiver.at("good")
    told = Verifier(made["secret"]).verify(got.body, got.headers)
    assert (told["type"], told["data"]["job_id"], told["data"]["state"]) == ("job.succeeded", str(job_id), "succeeded")
    assert (told["data"]["seq"], told["data"]["subject"]) == (5, {"render_id": SUBJECT})
    assert got.headers["content-type"] == "application/json"
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    [row] = hooks.log(made)
    assert (row["state"], row["message_id"], row["body"]) == ("delivered", got.id, got.body.decode())
    assert [(one["number"], one["status"], one["error"]) for one in row["attempts"]] == [(1, 204, "")]
    assert row["next_try_at"] is None


def test_each_event_goes_to_those_that_asked_for_it_and_nobody_else(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good-jobs"), "job.*")
    hooks.make(receiver.url("good-progress"), "job.progress")
    hooks.make(receiver.url("good-steps"), "step.failed", "step.running")
    hooks.make(receiver.url("good-none"), enabled=False)
    stranger = sign_in(hooks.caller.client, "bob@example.com")
    stranger.post("/webhooks", {"url": receiver.url("good-stranger"), "events": ["job.*"]}, expect=201)

    job_id = hooks.start_job()
    claim = hooks.claim(job_id)
    hooks.beat(claim, 0.5, "frames")
    hooks.end(claim, good=False)
    hooks.deliver()

    def types(path: str) -> list[str]:
        return [one.message["type"] for one in receiver.at(path)]

    assert types("good-jobs") == ["job.queued", "job.running", "job.failed"]
    assert types("good-progress") == ["job.progress"]
    assert types("good-steps") == ["step.running", "step.failed"]
    assert types("good-none") == types("good-stranger") == []
    assert receiver.at("good-jobs")[2].message["data"]["error"]["code"] == "media.truncated"


def test_the_end_of_a_render_is_told_by_both_its_names(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good"), "render.*", "job.failed")

    hooks.whole_job("render", good=False)
    hooks.deliver()

    first, second = receiver.at("good")
    assert {first.message["type"], second.message["type"]} == {"job.failed", "render.failed"}
    assert first.id != second.id and first.message["data"] == second.message["data"]


def test_a_line_in_the_ledger_is_told_of(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good"), "credits.changed")
    user_id = UUID(hooks.caller.id)
    account = lock_account(db.session(), user_id)
    line = Line(Kind.GRANT, 40, "grant:test", action="a gift")
    before, seq = account.balance, account.seq
    write(db.session(), account, line)
    write(db.session(), account, line)  # the same line again is none
    db.session.commit()

    hooks.deliver()

    [got] = receiver.at("good")
    assert got.message["type"] == "credits.changed"
    told = got.message["data"]
    assert (told["kind"], told["amount"], told["balance_after"], told["seq"]) == ("grant", 40, before + 40, seq + 1)


def test_what_is_rolled_back_is_told_to_nobody(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good"), "credits.changed")
    write(db.session(), lock_account(db.session(), UUID(hooks.caller.id)), Line(Kind.GRANT, 1, "grant:never"))
    db.session.rollback()

    assert hooks.deliver() == 0
    assert receiver.got == []


def test_endpoints_of_an_organisation_hear_of_its_jobs_and_of_no_others(hooks: Hooks, receiver: Receiver) -> None:
    studio = found(hooks.caller)
    hooks.make(receiver.url("good-own"))
    hooks.make(receiver.url("good-studio"), organisation_id=studio)

    own, shared = hooks.whole_job(), hooks.whole_job(organisation_id=UUID(studio))
    hooks.deliver()

    assert [one.message["data"]["job_id"] for one in receiver.at("good-own")] == [str(own)]
    assert [one.message["data"]["job_id"] for one in receiver.at("good-studio")] == [str(shared)]


@pytest.mark.parametrize("status", [500, 503, 404, 429, 301])
def test_a_refused_message_is_sent_again_under_the_same_id(hooks: Hooks, receiver: Receiver, status: int) -> None:
    made = hooks.make(receiver.url("good"))
    receiver.answers["good"] = [status]
    hooks.whole_job()
    hooks.deliver()
    [row] = hooks.log(made)
    assert (row["state"], [one["status"] for one in row["attempts"]]) == ("waiting", [status])
    assert row["next_try_at"] is not None

    hooks.clock.pass_s(6)
    hooks.deliver()

    first, second = receiver.at("good")
    assert (first.id, first.body) == (second.id, second.body)
    Verifier(made["secret"]).verify(second.body, second.headers)
    [row] = hooks.log(made)
    assert (row["state"], [one["status"] for one in row["attempts"]]) == ("delivered", [status, 204])
    assert (hooks.row(made).failures, hooks.row(made).failing_since) == (0, None)


@pytest.mark.security("S-1")
def test_a_redirect_is_not_followed(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("redirecting"))
    hooks.whole_job()

    hooks.deliver()

    assert [one.path for one in receiver.got] == ["/redirecting"]
    assert hooks.log(made)[0]["attempts"][0]["status"] == 307


@pytest.mark.parametrize("path", ["silent", "dripping", "closing"])
def test_a_receiver_that_does_not_answer_holds_a_courier_for_the_timeout_at_most(
    hooks: Hooks, receiver: Receiver, path: str
) -> None:
    made = hooks.make(receiver.url(path))
    hooks.whole_job()

    hooks.deliver()

    [attempt] = hooks.log(made)[0]["attempts"]
    assert (attempt["status"], attempt["error"][:15]) == (None, "url.unavailable")
    assert attempt["took_ms"] < 10_000  # one second, on a machine that has nothing else to do


def test_an_endless_answer_is_not_read(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("endless"))
    hooks.whole_job()

    hooks.deliver()

    assert [one["status"] for one in hooks.log(made)[0]["attempts"]] == [200]


def test_events_of_a_job_arrive_in_their_order_whatever_fails_between(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good"), "job.*", "job.progress", "step.*")
    receiver.answers["good"] = [500, 204, 500, 500, 204, 500]
    claims = [hooks.claim(hooks.start_job()) for _ in range(3)]
    for fraction in range(1, 5):
        for claim in claims:
            hooks.beat(claim, fraction / 5, f"stage {fraction}")
    for claim in claims:
        hooks.end(claim)
    for _ in range(8):
        hooks.deliver()
        hooks.clock.pass_s(320)

    taken: dict[str, list[tuple[int, str]]] = {}
    for one in receiver.at("good"):
        data = one.message["data"]
        taken.setdefault(data["job_id"], []).append((data["seq"], one.id))
    assert len(taken) == 3
    for rows in taken.values():
        assert [seq for seq, _ in dict.fromkeys(rows)] == list(range(1, 10))
        assert [seq for seq, _ in rows] == sorted(seq for seq, _ in rows)  # a later one never overtakes


def test_an_endpoint_is_sent_messages_of_several_jobs_at_a_time_and_each_job_in_order(
    hooks: Hooks, receiver: Receiver
) -> None:
    hooks.make(receiver.url("busy"), "job.*")
    for _ in range(6):
        hooks.whole_job()

    hooks.deliver()

    at_once = hooks.app.extensions["settings"].webhooks.at_once
    assert 1 < receiver.most_inside <= at_once == 4
    taken: dict[str, list[int]] = {}
    for one in receiver.at("busy"):
        taken.setdefault(one.message["data"]["job_id"], []).append(one.message["data"]["seq"])
    assert [len(seqs) for seqs in taken.values()] == [3] * 6
    assert all(seqs == sorted(seqs) for seqs in taken.values())


def test_an_endpoint_that_failed_is_tried_with_one_message(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("broken"), "job.*")
    for _ in range(6):
        hooks.whole_job()
    assert hooks.courier.serve_one(db.session())
    before = len(receiver.got)

    hooks.clock.pass_s(20)
    assert hooks.courier.serve_one(db.session(), sick=True)

    assert (before, len(receiver.got)) == (4, 5)


def test_couriers_side_by_side_send_everything_once(hooks: Hooks, receiver: Receiver) -> None:
    made = [hooks.make(receiver.url(f"good-{number}"), "job.*") for number in range(3)]
    for _ in range(10):
        hooks.whole_job()
    courier = hooks.courier

    def work() -> None:
        with hooks.app.app_context():
            while courier.serve_one(db.session()):
                pass

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hooks.deliver()  # what a courier left that found everything held

    assert [len({one.id for one in receiver.at(f"good-{number}")}) for number in range(3)] == [30] * 3
    assert len(receiver.got) == 90
    assert {row["state"] for row in hooks.log(made[0])} == {"delivered"}


def test_what_a_courier_held_that_died_is_sent_by_another_under_the_same_id(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"))
    hooks.whole_job()
    held = take_endpoint(db.session(), hooks.clock(db.session()), sick=False)
    assert held is not None and hooks.deliver() == 0  # somebody has it

    hooks.clock.pass_s(10)
    assert hooks.deliver() == 0  # an answer may still come
    hooks.clock.pass_s(1.1)
    hooks.deliver()

    assert [one.id for one in receiver.got] == [row["message_id"] for row in hooks.log(made)]


def test_eight_tries_within_a_day_then_it_has_failed(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("broken"))
    hooks.whole_job()
    for _ in range(12):
        hooks.deliver()
        due = hooks.log(made)[0]["next_try_at"]
        if due is None:
            break
        left_s = (datetime.fromisoformat(due) - hooks.clock(db.session())).total_seconds()
        hooks.clock.pass_s(left_s - 0.5)
        hooks.deliver()  # not before it is due
        hooks.clock.pass_s(0.6)

    [row] = hooks.log(made)
    assert (row["state"], len(row["attempts"]), len(receiver.got)) == ("failed", 8, 8)
    at = [datetime.fromisoformat(one["at"]) for one in row["attempts"]]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(at)]
    for pause_s, wanted_s in zip(pauses, PAUSES_S, strict=True):
        assert abs(pause_s - wanted_s) <= max(0.1 * wanted_s, 4.0), (pauses, wanted_s)
    assert 0.9 * 86400 < sum(pauses) < 1.1 * 86400


def test_the_pauses_are_within_a_tenth_of_the_schedule() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    for tries, wanted_s in enumerate(PAUSES_S, start=1):
        drawn = [(next_try(tries, now) - now).total_seconds() / wanted_s for _ in range(200)]  # type: ignore[operator]
        assert 0.9 <= min(drawn) < 1.0 < max(drawn) <= 1.1
    assert next_try(8, now) is None


@pytest.mark.security("S-7")
def test_both_secrets_are_good_for_a_day_after_another_one_was_made(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"))
    fresh = hooks.caller.post(f"/webhooks/{made['id']}/secret", expect=200)
    assert fresh["secret"] != made["secret"]
    hooks.whole_job()
    hooks.deliver()
    [both] = receiver.at("good")
    for secret in (made["secret"], fresh["secret"]):
        Verifier(secret).verify(both.body, both.headers)

    hooks.row(made).previous_until = datetime.now(UTC)
    db.session.commit()
    hooks.whole_job()
    hooks.deliver()

    after = receiver.at("good")[1]
    Verifier(fresh["secret"]).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(made["secret"]).verify(after.body, after.headers)


def test_an_endpoint_that_says_it_is_gone_is_disabled_and_its_owner_told(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("gone"), "job.*")
    hooks.whole_job()

    hooks.deliver()

    assert len(receiver.got) == 1
    shown = hooks.caller.get(f"/webhooks/{made['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    assert {row["state"] for row in hooks.log(made)} == {"failed"}
    [entry] = db.session.query(AuditEntry).filter_by(action="webhook.disabled", target_id=made["id"])
    assert (entry.via, entry.after["reason"]) == ("system", "gone")
    [mail] = db.session.query(MailMessage).filter_by(kind="webhook_disabled")
    assert mail.address == "ada@example.com"
    letter = WRITERS[mail.kind](db.session(), mail)
    assert letter is not None and "410" in letter_text(letter)
    hooks.whole_job()
    assert (hooks.deliver(), len(hooks.log(made))) == (0, 3)


def letter_text(letter: Letter) -> str:
    message = write_message(
        letter, message_id=uuid4(), recipient="a@example.com", sender="b@example.com", public_url="https://x.example"
    )
    return str(message.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def test_an_endpoint_that_takes_nothing_for_days_is_disabled(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("broken"))
    for _ in range(5):
        hooks.whole_job()
        hooks.deliver()
        hooks.clock.pass_s(86_300)
    assert hooks.row(made).enabled

    hooks.clock.pass_s(1000)
    hooks.deliver()

    shown = hooks.caller.get(f"/webhooks/{made['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")


def test_dead_receivers_do_not_delay_good_ones(hooks: Hooks, receiver: Receiver) -> None:
    """One of five is good. With TEST_WEBHOOK_JOBS=334, on a quiet machine, its p99 is a second at most."""
    for number in range(4):
        hooks.make(receiver.url(f"silent-{number}"), "job.*")
    hooks.make(receiver.url("good"), "job.*")
    for _ in range(3):
        hooks.whole_job()
    for _ in range(5):
        hooks.courier.serve_one(db.session())  # the dead ones are known as such from their first failure on
    runner = LoopRunner(hooks.app, courier_loops(0.05))
    runner.start()
    wanted = 3 * (3 + JOBS)
    try:
        began = time.time()
        for _ in range(JOBS):
            hooks.whole_job()
        while len({one.id for one in receiver.at("good")}) < wanted and time.time() - began < 60 + JOBS:
            time.sleep(0.05)
    finally:
        runner.ask_to_stop()
        assert runner.join(60)

    good = receiver.at("good")
    assert len({one.id for one in good}) == len(good) == wanted
    delays = sorted(one.at - datetime.fromisoformat(one.message["timestamp"]).timestamp() for one in good[9:])
    # Half a second at most on a quiet machine, however many are dead; who waits for them waits for most of a minute
    assert delays[len(delays) // 2] < 3.0
    if JOBS >= FULL_JOBS:
        p99_s = delays[int(0.99 * len(delays))]
        print(f"p99 {p99_s:.3f} s, median {delays[len(delays) // 2]:.3f} s of {len(delays)} messages")
        assert p99_s <= 1.0
    waiting = db.session.query(WebhookDelivery).filter_by(state="waiting").count()
    assert waiting >= 4 * 40


def test_a_key_that_was_changed_signs_nothing_wrongly(
    hooks: Hooks, receiver: Receiver, database_environ: dict[str, str]
) -> None:
    made = hooks.make(receiver.url("good"))
    hooks.whole_job()
    settings = replace(hooks.app.extensions["settings"], jwt_secret="another secret of more than 32 bytes")

    Courier(settings, clock=hooks.clock).serve_one(db.session())

    assert receiver.got == []
    assert "rotate it" in hooks.log(made)[0]["attempts"][0]["error"]


def test_with_a_key_of_their_own_secrets_outlive_the_secret_of_the_tokens(hooks: Hooks, receiver: Receiver) -> None:
    hooks.make(receiver.url("good"), "job.succeeded")
    hooks.whole_job()
    before: ApiSettings = hooks.app.extensions["settings"]
    key = replace(before.webhooks, key=installation_key(before))

    other = replace(before, webhooks=key, jwt_secret="another secret of more than 32 bytes")
    Courier(other, clock=hooks.clock).serve_one(db.session())

    assert len(receiver.got) == 1


def test_a_message_and_all_that_failed_can_be_sent_again(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"), "job.*")
    hooks.whole_job()
    hooks.deliver()
    first = hooks.log(made)[0]

    again = hooks.caller.post(f"/webhooks/{made['id']}/deliveries/{first['id']}/replay", expect=202)
    assert (again["state"], again["message_id"]) == ("waiting", first["message_id"])
    hooks.deliver()
    assert [one.id for one in receiver.got].count(first["message_id"]) == 2
    assert len(hooks.log(made)[0]["attempts"]) == 2

    hooks.put_off(state="failed")
    since = {"since": first["created_at"]}
    assert hooks.caller.post(f"/webhooks/{made['id']}/replay", since, expect=202) == {"replayed": 3}
    assert hooks.caller.post(f"/webhooks/{made['id']}/replay", since, expect=202) == {"replayed": 0}
    hooks.deliver()
    assert {row["state"] for row in hooks.log(made)} == {"delivered"}
    assert len(receiver.got) == 7


def test_a_test_message_arrives(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"))

    row = hooks.caller.post(f"/webhooks/{made['id']}/test", expect=202)
    assert (row["state"], row["attempts"], receiver.got) == ("waiting", [], [])
    hooks.deliver()

    [got] = receiver.got
    told = Verifier(made["secret"]).verify(got.body, got.headers)
    assert (told["type"], told["data"]["webhook_id"]) == ("webhook.test", made["id"])


def test_the_log_is_kept_as_long_as_configured_and_what_waits_longer(hooks: Hooks, receiver: Receiver) -> None:
    made = hooks.make(receiver.url("good"), "job.*")
    hooks.whole_job()
    hooks.deliver()
    hooks.start_job()
    hooks.put_off(created_at=datetime.now(UTC) - timedelta(days=29))
    assert sweep(db.session()) == 0

    hooks.put_off(created_at=datetime.now(UTC) - timedelta(days=31))

    assert sweep(db.session()) == 3
    assert [row["state"] for row in hooks.log(made)] == ["waiting"]
