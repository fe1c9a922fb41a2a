"""Decides whether a run kept every promise.

It believes the database, the bucket, the clients' log and the log of their receiver of webhooks, and nobody else.

It shares no code with the system: every rule is a query of its own.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.heard import (
    bad_signatures,
    count_messages,
    ends_told_twice,
    foreign_messages,
    out_of_order,
    read_endpoints,
    read_messages,
    unheard,
)
from bench.chaos.orders import BROKEN, BROKEN_CODE, CANCELLED, POISON, REASONS, UPLOAD
from bench.chaos.poisons import ENDS, KILLED, POISON_CODE, wrong_causes
from bench.chaos.rows import Rows
from tasks.storage.base import Storage

SETTLED_WITHIN_S = 120.0
POISON_ATTEMPTS = 3
ENDED = frozenset({"succeeded", "failed", "cancelled"})
SWEPT_PREFIXES = ("uploads/", "jobs/")
MOST_SHOWN = 5


@dataclass
class Verdict:
    """What was found wrong, by promise; ``counts`` says what it was found among."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.wrong.values())

    def to_json(self) -> dict[str, Any]:
        """Return how many times each promise was broken, with a few examples, and the counts."""
        broken = {name: len(found) for name, found in self.wrong.items()}
        examples = {name: found[:MOST_SHOWN] for name, found in self.wrong.items() if found}
        return {"passed": self.passed, "broken": broken, "examples": examples, "counts": self.counts}


@dataclass(frozen=True)
class Promised:
    """One job that was accepted: the log's line, and whether a cancellation was granted (None: never asked)."""

    job: str
    number: int
    kind: str
    fate: str
    cancelled: bool | None
    poison: str = KILLED


@dataclass(frozen=True)
class Seen:
    """The same job as the database has it; times in seconds since 1970."""

    state: str
    code: str | None
    ended_at: float | None


def judge(
    log: list[dict[str, Any]], rows: Rows, storage: Storage, *, received: list[dict[str, Any]], sources: int
) -> Verdict:
    """Return the verdict on a run that has come to rest and whose leftovers were swept once.

    :param log: lines of the clients' log, :param received: those of their receiver of webhooks, :param sources: jobs
        that were made before the run, for its sources.
    """
    promised = read_promises(log)
    seen = read_jobs(rows)
    endpoints, messages = read_endpoints(log), read_messages(received)
    rules: dict[str, Callable[[], Iterable[str]]] = {
        "lost": lambda: lost(promised, seen),
        "late": lambda: late(promised, seen, last_fault=last_fault(log)),
        "ordered twice": lambda: ordered_twice(promised, seen, sources=sources),
        "wrong end": lambda: wrong_ends(promised, seen, workers_lost(rows)),
        "poison attempts": lambda: poison_attempts(promised, rows),
        "poison causes": lambda: wrong_causes([(one.job, one.poison) for one in promised if one.fate == POISON], rows),
        "double effect": lambda: double_effects(promised, seen, rows),
        "foreign result": lambda: foreign_results(rows, storage),
        "events": lambda: bad_events(rows),
        "open attempts": lambda: open_attempts(rows),
        "balance": lambda: bad_balances(rows),
        "open reservation": lambda: open_credits(rows),
        "quota": lambda: bad_quotas(rows),
        "orphan object": lambda: orphans(rows, storage),
        "missing object": lambda: missing(rows, storage),
        "unheard": lambda: unheard({one.job for one in promised}, rows, messages),
        "end told twice": lambda: ends_told_twice(rows, messages),
        "told out of order": lambda: out_of_order(messages),
        "bad signature": lambda: bad_signatures(endpoints, messages),
        "foreign message": lambda: foreign_messages(endpoints, rows, messages),
    }
    verdict = Verdict({name: list(rule()) for name, rule in rules.items()})
    verdict.counts = count(promised, seen, rows) | {"messages": count_messages(messages)}
    return verdict


def read_promises(log: list[dict[str, Any]]) -> list[Promised]:
    """Return what clients were promised."""
    granted = {line["job"]: line["final"] for line in log if line["what"] == "cancelled"}
    accepted = [line for line in log if line["what"] == "accepted"]
    return [
        Promised(
            *(line[name] for name in ("job", "number", "kind", "fate")),
            cancelled=granted.get(line["job"]),
            poison=line.get("poison") or KILLED,
        )
        for line in accepted
    ]


