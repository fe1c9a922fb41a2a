"""Who consumes what: a plan from nodes, queues and a policy. Pure, and the same whatever the order of its inputs.

1. A queue's minimum comes first, for the queues with the fewest possible nodes before the others.
2. Every other node goes, largest first, to the queue that is furthest below its share.
3. A queue that is left without a node shares the least loaded one that can serve it.

What a node consumes now does not change who gets how much, only which of several equal nodes gets it: so the plan of a
farm that follows its plan changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

NOBODY = "no node that works can consume it"


@dataclass(frozen=True)
class Worker:
    """A node that works, as the plan sees it."""

    id: str
    slots: int
    able: frozenset[str]
    queues: frozenset[str]
    has_gpu: bool = False


@dataclass(frozen=True)
class Need:
    """What a queue shall get.

    :param weight: its share of the slots that minimums leave; 0 gives it its minimum alone.
    :param gpu: ``require`` GPU nodes, ``avoid`` them while there are others, or ``any``.
    """

    queue: str
    weight: float = 1.0
    min_slots: int = 0
    gpu: str = "any"


@dataclass(frozen=True)
class Change:
    """What one node shall consume from now on, and why."""

    node: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Share:
    """What a queue gets: slots that serve it alone or with others, and those it should have by its policy."""

    queue: str
    slots: float
    target: float


@dataclass(frozen=True)
class Plan:
    """The outcome: changes, resulting shares, and what cannot be had."""

    changes: tuple[Change, ...] = ()
    shares: tuple[Share, ...] = ()
    unmet: tuple[tuple[str, str], ...] = ()


@dataclass
class _Draft:
    """A plan in the making."""

    workers: list[Worker]
    needs: dict[str, Need]
    given: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    reasons: dict[str, str] = field(default_factory=dict)

    def give(self, worker: Worker, queue: str, reason: str) -> None:
        self.given[worker.id].add(queue)
        self.reasons.setdefault(worker.id, reason)

    def slots_of(self, queue: str) -> float:
        own = (worker for worker in self.workers if queue in self.given[worker.id])
        return sum(worker.slots / len(self.given[worker.id]) for worker in own)

    def free(self) -> list[Worker]:
        return [worker for worker in self.workers if not self.given[worker.id]]

    def able(self, queue: str, among: Iterable[Worker]) -> list[Worker]:
        """Return the workers that may serve a queue, the most fitting first."""
        gpu = self.needs[queue].gpu
        found = [worker for worker in among if queue in worker.able and (gpu != "require" or worker.has_gpu)]
        wrong = {"avoid": True, "require": False, "any": True}[gpu]
        return sorted(found, key=lambda worker: (worker.has_gpu is wrong, worker.slots, worker.id))


def plan_rebalance(workers: Sequence[Worker], needs: Sequence[Need]) -> Plan:
    """Plan what every worker consumes; queues without a need are nobody's any more."""
    known = {need.queue: need for need in sorted(needs, key=lambda need: need.queue)}
    usable = sorted((w for w in workers if w.able & known.keys()), key=lambda worker: worker.id)
    draft = _Draft(usable, known)
    targets = find_targets(draft)
    _give_minimums(draft)
    _give_shares(draft, targets)
    unmet = _share_rest(draft)
    keep_in_place(draft)
    shares = tuple(Share(queue, round(draft.slots_of(queue), 3), round(targets[queue], 3)) for queue in known)
    return Plan(_list_changes(draft), shares, tuple(unmet + _find_short(draft)))


def find_targets(draft: _Draft) -> dict[str, float]:
    """Return the slots that each queue should have: its minimum, and its weight's part of what that leaves.

    Queues that share no node, not even through others, do not count against each other.
    """
    targets = {queue: float(need.min_slots) for queue, need in draft.needs.items()}
    for queues in _groups(draft):
        able = {worker.id: worker for queue in queues for worker in draft.able(queue, draft.workers)}
        rest = sum(worker.slots for worker in able.values()) - sum(draft.needs[queue].min_slots for queue in queues)
        weights = sum(draft.needs[queue].weight for queue in queues)
        for queue in queues:
            need = draft.needs[queue]
            targets[queue] = need.min_slots + (max(0.0, rest) * need.weight / weights if weights else 0.0)
    return targets


