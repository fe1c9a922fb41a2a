"""Fair shares on the virtual clock, whatever arrives in whatever order."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.turns.virtual import AGED_EVERY, Arrival, choose, credit, stamp

USERS = {"ann": 1.0, "ben": 2.0, "cem": 5.0}
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(sorted(USERS)), st.floats(0.5, 20.0)),
        st.none(),
    ),
    max_size=120,
)


@dataclass
class Line:
    """A line of one class, worked off one at a time."""

    clock: float = 0.0
    ends: dict[str, float] = field(default_factory=dict)
    heap: list[tuple[float, int, Arrival]] = field(default_factory=list)
    begun: list[tuple[int, Arrival]] = field(default_factory=list)
    count: int = 0

    def arrive(self, *arrivals: Arrival) -> None:
        for arrival, tag in zip(arrivals, stamp(arrivals, clock=self.clock, ends=self.ends), strict=True):
            self.count += 1
            heapq.heappush(self.heap, (tag, self.count, arrival))

    def begin(self) -> Arrival | None:
        if not self.heap:
            return None
        tag, number, arrival = heapq.heappop(self.heap)
        self.clock = max(self.clock, tag)
        self.begun.append((number, arrival))
        return arrival

    def waiting(self, user: str) -> int:
        return sum(arrival.user == user for _, _, arrival in self.heap)


@given(EVENTS)
@settings(max_examples=80, deadline=None)
def test_everything_is_begun_once_and_each_users_work_in_its_order(events: list[tuple[str, float] | None]) -> None:
    line = Line()
    for event in events:
        if event is None:
            line.begin()
        else:
            line.arrive(Arrival(event[0], event[1], USERS[event[0]]))
    while line.begin():
        pass

    by_user: dict[str, list[int]] = defaultdict(list)
    for number, arrival in line.begun:
        by_user[arrival.user].append(number)
    assert sorted(number for number, _ in line.begun) == list(range(1, line.count + 1))
    assert all(numbers == sorted(numbers) for numbers in by_user.values())


@given(st.lists(st.floats(0.5, 10.0), min_size=60, max_size=60), st.sampled_from([(1.0, 1.0), (1.0, 3.0), (2.0, 5.0)]))
@settings(max_examples=50, deadline=None)
def test_two_who_always_have_work_get_shares_that_differ_by_no_more_than_one_piece_each(
    costs: list[float], weights: tuple[float, float]
) -> None:
    line = Line()
    for number, cost in enumerate(costs):
        line.arrive(Arrival("ab"[number % 2], cost, weights[number % 2]))
    bound = 10.0 / weights[0] + 10.0 / weights[1]
    used = {"a": 0.0, "b": 0.0}
    while line.waiting("a") and line.waiting("b"):
        begun = line.begin()
        assert begun is not None
        used[begun.user] += begun.cost / begun.weight
        assert abs(used["a"] - used["b"]) <= bound + 1e-9


@given(st.integers(1, 400), st.integers(0, 60), st.integers(0, 8), st.sampled_from([1.0, 4.0]))
@settings(max_examples=50, deadline=None)
def test_one_job_after_somebodys_flood_waits_for_one_piece_of_each_other_user(
    flood: int, begun: int, others: int, weight: float
) -> None:
    line = Line()
    line.arrive(*[Arrival("flood", 3.0, weight)] * flood)
    for _ in range(begun):
        line.begin()
    line.arrive(*[Arrival(f"other {number}", 3.0) for number in range(others)], Arrival("late", 3.0))

    before = 0
    while (now := line.begin()) is not None and now.user != "late":
        before += 1
    assert before <= others + 1


def test_who_was_alone_for_long_is_not_punished_for_it() -> None:
    line = Line()
    line.arrive(*[Arrival("alone", 1.0)] * 50)
    while line.begin():
        pass
    line.arrive(*[Arrival("new", 1.0)] * 10)
    line.arrive(*[Arrival("alone", 1.0)] * 10)

    first = Counter(begun.user for begun in (line.begin() for _ in range(10)) if begun)
    assert first == {"new": 6, "alone": 4}  # of equal shares, one piece late


def test_work_that_came_back_is_next_and_charged_once() -> None:
    ends = {"ann": 40.0}

    assert stamp([Arrival("ann", 5.0, paid=True), Arrival("ann", 5.0)], clock=30.0, ends=ends) == [30.0, 40.0]
    assert ends == {"ann": 45.0}


def test_urgent_classes_go_first_and_those_who_waited_too_long_get_every_fourth_turn() -> None:
    high, low = [f"h{number}" for number in range(12)], [f"l{number}" for number in range(12)]

    assert choose([high, [], low], [False] * 3, count=4, turn=0) == ["h0", "h1", "h2", "h3"]
    assert choose([high, [], low], [False, False, True], count=9, turn=0) == (
        ["h0", "h1", "h2", "l0", "h3", "h4", "h5", "l1", "h6"]
    )
    assert choose([[], [], low], [False, False, True], count=2, turn=5) == ["l0", "l1"]
    assert choose([high, ["n0"], low], [False, True, True], count=9, turn=0).count("n0") == 1


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 60), st.integers(0, 9))
@settings(max_examples=80, deadline=None)
def test_a_choice_is_as_long_as_asked_for_and_starves_no_class_that_is_late(
    high: int, normal: int, low: int, count: int, turn: int
) -> None:
    lines = [[(kind, number) for number in range(size)] for kind, size in enumerate((high, normal, low))]

    chosen = choose(lines, [False, True, True], count=count, turn=turn)

    assert len(chosen) == len(set(chosen)) == min(count, high + normal + low)
    lower = sum(kind > 0 for kind, _ in chosen)
    assert lower >= min(normal + low, len(chosen) // AGED_EVERY)


@pytest.mark.parametrize(
    ("slots", "rate", "bells"),
    [(0, 0.0, 8), (1, 0.0, 1), (4, 0.1, 4), (4, 300.0, 150), (0, 4.0, 8)],
)
def test_bells_are_out_for_each_slot_and_for_what_is_consumed(slots: int, rate: float, bells: int) -> None:
    assert credit(slots=slots, rate=rate, ahead_s=0.5, unknown=8) == bells