def read_jobs(rows: Rows) -> dict[str, Seen]:
    """Return every job by its id."""
    query = "SELECT id::text, state, error_code, extract(epoch FROM finished_at)::float8 FROM job"
    return {job: Seen(*rest) for job, *rest in rows.all(query)}


def last_fault(log: list[dict[str, Any]]) -> float:
    """Return when the last fault was over, or the last job accepted, whichever came later."""
    return max((line["at"] for line in log if line["what"] in ("fault", "settled", "accepted")), default=0.0)


def lost(promised: list[Promised], seen: dict[str, Seen]) -> Iterable[str]:
    """Find accepted jobs that are gone or have not ended."""
    for one in promised:
        if one.job not in seen:
            yield f"{one.job} is gone"
        elif seen[one.job].state not in ENDED:
            yield f"{one.job} is {seen[one.job].state}"


def late(promised: list[Promised], seen: dict[str, Seen], *, last_fault: float) -> Iterable[str]:
    """Find jobs that ended too long after the last fault."""
    for one in promised:
        ended_at = seen[one.job].ended_at if one.job in seen else None
        if ended_at is not None and ended_at > last_fault + SETTLED_WITHIN_S:
            yield f"{one.job} ended {ended_at - last_fault:.0f} s after the last fault"


def ordered_twice(promised: list[Promised], seen: dict[str, Seen], *, sources: int) -> Iterable[str]:
    """Find orders with more than one job, and jobs that nobody was told of."""
    for number, times in Counter(one.number for one in promised).items():
        if times > 1:
            yield f"order {number} was accepted {times} times"
    extra = len(seen) - len({one.job for one in promised}) - sources
    if extra:
        yield f"{extra} jobs that nobody ordered"


def workers_lost(rows: Rows) -> dict[str, int]:
    """Return by job how many workers it took down: one step of it, or all one after the other and none succeeded."""
    steps = """SELECT job_id::text, max(lost) FROM (
        SELECT s.job_id, s.id, count(*) AS lost FROM step s JOIN attempt a ON a.step_id = s.id
        WHERE a.outcome = 'lost' GROUP BY s.job_id, s.id) x GROUP BY job_id"""
    found = {job: int(times) for job, times in rows.all(steps)}
    return {job: max(times, rounds_lost(rows, job)) for job, times in found.items()}


def rounds_lost(rows: Rows, job: str) -> int:
    """Return how often in a row a job took workers down; those that it had side by side are one round."""
    query = """SELECT a.outcome, a.started_at, a.ended_at FROM attempt a JOIN step s ON s.id = a.step_id
        WHERE s.job_id = %s AND a.outcome IN ('lost', 'succeeded') ORDER BY a.ended_at"""
    most = rounds = 0
    told_at = None
    for outcome, started_at, ended_at in rows.all(query, job):
        if outcome == "succeeded":
            rounds, told_at = 0, None
        elif told_at is None or started_at > told_at:
            rounds, told_at = rounds + 1, ended_at
        most = max(most, rounds)
    return most


def wrong_ends(promised: list[Promised], seen: dict[str, Seen], lost_times: dict[str, int]) -> Iterable[str]:
    """Find jobs that did not end as they had to. Giving one up needs three lost workers, whatever it was."""
    for one in promised:
        end = seen.get(one.job)
        if end is None or end.state not in ENDED:
            continue
        if end.state == "failed" and end.code not in REASONS:
            yield f"{one.job} failed with {end.code}"
        elif end.code == POISON_CODE and lost_times.get(one.job, 0) < POISON_ATTEMPTS:
            yield f"{one.job} was given up after {lost_times.get(one.job, 0)} lost workers"
        elif end.code != POISON_CODE and end.state != wanted_end(one, end):
            yield f"{one.job} ({one.fate}) has {end.state} {end.code or ''}"


def wanted_end(one: Promised, end: Seen) -> str:
    """Return the state that an order had to come to."""
    if one.cancelled:
        return "cancelled"
    if one.fate == POISON or one.fate == BROKEN:
        return "failed"
    if one.fate == CANCELLED and one.cancelled is None:
        return end.state  # the client was never answered, and may have been heard all the same
    return "succeeded"


