"""The consumer's side of a node: proof that it consumes, and carrying out orders (ring 1).

Everything here runs in the worker's event loop, by whose leave alone queues and slots may be changed. Orders are
carried out by level: at each tick what is gets compared with what shall be, so that a change that could not be made
(slots that are all busy) is made later, and one that was lost is made again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import bootsteps
from celery.worker import state as worker_state
from celery.worker.control import control_command

from tasks.contracts.farm import NodeOrder

TICK_S = 0.5
_AGENT = "reelyard_agent"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """What a worker process consumes, as its event loop last saw it."""

    queues: tuple[str, ...] = ()
    slots: int = 0
    busy: int = 0


class Consumption:
    """One worker's consumer, watched and steered.

    :param beat: called at each proof that it works.
    """

    def __init__(self, beat: Callable[[], None] = lambda: None) -> None:
        self.show_life = beat
        self.seen = Seen()
        self.order: NodeOrder | None = None
        self.started_with: tuple[str, ...] = ()
        self.started_slots = 0
        self._consumer: Any = None
        self._timer: Any = None
        self._proven_at = time.monotonic()

    @property
    def proven_s(self) -> float:
        """Seconds since the last proof that messages are being waited for (or are not wanted)."""
        return time.monotonic() - self._proven_at

    def attach(self, consumer: Any) -> None:
        """Watch a consumer that has just connected."""
        if not self.started_with:
            self.started_with = tuple(sorted(queue.name for queue in consumer.task_consumer.queues))
            self.started_slots = int(consumer.pool.num_processes)
        self._consumer = consumer
        watch_polls(consumer.task_consumer.channel, self.note_poll)
        self._timer = consumer.timer.call_repeatedly(TICK_S, self.tick)
        self.tick()

    def detach(self) -> None:
        """Stop watching: the connection is lost or the worker stops."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._consumer = None

    def note_poll(self) -> None:
        """Note a completed round trip to the broker on the consuming connection."""
        self._proven_at = time.monotonic()
        self.show_life()

    def tick(self) -> None:
        """Look at the consumer and bring it to what is ordered."""
        consumer = self._consumer
        if consumer is None or consumer.task_consumer is None:
            return
        if self.order is not None:
            obey(consumer, self.order)
        queues = consuming(consumer)
        # Celery asks the broker for nothing while all slots are full or no queue is wanted: this tick is the proof then
        if not queues or not consumer.task_consumer.channel.qos.can_consume():
            self.note_poll()
        self.seen = Seen(tuple(sorted(queues)), int(consumer.pool.num_processes), len(worker_state.active_requests))


def watch_polls(channel: Any, note: Callable[[], None]) -> None:
    """Have ``note`` called whenever a channel of kombu's Redis transport has read the answer to its blocking pop.

    An answer without a message (every second, on an idle queue) is as good a proof as one with a message; only an
    error of the connection is none.
    """
    read = channel.handlers["BRPOP"]

    def read_and_note(*args: Any, **options: Any) -> Any:
        try:
            result = read(*args, **options)
        except channel.connection_errors:
            raise
        except BaseException:
            note()
            raise
        note()
        return result

    channel.handlers["BRPOP"] = read_and_note


def consuming(consumer: Any) -> set[str]:
    """Name the queues that a consumer takes messages from."""
    return {queue.name for queue in consumer.task_consumer.queues}


def obey(consumer: Any, order: NodeOrder) -> None:
    """Bring a consumer to its ordered queues and slots, as far as that can be done now."""
    present, wanted = consuming(consumer), set(order.queues)
    for queue in sorted(present - wanted):
        consumer.cancel_task_queue(queue)
    for queue in sorted(wanted - present):
        consumer.add_task_queue(queue)
    change = order.slots - int(consumer.pool.num_processes)
    if change and order.slots >= 1:
        resize(consumer, change)


def resize(consumer: Any, change: int) -> None:
    """Start or stop pool processes; those that are busy stay until a later tick."""
    step = 1 if change > 0 else -1
    for _ in range(abs(change)):
        try:
            (consumer.pool.grow if step > 0 else consumer.pool.shrink)(1)
        except (ValueError, NotImplementedError, AttributeError):
            return  # all busy, or a pool of fixed size
        consumer._update_prefetch_count(step)


class ConsumptionStep(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Tells the node's agent of each connection of the consumer."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Begin to watch."""
        agent = getattr(consumer.app, _AGENT)
        agent.consumption.attach(consumer)
        agent.start(consumer.hostname)

    def stop(self, consumer: Any) -> None:
        """End watching."""
        getattr(consumer.app, _AGENT).consumption.detach()


def waiting_shows_life(connection: Any, app: Any) -> Any:
    """Have a connection's wait for its broker count as life, second by second: a broker that is away ends no worker."""
    agent, ensure = getattr(app, _AGENT, None), connection.ensure_connection
    if agent is None:
        return connection

    def ensure_and_show(errback: Any = None, *arguments: Any, callback: Any = None, **options: Any) -> Any:
        def each_second() -> None:
            agent.consumption.show_life()
            if callback is not None:
                callback()

        return ensure(errback, *arguments, callback=each_second, **options)

    connection.ensure_connection = ensure_and_show
    return connection


def add_agent(app: Any, agent: Any) -> None:
    """Give an application's workers an agent."""
    setattr(app, _AGENT, agent)
    app.steps["consumer"].add(ConsumptionStep)


@control_command(name="reelyard_nudge")  # type: ignore[untyped-decorator]  # celery has no types
def nudge(state: Any) -> dict[str, Any]:
    """Have a node ask for its order now."""
    agent = getattr(state.app, _AGENT, None)
    if agent is None:
        return {"error": "this worker has no agent"}
    agent.nudge()
    return {"ok": "asking"}
