"""The conversation about a worker process: what it tells of itself, what it shall consume."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tasks.contracts.base import Message


@dataclass(frozen=True)
class GpuState(Message):
    """One GPU as its driver tells of it.

    :param use_percent: of the time in which something ran, :param encoder_percent: of the encoders' time.
    :param memory_used: bytes, :param memory_total: bytes, :param temperature_c: degrees Celsius.
    :param encoder_sessions: encodes under way; None where the driver does not say.
    """

    uuid: str
    index: int
    name: str
    driver: str
    memory_used: int
    memory_total: int
    use_percent: int | None = None
    encoder_percent: int | None = None
    temperature_c: int | None = None
    encoder_sessions: int | None = None
    power_w: float | None = None


@dataclass(frozen=True)
class SelfTest(Message):
    """The outcome of a test that a node made of itself.

    :param id: the test that was asked for, :param problems: what does not work; none means that it passed.
    """

    id: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeBeat(Message):
    """What a worker process tells of itself every few seconds; the first of them registers it.

    :param node: name of the node, the same after a restart, :param instance: random name of this process.
    :param started_with: queues of its command line, :param able: queues whose tasks it has, :param queues: those it
        consumes now.
    :param slots: pool processes, :param busy: those that work, :param started_slots: slots of its command line.
    :param proven_s: seconds since its consuming connection last completed a round trip to the broker (or since its
        event loop last found all slots full, or nothing to consume).
    :param generation: of the order that it carried out last.
    :param leaving: it is about to stop and takes no more.
    :param about: versions, fonts, browser, encoders as probed; empty while not known or known already.
    :param gpu: id of the GPU that its slots work on, or empty.
    """

    node: str
    instance: str
    host: str
    role: str
    pid: int
    started_with: tuple[str, ...] = ()
    able: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    slots: int = 1
    started_slots: int = 1
    busy: int = 0
    proven_s: float = 0.0
    generation: int = 0
    leaving: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    gpu: str = ""
    gpus: tuple[GpuState, ...] = ()
    test: SelfTest | None = None


@dataclass(frozen=True)
class NodeOrder(Message):
    """The answer to a beat: what the node shall be, whatever it is now.

    :param generation: number of this order; a greater one replaces a lesser one.
    :param beat_s: seconds until the next beat.
    :param test: a self-test to make, once for each id, or empty.
    :param wants_about: the API does not know what the node is made of.
    """

    generation: int
    queues: tuple[str, ...]
    slots: int
    beat_s: float
    test: str = ""
    wants_about: bool = False
