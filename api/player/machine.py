"""The player as a pure state machine: ``f(state, now) -> state`` and what happened on the way.

Nothing runs while a sound plays: where it is follows from when it was started. :func:`advance` catches up with the
clock, sound by sound, whoever looks next; every command does so first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

COUNTED_SHARE = 0.2
"""A sound counts as played once this share of it was heard in one go of the player."""
RESTART_S = 3.0
"""``previous`` after so many seconds begins the sound again, as players do."""
MAX_VOLUME = 100
TRAIL = 50
SHORTEST_S = 0.1
"""Shorter sounds are treated as this long, so that a loop of nothing is no endless loop."""
MOST_AT_ONCE = 1000
"""The player stops after so many happenings that nobody looked at: the service was away, and so were the listeners."""


class Mode(StrEnum):
    """What follows the end of a sound."""

    CONTINUOUS = "continuous"
    """The next one, until the list ends."""
    LOOP = "loop"
    """The next one, and the first after the last."""
    LOOP_ONE = "loop-one"
    """The same again."""
    RANDOM = "random"
    """Any other, each once before one comes again."""
    SINGLE = "single"
    """Nothing."""


class Status(StrEnum):
    """What the player does."""

    STOPPED = "stopped"
    PLAYING = "playing"
    PAUSED = "paused"


@dataclass(frozen=True)
class Entry:
    """One line of the list that is played. ``id`` tells two lines with the same sound apart."""

    id: str
    sound_id: str
    duration_s: float

    @property
    def length_s(self) -> float:
        """Seconds that it takes."""
        return max(self.duration_s, SHORTEST_S)


class Happening(StrEnum):
    """What clients are told of."""

    STARTED = "started"
    PLAYED = "played"
    ENDED = "ended"


@dataclass(frozen=True)
class Event:
    """Something that happened to an entry at a time (seconds of the epoch)."""

    kind: Happening
    entry: Entry
    at: float


@dataclass(frozen=True)
class Player:
    """All that a player is.

    :param index: the line in ``entries`` that is on, ``None`` only while there are none.
    :param position_s: where the sound was at ``since`` (seconds of the epoch); it moves on while playing.
    :param counted: whether this go of the sound was counted already.
    :param seed: of the order in random mode; each round through the list has its own.
    :param heard: ids of the entries of this round in random mode.
    :param trail: ids of the last entries that were on, newest last; random mode goes back along it.
    """

    entries: tuple[Entry, ...] = ()
    index: int | None = None
    status: Status = Status.STOPPED
    position_s: float = 0.0
    since: float = 0.0
    volume: int = 70
    mode: Mode = Mode.CONTINUOUS
    counted: bool = False
    seed: int = 0
    heard: frozenset[str] = frozenset()
    trail: tuple[str, ...] = ()

    @property
    def current(self) -> Entry | None:
        """The line that is on."""
        return None if self.index is None else self.entries[self.index]


Outcome = tuple[Player, list[Event]]


def load(player: Player, entries: Sequence[Entry], *, seed: int) -> Player:
    """Put a list into the player, stopped at its first line."""
    first = 0 if entries else None
    fresh = replace(player, entries=tuple(entries), seed=seed, heard=frozenset(), trail=())
    return _at_start(fresh, first, Status.STOPPED)


def play(player: Player, now: float) -> Outcome:
    """Play on from where the player is; from the start of the line when it was stopped."""
    player, events = advance(player, now)
    if player.current is None or player.status is Status.PLAYING:
        return player, events
    if player.status is Status.PAUSED:
        return replace(player, status=Status.PLAYING, since=now), events
    return _started(player, player.index, now, events)


def play_entry(player: Player, index: int, now: float) -> Outcome:
    """Play one line from its start."""
    player, events = advance(player, now)
    return _started(player, index, now, events)


def pause(player: Player, now: float) -> Outcome:
    """Stand still where the sound is; nothing unless it plays."""
    player, events = advance(player, now)
    if player.status is not Status.PLAYING:
        return player, events
    return replace(player, status=Status.PAUSED, position_s=position(player, now), since=now), events


def stop(player: Player, now: float) -> Outcome:
    """Stop, and go back to the start of the line."""
    player, events = advance(player, now)
    return _at_start(player, player.index, Status.STOPPED), events


def seek(player: Player, to_s: float, now: float) -> Outcome:
    """Go to a place in the sound. Beyond the end is for the caller to refuse; here it is the end."""
    player, events = advance(player, now)
    if player.current is None:
        return player, events
    place_s = min(max(to_s, 0.0), player.current.length_s)
    player = replace(player, position_s=place_s, since=now)
    player, more = advance(player, now)
    return player, events + more


def next_entry(player: Player, now: float) -> Outcome:
    """Go to the following line, whatever the mode says of ends; stop where there is none."""
    player, events = advance(player, now)
    return _move(player, _following(player, asked=True), now, events)


def previous_entry(player: Player, now: float) -> Outcome:
    """Begin the sound again, or within its first three seconds go to the one before it."""
    player, events = advance(player, now)
    if player.index is None:
        return player, events
    if position(player, now) > RESTART_S:
        return _move(player, player.index, now, events)
    return _move(replace(player, trail=player.trail[:-1]), _preceding(player), now, events)


def set_volume(player: Player, volume: int) -> Player:
    """Set the volume, 0 to 100."""
    return replace(player, volume=min(max(volume, 0), MAX_VOLUME))


def set_mode(player: Player, mode: Mode, now: float) -> Outcome:
    """Change what follows the end of a sound; the sound that is on goes on."""
    player, events = advance(player, now)
    heard = () if player.current is None else (player.current.id,)
    return replace(player, mode=mode, heard=frozenset(heard)), events


def reload(player: Player, entries: Sequence[Entry], now: float) -> Outcome:
    """Take the list over as it is now. Four rules:

    1. the line that is on is still there, in its place: nothing changes;
    2. it is there, elsewhere: it goes on, and what follows is what follows it now;
    3. it is gone: the one that came after it, as far as it is still there, takes over from its start - playing where
       the player was playing, else stopped; where none came after it, the player stops at the first line;
    4. nothing is left: the player stops, and is empty.
    """
    player, events = advance(player, now)
    before, player = player, replace(player, entries=tuple(entries))
    places = {entry.id: place for place, entry in enumerate(entries)}
    if not entries:
        return _at_start(replace(player, heard=frozenset(), trail=()), None, Status.STOPPED), events
    if before.index is None:
        return _at_start(player, 0, Status.STOPPED), events
    trail = tuple(name for name in before.trail if name in places)
    player = replace(player, heard=before.heard & places.keys(), trail=trail)
    on = before.entries[before.index]
    if on.id in places:
        player, more = advance(_shortened(replace(player, index=places[on.id]), now), now)
        return player, events + more
    rest = (places[entry.id] for entry in before.entries[before.index + 1 :] if entry.id in places)
    heir = next(rest, None)
    if heir is not None and before.status is Status.PLAYING:
        return _started(player, heir, now, events)
    return _at_start(player, heir or 0, Status.STOPPED), events


def advance(player: Player, now: float) -> Outcome:
    """Catch up with the clock: count, end and begin sounds as they came to be due."""
    events: list[Event] = []
    while player.status is Status.PLAYING and (due := due_at(player)) is not None and due <= now:
        entry = player.current
        assert entry is not None
        if len(events) >= MOST_AT_ONCE:
            return _at_start(player, player.index, Status.STOPPED), events
        if not player.counted:
            player = replace(player, counted=True)
            events.append(Event(Happening.PLAYED, entry, due))
            continue
        events.append(Event(Happening.ENDED, entry, due))
        following = _following(player, asked=False)
        if following is None:
            player = _at_start(player, player.index, Status.STOPPED)
        else:
            player, events = _started(player, following, due, events)
    return player, events


def position(player: Player, now: float) -> float:
    """Return the seconds into the sound that is on."""
    if player.current is None:
        return 0.0
    moved = max(0.0, now - player.since) if player.status is Status.PLAYING else 0.0
    return min(player.position_s + moved, player.current.length_s)


def due_at(player: Player) -> float | None:
    """Return when something happens by itself (seconds of the epoch): the sound counts, or ends."""
    if player.status is not Status.PLAYING or player.current is None:
        return None
    share = 1.0 if player.counted else COUNTED_SHARE
    return player.since + max(0.0, player.current.length_s * share - player.position_s)


def total_s(entries: Sequence[Entry]) -> float:
    """Return the seconds that a list takes."""
    return sum(entry.duration_s for entry in entries)


def _started(player: Player, index: int | None, at: float, events: list[Event]) -> Outcome:
    player = replace(_visited(_at_start(player, index, Status.PLAYING)), since=at)
    if player.current is None:
        return player, events
    return player, [*events, Event(Happening.STARTED, player.current, at)]


def _move(player: Player, index: int | None, now: float, events: list[Event]) -> Outcome:
    if index is None:
        return _at_start(player, player.index, Status.STOPPED), events
    if player.status is Status.PLAYING:
        return _started(player, index, now, events)
    return _visited(_at_start(player, index, player.status)), events


def _visited(player: Player) -> Player:
    """Remember the line that is on; where all others were heard too, it begins a new round."""
    entry = player.current
    if entry is None:
        return player
    heard = player.heard | {entry.id}
    if entry.id in player.heard and len(heard) == len(player.entries):
        heard = frozenset({entry.id})
    trail = player.trail if player.trail[-1:] == (entry.id,) else (*player.trail, entry.id)[-TRAIL:]
    return replace(player, heard=heard, trail=trail)


def _at_start(player: Player, index: int | None, status: Status) -> Player:
    status = Status.STOPPED if index is None else status
    return replace(player, index=index, status=status, position_s=0.0, counted=False)


def _shortened(player: Player, now: float) -> Player:
    """Stay inside a sound that is shorter than it was."""
    return replace(player, position_s=position(player, now), since=now)


def _following(player: Player, *, asked: bool) -> int | None:
    """Return the line after the one that is on, or None where the playing ends."""
    if player.index is None:
        return None
    one_after = player.index + 1 if player.index + 1 < len(player.entries) else None
    around = (player.index + 1) % len(player.entries)
    follow: dict[Mode, Callable[[], int | None]] = {
        Mode.CONTINUOUS: lambda: one_after,
        Mode.LOOP: lambda: around,
        Mode.LOOP_ONE: lambda: around if asked else player.index,
        Mode.RANDOM: lambda: _any_other(player),
        Mode.SINGLE: lambda: one_after if asked else None,
    }
    return follow[player.mode]()


def _preceding(player: Player) -> int | None:
    assert player.index is not None
    if player.mode is Mode.RANDOM:
        places = {entry.id: place for place, entry in enumerate(player.entries)}
        return next((places[name] for name in reversed(player.trail[:-1]) if name in places), player.index)
    wraps = player.mode in (Mode.LOOP, Mode.LOOP_ONE)
    return (player.index - 1) % len(player.entries) if wraps else max(0, player.index - 1)


def _any_other(player: Player) -> int:
    """Return a line that was not heard in this round; when all were, one of a new round, though not the same again."""
    assert player.index is not None and player.current is not None
    left = [place for place, entry in enumerate(player.entries) if entry.id not in player.heard]
    if not left:
        left = [place for place in range(len(player.entries)) if place != player.index] or [player.index]
    chance = random.Random(f"{player.seed}/{len(player.heard)}/{player.current.id}")  # noqa: S311 - no secret
    return chance.choice(left)
