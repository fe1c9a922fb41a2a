"""One attempt of one step: claim, work in a scratch directory under a lease, report (ring 1).

Bodies get a :class:`StepContext` and return a small dictionary; everything that can go wrong around them is here.
"""

from __future__ import annotations

import errno
import logging
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded

from tasks.children import ChildGroup, children_of_attempt
from tasks.client import ControlClient, backoff_s
from tasks.config import WorkerSettings
from tasks.contracts import Claim, StepFailure, StepNews, StepReport
from tasks.errors import ConfigurationError, FencedError, PermanentError, ReelyardError, TransientError
from tasks.failpoints import failpoint
from tasks.lease import Fence, LeaseKeeper
from tasks.logs import bind
from tasks.names import TaskName
from tasks.progress import ProgressHints, ProgressTracker, Throttle
from tasks.scratch import scratch_directory
from tasks.slots import noted
from tasks.sources import open_cache
from tasks.storage import Storage
from tasks.tracing import span

REPORT_FOR_S = 600.0
"""How long a finished attempt tries to hand in its report while its lease is kept alive."""

TELL_TRIES = 4
_HINT_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepContext:
    """What a body works with. ``storage`` and ``scratch`` are its only ways to the outside."""

    claim: Claim
    scratch: Path
    storage: Storage
    settings: WorkerSettings
    children: ChildGroup = field(default_factory=ChildGroup)
    fence: Fence = field(default_factory=Fence)
    tracker: ProgressTracker = field(default_factory=ProgressTracker)
    hints: ProgressHints | None = None
    client: ControlClient | None = None
    _throttle: Throttle = field(default_factory=lambda: Throttle(_HINT_S))

    @property
    def input(self) -> dict[str, Any]:
        """The step's own parameters."""
        return self.claim.input

    @property
    def results(self) -> dict[str, Any]:
        """Results of the steps this one depends on, by step name."""
        return self.claim.results

    def plan_stages(self, **weights: float) -> None:
        """Declare the stages of this body in order, with their share of the work."""
        self.tracker.plan(weights)

    def progress(self, done: float, total: float, *, stage: str = "", unit: str = "") -> None:
        """Record work done; raise FencedError when the attempt was taken over or cancelled. Cheap: call it often."""
        self.fence.check()
        progress = self.tracker.update(done, total, stage=stage, unit=unit)
        if self.hints is not None and self._throttle.ready():
            claim = self.claim
            self.hints.publish(
                claim.job_id, step_id=claim.step_id, step=claim.name, token=claim.token, progress=progress
            )

    def announce(self, kind: str, data: dict[str, Any]) -> None:
        """Show something before the end. Not worth a failure: an API that is away, or older, is left alone."""
        if self.client is None:
            return
        claim = self.claim
        try:
            self.client.tell(StepNews(claim.job_id, claim.step_id, claim.token, kind, data))
        except FencedError:
            raise
        except ReelyardError as error:
            _log.info("news not heard", extra={"kind": kind, "code": error.code})

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Have the API keep something at once, before it counts; raise when it does not: then it must not count."""
        if self.client is None:
            raise TransientError("control.unreachable", "There is no API to tell")
        claim = self.claim
        self.client.tell(StepNews(claim.job_id, claim.step_id, claim.token, kind, data), tries=TELL_TRIES)

    def check(self) -> None:
        """Raise FencedError when this attempt no longer owns its step."""
        self.fence.check()

    def output_key(self, name: str) -> str:
        """Return the object key of an output; no other attempt can write there."""
        return f"{self.claim.output_prefix}{name}"

    def run_child(
        self, argv: Sequence[str | Path], *, timeout_s: float, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a process that dies with this attempt, and return its output; ``env`` replaces the environment."""
        return self.children.run(argv, timeout_s=timeout_s, cwd=self.scratch, env=env)

    @contextmanager
    def source_copy(self, key: str = "", *, shared: bool = True) -> Iterator[Path]:
        """Lend a read-only copy of an object (by default the step's ``object_key``), with progress ``download``.

        :param shared: other steps of this host may want it as well, so that it is kept for them.
        """
        size_bytes, seen = (0 if key else float(self.input.get("size_bytes") or 0)), 0

        def on_read(count: int) -> None:
            nonlocal seen
            seen += count
            self.progress(seen, size_bytes, stage="download", unit="bytes")

        key = key or self.input["object_key"]
        if shared and self.settings.source_cache_bytes:
            cache = open_cache(self.settings)
            with cache.lend(self.storage, key, self.scratch, progress=on_read) as path:
                yield path
            return
        with self.storage.local_copy(key, self.scratch, progress=on_read) as path:
            yield path

    def put_output(self, name: str, path: Path, *, content_type: str, stage: str = "upload") -> str:
        """Upload a file as an output of this attempt and return its key; progress counts to a planned stage."""
        key = self.output_key(name)
        size_bytes, sent = path.stat().st_size, 0

        def on_sent(count: int) -> None:
            nonlocal sent
            sent += count
            self.progress(sent, size_bytes, stage=stage, unit="bytes")

        failpoint("before_upload", attempt=self.claim.attempt)
        self.check()
        self.storage.put_file(key, path, content_type=content_type, progress=on_sent)
        failpoint("after_upload", attempt=self.claim.attempt)
        return key


Body = Callable[[StepContext], dict[str, Any]]
HandIn = Callable[[StepReport], None]
"""Tells the API once how an attempt ended."""


@dataclass(frozen=True)
class AttemptTools:
    """The process-wide things that every attempt shares."""

    client: ControlClient
    storage: Storage
    settings: WorkerSettings
    hints: ProgressHints | None = None