def poison_attempts(promised: list[Promised], rows: Rows) -> Iterable[str]:
    """Find poisonous jobs that were given up before they had taken workers down three times, or after.

    The first pieces of a long video run side by side and each is poison: they are one round, as the farm cannot know
    before it hears of the first. An attempt that an outage of the database
    ended, with all others, took no worker down.
    """
    tried = """SELECT coalesce(max(times), 0) FROM (SELECT count(*) AS times FROM attempt a
        JOIN step s ON s.id = a.step_id WHERE s.job_id = %s AND a.code IS DISTINCT FROM 'step.unheard'
        GROUP BY s.id) x"""
    for one in promised:
        if one.fate != POISON or ENDS[one.poison].code != POISON_CODE:
            continue
        times, rounds = rows.one(tried, one.job), rounds_lost(rows, one.job)
        if rounds != POISON_ATTEMPTS or times > POISON_ATTEMPTS:
            yield f"{one.job} took workers down {rounds} times in a row, with a step that was tried {times} times"


def double_effects(promised: list[Promised], seen: dict[str, Seen], rows: Rows) -> Iterable[str]:
    """Find jobs whose visible results are not exactly one where they succeeded, or any where they did not."""
    videos = dict(
        rows.all("SELECT split_part(object_key, '/', 2), count(*) FROM asset WHERE kind = 'render' GROUP BY 1")
    )
    outputs = dict(
        rows.all("""SELECT r.job_id::text, count(o.asset_id) FROM render r
        JOIN render_output o ON o.render_id = r.id GROUP BY 1""")
    )
    heard = dict(rows.all("SELECT job_id::text, count(*) FROM transcript WHERE job_id IS NOT NULL GROUP BY 1"))
    for one in promised:
        succeeded = one.job in seen and seen[one.job].state == "succeeded"
        wanted = int(succeeded)
        if one.kind != UPLOAD and (videos.get(one.job, 0), outputs.get(one.job, 0)) != (wanted, wanted):
            yield f"{one.job} has {videos.get(one.job, 0)} videos, {outputs.get(one.job, 0)} outputs"
        if one.kind == UPLOAD and succeeded and heard.get(one.job, 0) != 1:
            yield f"{one.job} has {heard.get(one.job, 0)} transcripts"
        if heard.get(one.job, 0) > 1:
            yield f"{one.job} was heard {heard[one.job]} times"


def foreign_results(rows: Rows, storage: Storage) -> Iterable[str]:
    """Find results that are not what the attempt that succeeded has stored: another's, or changed since."""
    query = """SELECT a.object_key, a.sha256, t.token::text FROM asset a
        JOIN step s ON s.job_id::text = split_part(a.object_key, '/', 2) AND s.name = split_part(a.object_key, '/', 3)
        JOIN attempt t ON t.step_id = s.id AND t.outcome = 'succeeded' WHERE a.kind = 'render'"""
    for key, digest, token in rows.all(query):
        if key.split("/")[3] != token:
            yield f"{key} is not of the attempt {token} that succeeded"
        elif storage.head(key) is not None and hashlib.sha256(storage.get_bytes(key)).hexdigest() != digest:
            yield f"{key} has changed"


def bad_events(rows: Rows) -> Iterable[str]:
    """Find jobs whose events have gaps, or that were told to have ended more or less than once."""
    query = """SELECT j.id::text, j.event_seq, count(e.seq), coalesce(max(e.seq), 0),
        count(*) FILTER (WHERE e.kind IN ('job.succeeded', 'job.failed', 'job.cancelled')), j.run
        FROM job j LEFT JOIN event e ON e.job_id = j.id GROUP BY j.id"""
    for job, last, number, highest, ends, run in rows.all(query):
        if not last == number == highest:
            yield f"{job} has {number} events up to {highest}, and counted {last}"
        if ends != run:
            yield f"{job} was told to have ended {ends} times"


def open_attempts(rows: Rows) -> Iterable[str]:
    """Find attempts without an end, and steps that succeeded other than once."""
    for step, number in rows.all("SELECT step_id::text, number FROM attempt WHERE outcome IS NULL"):
        yield f"attempt {number} of {step} never ended"
    query = """SELECT s.id::text, s.state, count(*) FILTER (WHERE a.outcome = 'succeeded') FROM step s
        LEFT JOIN attempt a ON a.step_id = s.id GROUP BY s.id"""
    for step, state, times in rows.all(query):
        if times != int(state == "succeeded"):
            yield f"{step} is {state} and has succeeded {times} times"


def bad_balances(rows: Rows) -> Iterable[str]:
    """Find users whose balance is not the sum of their ledger."""
    query = """SELECT a.user_id::text, a.balance, coalesce(sum(e.amount), 0), a.debt,
        coalesce(sum(e.debt_change), 0), a.seq, count(e.id)
        FROM credit_account a LEFT JOIN credit_entry e ON e.user_id = a.user_id GROUP BY a.user_id"""
    for user, balance, written, debt, owed, last, lines in rows.all(query):
        if (balance, debt, last) != (written, owed, lines):
            yield f"{user} has {balance}, the ledger says {written}"


