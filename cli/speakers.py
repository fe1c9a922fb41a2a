"""Loudspeakers of a player: what the API says that the player does, done by an output on this machine.

The API keeps the time; the output is corrected where it strays. :class:`Output` is what an output must do;
:class:`cli.vlc_output.VlcOutput` is the one by VLC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

STRAYED_S = 0.75
"""An output that is further away from where the player is, is sent there: more than networks and decoders are late."""


class Output(Protocol):
    """Something that sounds."""

    def play(self, url: str, at_s: float) -> None:
        """Play what is behind a URL from a place on, in place of what is on."""

    def resume(self) -> None:
        """Play on."""

    def pause(self) -> None:
        """Stand still."""

    def seek(self, at_s: float) -> None:
        """Go to a place."""

    def stop(self) -> None:
        """Be silent, also beside."""

    def play_beside(self, url: str) -> None:
        """Play something at once, beside what is on."""

    def set_volume(self, volume: int) -> None:
        """Set the volume, 0 to 100."""

    def position_s(self) -> float | None:
        """Return where the sound is; None when nothing is on, or not yet."""

    def close(self) -> None:
        """Be silent for good, and give everything back."""


@dataclass
class Speakers:
    """Keeps an output where the player is.

    :param find_url: returns the URL of a sound's file, :param clock: the seconds of the epoch.
    """

    output: Output
    find_url: Callable[[str], str]
    clock: Callable[[], float]
    _on: tuple[str, str] | None = field(default=None, init=False)
    _paused: bool = field(default=False, init=False)

    def hear(self, kind: str, data: dict[str, Any]) -> None:
        """Do what an event of the live stream wants."""
        if kind == "player_state":
            self.follow(data)
        elif kind == "sound_played" and data["by"] == "button":
            self.output.play_beside(self.find_url(data["sound_id"]))
        elif kind == "sounds_stopped":
            self.output.stop()
            self._on = None

    def follow(self, state: dict[str, Any]) -> None:
        """Bring the output to a player's state, as ``GET /player`` answers it."""
        self.output.set_volume(state["volume"])
        status, sound_id = state["status"], state["sound_id"]
        if status == "stopped" or sound_id is None:
            if self._on is not None:
                self.output.stop()
            self._on = None
            return
        at_s, line = self.place_of(state), (state["item_id"], sound_id)
        if line != self._on:
            if status != "playing":
                self._stand_by()
                return
            self.output.play(self.find_url(sound_id), at_s)
            self._on, self._paused = line, False
            return
        self._keep(status, at_s)

    def place_of(self, state: dict[str, Any]) -> float:
        """Return where the sound of a state is by now."""
        gone_s = self.clock() - datetime.fromisoformat(state["at"]).timestamp()
        moved = max(0.0, gone_s) if state["status"] == "playing" else 0.0
        return min(float(state["position_s"]) + moved, float(state["duration_s"]))

    def _stand_by(self) -> None:
        """A line that is not played yet is silent; it is fetched when it plays."""
        if self._on is not None:
            self.output.stop()
        self._on = None

    def _keep(self, status: str, at_s: float) -> None:
        if status == "paused" and not self._paused:
            self.output.pause()
        elif status == "playing" and self._paused:
            self.output.resume()
        self._paused = status == "paused"
        heard_s = self.output.position_s()
        if heard_s is not None and abs(heard_s - at_s) > STRAYED_S:
            self.output.seek(at_s)
