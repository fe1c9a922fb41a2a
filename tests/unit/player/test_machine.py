"""The player as a state machine: the clock, the modes, the four rules of reloading."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.player import machine
from api.player.machine import Entry, Event, Happening, Mode, Player, Status

NOW = 1000.0
A, B, C, D = (Entry(name, f"sound-{name}", length) for name, length in zip("abcd", (10.0, 20.0, 5.0, 8.0), strict=True))


def loaded(*entries: Entry, mode: Mode = Mode.CONTINUOUS) -> Player:
    return replace(machine.load(Player(), entries, seed=7), mode=mode)


def playing(*entries: Entry, mode: Mode = Mode.CONTINUOUS, index: int = 0) -> Player:
    return machine.play_entry(loaded(*entries, mode=mode), index, NOW)[0]


def told(events: list[Event]) -> list[tuple[str, str, float]]:
    return [(event.kind.value, event.entry.id, round(event.at - NOW, 6)) for event in events]


def test_position_follows_the_clock_and_stands_still_while_paused() -> None:
    player = playing(A)
    assert machine.position(player, NOW + 3.25) == 3.25
    player, _ = machine.pause(player, NOW + 4)
    assert machine.position(player, NOW + 100) == 4
    player, _ = machine.play(player, NOW + 200)
    assert machine.position(player, NOW + 201) == 5


def test_sound_is_counted_once_at_a_fifth_and_again_when_it_begins_again() -> None:
    player, events = machine.advance(playing(A, B), NOW + 1.99)
    assert events == []
    player, events = machine.advance(player, NOW + 2)
    assert told(events) == [("played", "a", 2.0)]
    player, events = machine.seek(player, 0.0, NOW + 3)
    player, more = machine.advance(player, NOW + 12.9)
    assert told(events + more) == []
    _, events = machine.advance(playing(A, mode=Mode.LOOP_ONE), NOW + 12.5)
    assert told(events) == [("played", "a", 2.0), ("ended", "a", 10.0), ("started", "a", 10.0), ("played", "a", 12.0)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.CONTINUOUS, ["b", "c", None, None]),
        (Mode.LOOP, ["b", "c", "a", "b"]),
        (Mode.LOOP_ONE, ["a", "a", "a", "a"]),
        (Mode.SINGLE, [None, None, None, None]),
    ],
)
def test_mode_says_what_follows_the_end(mode: Mode, expected: list[str | None]) -> None:
    same = [Entry(name, name, 10.0) for name in "abc"]
    player, seen = playing(*same, mode=mode), []
    for end in (10, 20, 30, 40):
        player, _ = machine.advance(player, NOW + end + 0.001)
        current = player.current
        seen.append(current.id if current is not None and player.status is Status.PLAYING else None)
    assert seen == expected


def test_random_plays_each_once_before_one_comes_again_and_goes_back_the_same_way() -> None:
    same = [Entry(name, name, 10.0) for name in "abcdef"]
    player, way = playing(*same, mode=Mode.RANDOM), ["a"]
    for end in range(1, 12):
        player, _ = machine.advance(player, NOW + 10 * end)
        assert player.current is not None
        way.append(player.current.id)
    assert sorted(way[:6]) == sorted(way[6:]) == list("abcdef")
    assert way[:6] != list("abcdef")
    assert all(first != second for first, second in pairwise(way))
    for earlier in reversed(way[:-1]):
        player, _ = machine.previous_entry(player, NOW + 110)
        assert player.current is not None
        assert player.current.id == earlier


def test_next_and_previous_obey_the_ends_of_the_list() -> None:
    player, _ = machine.next_entry(playing(A, B), NOW + 1)
    assert (player.index, player.status) == (1, Status.PLAYING)
    player, _ = machine.next_entry(player, NOW + 2)
    assert (player.index, player.status) == (1, Status.STOPPED)
    looped, _ = machine.next_entry(playing(A, B, mode=Mode.LOOP, index=1), NOW + 1)
    assert looped.index == 0
    back, _ = machine.previous_entry(playing(A, B, mode=Mode.LOOP), NOW + 1)
    assert back.index == 1
    first, _ = machine.previous_entry(playing(A, B), NOW + 1)
    assert (first.index, machine.position(first, NOW + 1)) == (0, 0.0)


def test_previous_begins_the_sound_again_after_three_seconds() -> None:
    player, events = machine.previous_entry(playing(A, B, index=1), NOW + 3.5)
    assert (player.index, machine.position(player, NOW + 3.5)) == (1, 0.0)
    assert told(events)[-1] == ("started", "b", 3.5)


def test_paused_player_stays_paused_when_it_goes_to_the_next() -> None:
    player, _ = machine.pause(playing(A, B), NOW + 1)
    player, events = machine.next_entry(player, NOW + 2)
    assert (player.index, player.status, machine.position(player, NOW + 9), events) == (1, Status.PAUSED, 0.0, [])


def test_reload_leaves_a_sound_in_its_place_alone() -> None:
    player, events = machine.reload(playing(A, B), [A, B, C], NOW + 1)
    assert (player.index, machine.position(player, NOW + 1), player.status, events) == (0, 1.0, Status.PLAYING, [])
    following, _ = machine.advance(player, NOW + 31)
    assert following.current == C


def test_reload_follows_a_sound_that_was_moved() -> None:
    player, events = machine.reload(playing(A, B, C), [B, C, A], NOW + 1)
    assert (player.index, machine.position(player, NOW + 1), events) == (2, 1.0, [])
    assert machine.advance(player, NOW + 10.5)[0].status is Status.STOPPED


def test_reload_goes_to_the_heir_of_a_sound_that_is_gone() -> None:
    player, events = machine.reload(playing(A, B, C), [D, C], NOW + 1)
    assert (player.current, player.status, told(events)) == (C, Status.PLAYING, [("started", "c", 1.0)])
    paused, _ = machine.pause(playing(A, B), NOW + 1)
    player, events = machine.reload(paused, [B], NOW + 2)
    assert (player.current, player.status, events) == (B, Status.STOPPED, [])
    player, events = machine.reload(playing(A, B, index=1), [A], NOW + 1)
    assert (player.current, player.status, events) == (A, Status.STOPPED, [])


def test_reload_with_nothing_stops_and_empties() -> None:
    player, events = machine.reload(playing(A), [], NOW + 1)
    assert (player.index, player.status, machine.due_at(player), events) == (None, Status.STOPPED, None, [])
    player, _ = machine.play(player, NOW + 2)
    assert player.status is Status.STOPPED
    player, _ = machine.reload(player, [B], NOW + 3)
    assert (player.current, player.status) == (B, Status.STOPPED)


def test_player_that_nobody_looked_at_for_a_day_stops() -> None:
    player, events = machine.advance(playing(Entry("x", "x", 0.0), mode=Mode.LOOP_ONE), NOW + 86400)
    assert (player.status, len(events)) == (Status.STOPPED, machine.MOST_AT_ONCE)


@given(
    mode=st.sampled_from(Mode),
    index=st.integers(0, 3),
    looks=st.lists(st.floats(0, 120, allow_nan=False), min_size=1, max_size=8),
)
def test_how_often_somebody_looks_changes_nothing(mode: Mode, index: int, looks: list[float]) -> None:
    start = playing(A, B, C, D, mode=mode, index=index)
    end = NOW + max(looks)
    at_once = machine.advance(start, end)
    player, events = start, []
    for look in sorted(looks):
        player, more = machine.advance(player, NOW + look)
        events += more
    assert (player, events) == at_once


class AnyUse(RuleBasedStateMachine):
    """Whatever is done to a player, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.player, self.now, self.name = loaded(A, B, C), NOW, 0
        self.events: list[Event] = []

    def take(self, outcome: machine.Outcome) -> None:
        self.player, events = outcome
        self.events += events

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(machine.advance(self.player, self.now))

    @rule(
        command=st.sampled_from([machine.play, machine.pause, machine.stop, machine.next_entry, machine.previous_entry])
    )
    def press(self, command: object) -> None:
        self.take(command(self.player, self.now))  # type: ignore[operator]

    @rule(mode=st.sampled_from(Mode))
    def change_mode(self, mode: Mode) -> None:
        self.take(machine.set_mode(self.player, mode, self.now))

    @rule(place=st.floats(-5, 60))
    def seek(self, place: float) -> None:
        self.take(machine.seek(self.player, place, self.now))

    @precondition(lambda self: self.player.entries)
    @rule(data=st.data())
    def play_one(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.player.entries) - 1))
        self.take(machine.play_entry(self.player, index, self.now))

    @rule(data=st.data(), more=st.booleans())
    def change_list(self, data: st.DataObject, more: bool) -> None:
        kept = data.draw(st.lists(st.sampled_from(self.player.entries), unique=True)) if self.player.entries else []
        if more:
            self.name += 1
            kept.append(Entry(f"new-{self.name}", "sound", 6.0))
        before = self.player.current
        self.take(machine.reload(self.player, kept, self.now))
        if before is not None and before in kept:
            assert self.player.current == before or self.player.status is not Status.PLAYING

    @invariant()
    def is_in_one_piece(self) -> None:
        player = self.player
        assert (player.index is None) == (not player.entries)
        assert player.index is None or 0 <= player.index < len(player.entries)
        current = player.current
        place = machine.position(player, self.now)
        assert 0 <= place <= (current.length_s if current else 0)
        due = machine.due_at(player)
        assert (due is None) == (player.status is not Status.PLAYING)
        assert due is None or due >= self.now - 1e-6
        assert player.heard <= {entry.id for entry in player.entries}

    @invariant()
    def counts_a_go_at_most_once(self) -> None:
        counted = False
        for event in self.events:
            if event.kind is Happening.STARTED:
                counted = False
            elif event.kind is Happening.PLAYED:
                assert not counted
                counted = True
        assert [event.at for event in self.events] == sorted(event.at for event in self.events)


TestAnyUse = AnyUse.TestCase
TestAnyUse.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
