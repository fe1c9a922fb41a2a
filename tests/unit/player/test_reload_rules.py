"""The four rules of reloading and the five modes, for any list, place and time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from api.player import machine
from api.player.machine import Entry, Happening, Mode, Player, Status

NOW = 1000.0
LENGTH_S = 10.0
NAMES = "abcdef"
FEW = settings(max_examples=50, deadline=None)
ENTRIES = {name: Entry(name, f"sound-{name}", LENGTH_S) for name in NAMES}
lists = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)
statuses = st.sampled_from(Status)
modes = st.sampled_from(Mode)


@st.composite
def players(draw: st.DrawFn) -> tuple[Player, float]:
    """A player with some list at some place, and a moment before its sound ends."""
    names, status = draw(lists), draw(statuses)
    player = machine.load(Player(), [ENTRIES[name] for name in names], seed=draw(st.integers(0, 99)))
    player = replace(player, mode=draw(modes))
    player, _ = machine.play_entry(player, draw(st.integers(0, len(names) - 1)), NOW)
    now = NOW + draw(st.floats(0, LENGTH_S * 0.99))
    if status is Status.PAUSED:
        player, _ = machine.pause(player, now)
    elif status is Status.STOPPED:
        player, _ = machine.stop(player, now)
    return machine.advance(player, now)[0], now


def names_of(player: Player) -> list[str]:
    return [entry.id for entry in player.entries]


@FEW
@given(at=players(), data=st.data())
def test_rules_one_and_two_a_sound_that_is_still_there_goes_on(at: tuple[Player, float], data: st.DataObject) -> None:
    player, now = at
    assert player.current is not None
    others = data.draw(st.lists(st.sampled_from(NAMES), unique=True))
    kept = [name for name in others if name != player.current.id]
    kept.insert(data.draw(st.integers(0, len(kept))), player.current.id)
    after, events = machine.reload(player, [ENTRIES[name] for name in kept], now)
    assert (after.current, after.status, after.mode, after.counted) == (
        *(player.current, player.status, player.mode, player.counted),
    )
    assert abs(machine.position(after, now) - machine.position(player, now)) < 1e-6
    assert (names_of(after), events) == (kept, [])


@FEW
@given(at=players(), data=st.data())
def test_rule_three_the_one_after_a_sound_that_is_gone_takes_over(
    at: tuple[Player, float], data: st.DataObject
) -> None:
    player, now = at
    assert player.current is not None and player.index is not None
    kept = data.draw(lists.map(lambda names: [name for name in names if name != player.current.id]).filter(bool))
    behind = [name for name in names_of(player)[player.index + 1 :] if name in kept]
    after, events = machine.reload(player, [ENTRIES[name] for name in kept], now)
    assert after.current is not None
    assert after.current.id == (behind[0] if behind else kept[0])
    goes_on = bool(behind) and player.status is Status.PLAYING
    assert after.status is (Status.PLAYING if goes_on else Status.STOPPED)
    assert (machine.position(after, now), after.counted) == (0.0, False)
    assert [event.kind for event in events] == ([Happening.STARTED] if goes_on else [])


@FEW
@given(at=players())
def test_rule_four_nothing_left_stops_and_empties(at: tuple[Player, float]) -> None:
    player, now = at
    after, events = machine.reload(player, [], now)
    assert (after.entries, after.index, after.status, events) == ((), None, Status.STOPPED, [])
    assert (after.volume, after.mode) == (player.volume, player.mode)
    again, _ = machine.reload(after, [ENTRIES["a"]], now)
    assert (again.current, again.status) == (ENTRIES["a"], Status.STOPPED)


@FEW
@given(names=lists, data=st.data(), mode=modes)
def test_a_mode_says_what_follows_the_end_of_any_sound_of_any_list(
    names: list[str], data: st.DataObject, mode: Mode
) -> None:
    index = data.draw(st.integers(0, len(names) - 1))
    player = replace(machine.load(Player(), [ENTRIES[name] for name in names], seed=3), mode=mode)
    player, _ = machine.play_entry(player, index, NOW)
    after, events = machine.advance(player, NOW + LENGTH_S)
    last = index == len(names) - 1
    stops = mode is Mode.SINGLE or (mode is Mode.CONTINUOUS and last)
    assert after.status is (Status.STOPPED if stops else Status.PLAYING)
    kinds = [Happening.PLAYED, Happening.ENDED] + ([] if stops else [Happening.STARTED])
    assert [event.kind for event in events] == kinds
    following = {
        Mode.CONTINUOUS: {index if last else index + 1},
        Mode.LOOP: {(index + 1) % len(names)},
        Mode.LOOP_ONE: {index},
        Mode.RANDOM: set(range(len(names))) - ({index} if len(names) > 1 else set()),
        Mode.SINGLE: {index},
    }
    assert after.index in following[mode]


@FEW
@given(names=lists, seed=st.integers(0, 10_000))
def test_random_plays_every_line_once_in_each_round(names: list[str], seed: int) -> None:
    player = replace(machine.load(Player(), [ENTRIES[name] for name in names], seed=seed), mode=Mode.RANDOM)
    player, _ = machine.play_entry(player, 0, NOW)
    heard = [names[0]]
    for turn in range(1, len(names)):
        player, _ = machine.advance(player, NOW + turn * LENGTH_S)
        assert player.current is not None
        heard.append(player.current.id)
    assert sorted(heard) == sorted(names)


@FEW
@given(at=players(), place=st.floats(-100, 1000))
def test_seeking_anywhere_leaves_a_player_inside_its_sound(at: tuple[Player, float], place: float) -> None:
    player, now = at
    after, _ = machine.seek(player, place, now)
    assert after.current is not None
    assert 0.0 <= machine.position(after, now) <= after.current.length_s