def open_credits(rows: Rows) -> Iterable[str]:
    """Find credits that are held by nobody any more, closed twice, or not given back whole."""
    query = """SELECT ref, count(*) FILTER (WHERE kind IN ('commit', 'refund')),
        count(*) FILTER (WHERE kind = 'refund'), sum(amount)
        FROM credit_entry WHERE ref LIKE 'job:%' GROUP BY ref"""
    for ref, closed, refunded, total in rows.all(query):
        if closed != 1:
            yield f"{ref} was closed {closed} times"
        elif refunded and total != 0:
            yield f"{ref} was given back all but {-total}"
    # Only the last run of a job can have come to something; those before a retry were given back
    wrong = """SELECT j.id::text, j.state, e.kind FROM job j JOIN credit_entry e ON e.job_id = j.id
        WHERE j.kind = 'render' AND e.kind IN ('commit', 'refund')
        AND (j.state = 'succeeded' AND split_part(e.ref, ':', 3)::int = j.run) != (e.kind = 'commit')"""
    for job, state, kind in rows.all(wrong):
        yield f"{job} has {state} and a {kind}"


def bad_quotas(rows: Rows) -> Iterable[str]:
    """Find counters that are not the sum of what is held, slots that nobody uses, renders that count falsely."""
    query = """SELECT c.user_id::text, c.kind, c.used, coalesce(sum(r.amount), 0) FROM quota_counter c
        LEFT JOIN quota_reservation r ON r.user_id = c.user_id AND r.kind = c.kind
        AND r.window_start = c.window_start AND r.state != 'released'
        GROUP BY c.user_id, c.kind, c.window_start, c.used"""
    for user, kind, used, held in rows.all(query):
        if used != held or (kind == "concurrent_renders" and used):
            yield f"{user} uses {used} {kind}, and holds {held}"
    daily = """SELECT u.id::text, coalesce((SELECT sum(used) FROM quota_counter WHERE user_id = u.id
        AND kind = 'daily_renders'), 0), (SELECT count(*) FROM job j WHERE j.owner_id = u.id AND j.kind = 'render'
        AND j.state = 'succeeded') FROM "user" u"""
    for user, counted, succeeded in rows.all(daily):
        if counted != succeeded:
            yield f"{user} has {succeeded} renders, of which {counted} count"


def wanted_keys(rows: Rows) -> set[str]:
    """Return the keys that rows need."""
    query = """SELECT unnest(array[object_key, poster_key]) FROM asset
        WHERE state != 'deleted' AND NOT (state = 'refused' AND refused_code LIKE 'media.%')"""
    return {key for (key,) in rows.all(query) if key}


def orphans(rows: Rows, storage: Storage) -> Iterable[str]:
    """Find objects that no row needs."""
    wanted = wanted_keys(rows)
    for prefix in SWEPT_PREFIXES:
        yield from (found.key for found in storage.list(prefix) if found.key not in wanted)


def missing(rows: Rows, storage: Storage) -> Iterable[str]:
    """Find keys that rows need and the bucket does not have."""
    there = {found.key for prefix in SWEPT_PREFIXES for found in storage.list(prefix)}
    yield from sorted(wanted_keys(rows) - there)


def count(promised: list[Promised], seen: dict[str, Seen], rows: Rows) -> dict[str, Any]:
    """Return what the run was made of."""
    ends = Counter(seen[one.job].state for one in promised if one.job in seen)
    given_up = [one for one in promised if one.job in seen and seen[one.job].code == POISON_CODE]
    outcomes = dict(rows.all("SELECT coalesce(outcome, 'open'), count(*) FROM attempt GROUP BY 1"))
    return {
        "accepted": len(promised),
        "ends": dict(ends),
        "poison": sum(one.fate == POISON for one in promised),
        "broken": sum(one.job in seen and seen[one.job].code == BROKEN_CODE for one in promised),
        "given up after three lost workers": sum(one.fate != POISON for one in given_up),
        "attempts": outcomes,
        "steps": rows.one("SELECT count(*) FROM step"),
        "events": rows.one("SELECT count(*) FROM event"),
        "ledger lines": rows.one("SELECT count(*) FROM credit_entry"),
    }