def run_attempt(tools: AttemptTools, task: TaskName, *, job_id: str, step_id: str, body: Body) -> dict[str, Any]:
    """Claim a step, run its body and report; raise after reporting a failure, so that a Celery chain stops there."""
    with bind(job_id=job_id, step_id=step_id, task=task.value):
        claim = tools.client.claim(job_id, step_id, task)
        if not claim.claimed:
            _log.info("step not claimed", extra={"reason": claim.reason})
            return {"claimed": False, "reason": claim.reason}
        return run_claimed(tools, claim, body, hand_in=lambda report: tools.client.report(task, report, tries=1))


def run_claimed(tools: AttemptTools, claim: Claim, body: Body, *, hand_in: HandIn) -> dict[str, Any]:
    """Run the body of a step that is claimed, and report; raise after reporting a failure."""
    about: dict[str, Any] = {"step": claim.name, "attempt": claim.attempt, "token": claim.token}
    with bind(**about), span(f"step {claim.name}", parent=claim.trace, job_id=claim.job_id, part=claim.part, **about):
        return _run_bound(tools, claim, body, hand_in)


def _run_bound(tools: AttemptTools, claim: Claim, body: Body, hand_in: HandIn) -> dict[str, Any]:
    started = time.monotonic()
    failpoint("after_claim", attempt=claim.attempt)
    fence, children, tracker = Fence(), ChildGroup(), ProgressTracker()
    keeping = LeaseKeeper(tools.client, claim, fence=fence, tracker=tracker, children=children)
    with noted(tools.settings.scratch_dir, claim) as keeping.on_renewed, keeping as keeper:
        outcome = _work(tools, claim, body, keeper=keeper, fence=fence, children=children, tracker=tracker)
        report = StepReport(claim.job_id, claim.step_id, claim.token, **outcome)
        failpoint("before_report", attempt=claim.attempt)
        failure = _hand_in(hand_in, report, fence=fence)
        failpoint("after_report", attempt=claim.attempt)
    elapsed_s = round(time.monotonic() - started, 3)
    if failure is not None:
        _log.warning(
            "step failed", extra={"code": failure.code, "permanent": failure.permanent, "elapsed_s": elapsed_s}
        )
        raise (PermanentError if failure.permanent else TransientError)(failure.code, failure.detail)
    _log.info("step succeeded", extra={"elapsed_s": elapsed_s})
    return {"claimed": True, "step_id": claim.step_id, "token": claim.token}


def _work(
    tools: AttemptTools,
    claim: Claim,
    body: Body,
    *,
    keeper: LeaseKeeper,
    fence: Fence,
    children: ChildGroup,
    tracker: ProgressTracker,
) -> dict[str, Any]:
    """Run the body in a scratch directory; return ``{"result": …}`` or ``{"failure": …}``. Only FencedError leaves."""
    try:
        keeper.start()
        with scratch_directory(tools.settings.scratch_dir, claim.step_id) as scratch:
            context = StepContext(
                claim, scratch, tools.storage, tools.settings, children, fence, tracker, tools.hints, tools.client
            )
            try:
                with keeper.interrupting(), children_of_attempt(children):
                    result = body(context)
            finally:
                children.kill_all()
        fence.check()
    except FencedError as error:
        _log.info("attempt fenced", extra={"code": error.code})
        raise
    except Exception as error:  # noqa: BLE001 - the one place where any error of a body becomes a report
        fence.check()  # what failed because its children were killed under it is no failure of the step
        return {"failure": describe_failure(error)}
    return {"result": result}


def describe_failure(error: BaseException) -> StepFailure:
    """Say what went wrong and whether trying again makes sense."""
    if isinstance(error, ConfigurationError):
        _log.error("worker misconfigured", extra={"code": error.code, "detail": error.detail})
        return StepFailure("node.misconfigured", "The worker that took this step is not set up for it", permanent=False)
    if isinstance(error, PermanentError):
        return StepFailure(error.code, error.detail, permanent=True, extra=error.extra)
    if isinstance(error, ReelyardError):
        return StepFailure(error.code, error.detail, permanent=False, extra=error.extra)
    if isinstance(error, SoftTimeLimitExceeded):
        return StepFailure("task.timeout", "The step took longer than it may", permanent=False)
    if isinstance(error, MemoryError):
        return StepFailure("node.out_of_memory", "The worker ran out of memory", permanent=False)
    if isinstance(error, BlockingIOError):  # what fork(2) fails with; files and sockets of bodies all block
        return StepFailure("node.no_processes", "The worker could start no more processes", permanent=False)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StepFailure("node.no_space", "The worker ran out of disk space", permanent=False)
    _log.error("step raised an unexpected error", exc_info=error)
    return StepFailure("internal.error", "Something went wrong inside the worker", permanent=False)


def _hand_in(hand_in: HandIn, report: StepReport, *, fence: Fence) -> StepFailure | None:
    """Report until it is heard, as long as the lease can live (the keeper closes the fence when it cannot).

    Return the failure that was reported, if it was one: a result that the API refuses becomes one.
    """
    give_up_at, tries = time.monotonic() + REPORT_FOR_S, 0
    while True:
        try:
            hand_in(report)
        except TransientError as error:
            tries += 1
            _log.warning("report not heard", extra={"code": error.code, "tries": tries})
            if time.monotonic() >= give_up_at:
                raise
            fence.wait(backoff_s(tries))
            fence.check()
        except PermanentError as error:
            if report.failure is not None:
                raise
            _log.error("result refused", extra={"detail": error.detail})
            refused = StepFailure("step.result_refused", "The result of this step was not accepted", permanent=True)
            report = StepReport(report.job_id, report.step_id, report.token, failure=refused)
        else:
            return report.failure
