"""The conversation about one step: bell, claim, heartbeat, report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message

CRASHED, OUT_OF_MEMORY, OVERDUE = "step.crashed", "step.out_of_memory", "step.overdue"
DEATHS = frozenset({CRASHED, OUT_OF_MEMORY, OVERDUE})
"""Codes of failures that a worker tells for a pool process of its that died: it counts as a worker that was lost."""


@dataclass(frozen=True)
class StepBell(Message):
    """What a Celery message carries: only which step to claim. Everything else comes with the claim."""

    step_id: str


@dataclass(frozen=True)
class ClaimRequest(Message):
    """A worker asks for a step.

    :param nonce: random name of this asking; a repeated call with it gets the same claim again and not ``running``.
    """

    job_id: str
    step_id: str
    node: str
    task: str
    nonce: str = ""


@dataclass(frozen=True)
class Claim(Message):
    """The API's answer to a claim.

    :param claimed: false means "not yours"; ``reason`` says why (``done running waiting cancelled failed unknown``)
        and every other field is empty.
    :param token: the fencing token, carried by every later call of this attempt.
    :param lease_s: seconds the claim lives without a heartbeat.
    :param beat_s: seconds between heartbeats.
    :param input: the step's own parameters (object keys, small JSON, a scenario).
    :param results: result of every step this one depends on, by step name.
    :param output_prefix: object keys this attempt writes begin with it; no other attempt can write there.
    :param trace: ``traceparent`` of the job. It comes in a header, which older workers pass by, and not in the JSON.
    """

    claimed: bool
    reason: str = ""
    job_id: str = ""
    step_id: str = ""
    name: str = ""
    part: int = 0
    attempt: int = 0
    token: int = 0
    lease_s: float = 0.0
    beat_s: float = 0.0
    input: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    output_prefix: str = ""
    trace: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return all but the trace."""
        return {name: value for name, value in super().to_json().items() if name != "trace"}


@dataclass(frozen=True)
class Progress(Message):
    """Work done so far, counted in work (frames, audio seconds, bytes), never in elapsed time.

    :param fraction: 0..1 of this step, monotone within an attempt.
    :param stage: short stable word (``download``, ``decode``, ``frames``, ``encode``, ``upload``).
    :param done: units done, :param total: units in all, :param unit: their name; zero when not known.
    """

    fraction: float
    stage: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Heartbeat(Message):
    """Renews a lease by the database's clock and carries progress; answered 409 when the attempt is fenced."""

    job_id: str
    step_id: str
    token: int
    progress: Progress | None = None


@dataclass(frozen=True)
class StepNews(Message):
    """Something that a running attempt has to show before its end; a step's kinds of news are its own.

    :param kind: short stable word (``first_look``), :param data: small JSON; object keys in it are the attempt's own.
    """

    job_id: str
    step_id: str
    token: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepFailure(Message):
    """Why an attempt failed; ``permanent`` failures are not retried."""

    code: str
    detail: str
    permanent: bool
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepReport(Message):
    """The end of an attempt: exactly one of ``result`` and ``failure`` is given."""

    job_id: str
    step_id: str
    token: int
    result: dict[str, Any] | None = None
    failure: StepFailure | None = None


@dataclass(frozen=True)
class ReportAndAsk(Message):
    """The end of a short attempt, whose slot asks for the next step in line of the same task by the same call.

    :param nonce: as in :class:`ClaimRequest`: the call, repeated, gives the same claim again.
    """

    report: StepReport
    node: str
    task: str
    nonce: str
