"""What a worker process tells of itself, and what it is told to be (ring 1).

A thread of the worker's main process beats: it tells the API what the event loop saw, and leaves the answer, an order,
for the event loop to carry out. What takes long (trying encoders, launching the browser) is done beside the beats.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_shutdown, worker_shutting_down

from tasks.alive import pulse_from
from tasks.client import ControlClient
from tasks.config import WorkerSettings, worker_settings
from tasks.consumption import Consumption, add_agent
from tasks.contracts.farm import GpuState, NodeBeat, NodeOrder, SelfTest
from tasks.deaths import slots
from tasks.errors import ReelyardError
from tasks.give_way import give_way
from tasks.gpu import gpu_of_slot, load_nvml, read_gpus
from tasks.names import POLICY
from tasks.version import version

FIRST_BEAT_S = 3.0
PACKAGES = ("celery", "kombu", "av", "numpy", "faster-whisper", "whisperx", "playwright")
_log = logging.getLogger(__name__)

Describe = Callable[[], dict[str, Any]]
"""Returns what a node is made of; may take a minute."""
Examine = Callable[[dict[str, Any]], list[str]]
"""Tries everything a node needs and returns what does not work; is given what the node told that it is made of."""


@dataclass(frozen=True)
class Profile:
    """What differs between the kinds of workers.

    :param gpus: reads the host's GPUs.
    :param uses_gpu: tells by the settings whether its slots may work on one.
    """

    role: str
    describe: Describe = dict
    examine: Examine = lambda about: []
    gpus: Callable[[], tuple[GpuState, ...]] = lambda: read_gpus(load_nvml())
    uses_gpu: Callable[[WorkerSettings], bool] = lambda settings: False


def versions() -> dict[str, str]:
    """Return the versions of what matters and is installed."""
    found = {"reelyard": version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class NodeAgent:
    """The voice of one worker process."""

    def __init__(self, app: Celery, profile: Profile, settings: Callable[[], WorkerSettings] = worker_settings) -> None:
        self.consumption = Consumption(pulse_from(os.environ).beat)
        self._app = app
        self._profile = profile
        self._settings = settings
        self._instance = uuid.uuid4().hex
        self._wake, self._leaving, self._gone = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._client: ControlClient | None = None
        self._node = ""
        self._about: dict[str, Any] = {}
        self._about_known = False
        self._test: SelfTest | None = None
        self._test_id = ""
        self._beat_s = FIRST_BEAT_S

    def start(self, node: str) -> None:
        """Begin to beat; called again after each new connection of the consumer, which the first beat tells of."""
        if self._thread is None:
            settings = self._settings()
            self._node = node
            self._client = ControlClient(settings.api_url, settings.callback_secret, node=node)
            self._beside(self._describe)
            self._thread = self._beside(self._run)
        self.nudge()

    def nudge(self) -> None:
        """Beat now."""
        self._wake.set()

    def leave(self) -> None:
        """Tell that the worker is about to stop; safe in a signal handler."""
        self._leaving.set()
        self._wake.set()

    def say_goodbye(self) -> None:
        """Tell for the last time, and stop beating."""
        self._leaving.set()
        self._gone.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        assert self._client is not None
        while True:
            gone = self._gone.is_set()
            self._wake.clear()
            self._look()
            self._beat()
            if gone:
                self._client.close()
                return
            self._wake.wait(self._beat_s)

    def _look(self) -> None:
        try:
            slots.look()
        except Exception:  # noqa: BLE001 - the node's voice must outlive any fault
            _log.exception("slots cannot be looked at")

    def _beat(self) -> None:
        assert self._client is not None
        beat = self._compose()
        try:
            order = self._client.beat(beat)
        except ReelyardError as error:
            _log.warning("beat not heard", extra={"code": error.code})
            return
        except Exception:  # noqa: BLE001 - the node's voice must outlive any fault
            _log.exception("beat failed")
            return
        self._take(order, told_about=bool(beat.about))

    def _take(self, order: NodeOrder, *, told_about: bool) -> None:
        self._beat_s = order.beat_s
        self._about_known = not order.wants_about and (self._about_known or told_about)
        if self._about and order.wants_about and not told_about:
            self.nudge()
        self.consumption.order = order
        if order.test and order.test != self._test_id:
            self._test_id = order.test
            self._beside(self._examine)

    def _compose(self) -> NodeBeat:
        consumption, seen = self.consumption, self.consumption.seen
        gpus = self._profile.gpus()
        return NodeBeat(
            node=self._node,
            instance=self._instance,
            host=self._settings().node_name,
            role=self._profile.role,
            pid=os.getpid(),
            started_with=consumption.started_with,
            able=self._able(),
            queues=seen.queues,
            slots=seen.slots,
            started_slots=consumption.started_slots,
            busy=seen.busy,
            proven_s=round(consumption.proven_s, 3),
            generation=consumption.order.generation if consumption.order else 0,
            leaving=self._leaving.is_set(),
            about={} if self._about_known else self._about,
            gpu=gpu_of_slot(gpus, self._settings().gpu) if self._profile.uses_gpu(self._settings()) else "",
            gpus=gpus,
            test=self._test,
        )

    def _able(self) -> tuple[str, ...]:
        known = {task.value: policy.queue.value for task, policy in POLICY.items()}
        return tuple(sorted({known[name] for name in self._app.tasks if name in known}))

    def _describe(self) -> None:
        about: dict[str, Any] = {"versions": versions(), "cpu_count": os.cpu_count() or 1}
        try:
            about |= self._profile.describe()
        except Exception as error:  # noqa: BLE001 - a node that cannot tell what it is made of says just that
            _log.exception("node cannot be described")
            about["problem"] = f"{type(error).__name__}: {error}"[:300]
        self._about = about
        self.nudge()

    def _examine(self) -> None:
        test = self._test_id
        try:
            problems = self._profile.examine(self._about)
        except Exception as error:  # noqa: BLE001 - a test that breaks is a test that failed
            _log.exception("self-test broke")
            problems = [f"{type(error).__name__}: {error}"[:300]]
        _log.info("self-test", extra={"problems": problems})
        self._test = SelfTest(test, tuple(problems))
        self.nudge()

    def _beside(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"node-{work.__name__}", daemon=True)
        thread.start()
        return thread


def install(app: Celery, profile: Profile, settings: Callable[[], WorkerSettings] = worker_settings) -> NodeAgent:
    """Have the workers of an application tell of themselves."""
    agent = NodeAgent(app, profile, settings)
    add_agent(app, agent)

    def leave(**_: Any) -> None:
        agent.leave()

    def say_goodbye(**_: Any) -> None:
        agent.say_goodbye()

    def step_back(**_: Any) -> None:
        known = settings()
        give_way(known.nice, uses_gpu=profile.uses_gpu(known), gpus=profile.gpus)

    worker_process_init.connect(step_back, weak=False)
    worker_shutting_down.connect(leave, weak=False)
    worker_shutdown.connect(say_goodbye, weak=False)
    return agent