def _groups(draft: _Draft) -> list[set[str]]:
    """Return the queues that can be served at all, those together that compete for nodes."""
    groups: list[tuple[set[str], set[str]]] = []
    for queue in draft.needs:
        queues, nodes = {queue}, {worker.id for worker in draft.able(queue, draft.workers)}
        if not nodes:
            continue
        for group in [group for group in groups if group[1] & nodes]:
            groups.remove(group)
            queues, nodes = queues | group[0], nodes | group[1]
        groups.append((queues, nodes))
    return [queues for queues, _ in groups]


def _give_minimums(draft: _Draft) -> None:
    def scarcity(need: Need) -> tuple[int, str]:
        return len(draft.able(need.queue, draft.workers)), need.queue

    for need in sorted(draft.needs.values(), key=scarcity):
        while draft.slots_of(need.queue) < need.min_slots:
            found = draft.able(need.queue, draft.free())
            if not found:
                break
            draft.give(found[0], need.queue, f"{need.queue} shall have at least {need.min_slots} slots")


def _give_shares(draft: _Draft, targets: dict[str, float]) -> None:
    wished = [queue for queue, need in draft.needs.items() if need.weight > 0]
    for worker in sorted(draft.free(), key=lambda free: (-free.slots, free.id)):
        options = [queue for queue in wished if worker in draft.able(queue, [worker])]
        kind = [queue for queue in options if not (worker.has_gpu and draft.needs[queue].gpu == "avoid")] or options
        if kind:
            queue = min(kind, key=lambda name: (draft.slots_of(name) - targets[name], name))
            draft.give(worker, queue, _why(queue, draft.slots_of(queue), targets[queue]))


def _why(queue: str, slots: float, target: float) -> str:
    return f"{queue} has {slots:g} of the {target:.1f} slots that its weight gives it"


def _share_rest(draft: _Draft) -> list[tuple[str, str]]:
    """Put queues without a node, and nodes without a queue, with others; return the queues nobody can serve."""
    unmet = []
    for queue in draft.needs:
        if draft.slots_of(queue):
            continue
        found = draft.able(queue, draft.workers)
        if not found:
            unmet.append((queue, NOBODY))
            continue
        least = min(found, key=lambda worker: (len(draft.given[worker.id]), worker.has_gpu, -worker.slots, worker.id))
        draft.give(least, queue, f"{queue} has no node of its own and shares this one")
    for worker in draft.free():
        options = [queue for queue in draft.needs if worker in draft.able(queue, [worker])]
        if options:
            draft.give(worker, min(options, key=draft.slots_of), "it would have nothing to do")
    return unmet


def keep_in_place(draft: _Draft) -> None:
    """Exchange what equal workers are given, so that as many as can keep what they consume now."""
    kinds: dict[tuple[int, frozenset[str], bool], list[Worker]] = defaultdict(list)
    for worker in draft.workers:
        kinds[worker.slots, worker.able, worker.has_gpu].append(worker)
    for equal in kinds.values():
        bundles = [(frozenset(draft.given[worker.id]), draft.reasons.get(worker.id, "")) for worker in equal]
        waiting = []
        for worker in equal:
            same = next((bundle for bundle in bundles if bundle[0] == worker.queues), None)
            if same is None:
                waiting.append(worker)
                continue
            bundles.remove(same)
            draft.given[worker.id], draft.reasons[worker.id] = set(same[0]), same[1]
        for worker in waiting:
            best = max(bundles, key=lambda bundle: len(bundle[0] & worker.queues))
            bundles.remove(best)
            draft.given[worker.id], draft.reasons[worker.id] = set(best[0]), best[1]


def _find_short(draft: _Draft) -> list[tuple[str, str]]:
    short = []
    for need in draft.needs.values():
        slots = draft.slots_of(need.queue)
        if 0 < slots < need.min_slots:
            short.append((need.queue, f"it gets {slots:g} of at least {need.min_slots} slots"))
    return short


def _list_changes(draft: _Draft) -> tuple[Change, ...]:
    changes = []
    for worker in draft.workers:
        after = frozenset(draft.given[worker.id])
        if after != worker.queues:
            before = tuple(sorted(worker.queues))
            changes.append(Change(worker.id, before, tuple(sorted(after)), draft.reasons.get(worker.id, "")))
    return tuple(changes)
