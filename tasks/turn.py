"""One turn of a slot: the step that a bell rang for and, while steps are short, those next in line (ring 1).

The API says what is next in its answer to a report; the bell and the message that it would take cost more than a step
of milliseconds does. A turn is short, so that the order of bells, a warm stop and the memory limit of pool processes
lose nothing by it.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.attempt import AttemptTools, Body, run_claimed
from tasks.contracts import Claim, StepReport
from tasks.errors import PermanentError, ReelyardError
from tasks.logs import bind
from tasks.names import REPORT_PATH, TaskName

TURN_S = 1.0
"""A slot asks for more so long after its bell rang."""

MOST_STEPS = 100
BEAT_S = 1.0
"""Longest pause between beats of a step without a message of its own, which no revocation reaches: a beat tells."""
_log = logging.getLogger(__name__)


@dataclass
class Turn:
    """What a slot is given by one bell."""

    tools: AttemptTools
    task: TaskName
    started: float = field(default_factory=time.monotonic)
    steps: int = 0
    next: Claim | None = None
    _nonce: str = ""
    _refused: bool = False

    def begin(self) -> None:
        """Begin with a step."""
        self.steps, self.next, self._nonce = self.steps + 1, None, ""

    def hand_in(self, report: StepReport) -> None:
        """Tell how a step ended and, if there is time, ask for another by the same call.

        What was asked once is repeated, whatever the time: a claim whose answer was lost would not be worked on.
        """
        if self._nonce or (self._lasts and report.result is not None):
            self._nonce = self._nonce or uuid.uuid4().hex
            try:
                self.next = self.tools.client.report_and_ask(self.task, report, nonce=self._nonce)
            except PermanentError as error:  # an older API does not know the call, a result may be refused
                _log.info("next step not asked for", extra={"code": error.code})
                self._nonce, self._refused = "", True
            else:
                return
        self.tools.client.report(self.task, report, tries=1)

    @property
    def _lasts(self) -> bool:
        if self._refused or self.task in REPORT_PATH or self.steps >= MOST_STEPS:
            return False
        return time.monotonic() - self.started < TURN_S


def run_turn(tools: AttemptTools, task: TaskName, *, job_id: str, step_id: str, body: Body) -> dict[str, Any]:
    """Claim a step, run its body and report, and so on with those that are next; raise if the first one failed."""
    with bind(job_id=job_id, step_id=step_id, task=task.value):
        claim = tools.client.claim(job_id, step_id, task)
        if not claim.claimed:
            _log.info("step not claimed", extra={"reason": claim.reason})
            return {"claimed": False, "reason": claim.reason}
        turn = Turn(tools, task)
        turn.begin()
        first = run_claimed(tools, claim, body, hand_in=turn.hand_in)
    while turn.next is not None:
        run_next(turn, body)
    return first


def run_next(turn: Turn, body: Body) -> None:
    """Run the step that was given with a report; how it ends is no matter of the message that the slot works on."""
    assert turn.next is not None
    claim = replace(turn.next, beat_s=min(turn.next.beat_s, BEAT_S))
    turn.begin()
    with bind(job_id=claim.job_id, step_id=claim.step_id, task=turn.task.value):
        try:
            run_claimed(turn.tools, claim, body, hand_in=turn.hand_in)
        except ReelyardError as error:
            _log.info("turn ended", extra={"code": error.code})
