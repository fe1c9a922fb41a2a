"""A machine as the loudspeaker of a player: what the API says is done, and corrected where it strays."""

from __future__ import annotations

import ctypes
import sys
import time
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cli.speakers import Speakers
from cli.vlc_output import MOST_BESIDE, VlcOutput, load_vlc
from tasks.errors import ConfigurationError
from tests.conftest import require

NOW = 1_800_000_000.0


class Silent:
    """An output that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.at_s: float | None = None

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: self.told.append((name, *values))

    def position_s(self) -> float | None:
        return self.at_s

    def take(self) -> list[tuple[Any, ...]]:
        told, self.told = [one for one in self.told if one[0] != "set_volume"], []
        return told


def state(status: str = "playing", *, item: str = "1", at_s: float = 2.0, **more: Any) -> dict[str, Any]:
    place = {"item_id": item, "sound_id": f"sound-{item}", "position_s": at_s, "duration_s": 60.0}
    at = datetime.fromtimestamp(NOW, UTC).isoformat()
    return {"status": status, "volume": 40, "at": at, **place, **more}


@pytest.fixture
def speakers() -> Speakers:
    return Speakers(Silent(), lambda sound_id: f"url of {sound_id}", lambda: NOW + 1.5)  # type: ignore[arg-type]


def heard(speakers: Speakers) -> list[tuple[Any, ...]]:
    assert isinstance(speakers.output, Silent)
    return speakers.output.take()


def test_what_plays_is_played_from_where_it_is_by_now(speakers: Speakers) -> None:
    speakers.follow(state())
    assert heard(speakers) == [("play", "url of sound-1", 3.5)]
    speakers.follow(state())
    assert heard(speakers) == []
    speakers.follow(state(item="2", at_s=0.0))
    assert heard(speakers) == [("play", "url of sound-2", 1.5)]
    speakers.follow(state("stopped", item="2", at_s=0.0))
    assert heard(speakers) == [("stop",)]
    speakers.follow(state("stopped", item="2", at_s=0.0))
    assert heard(speakers) == []


def test_pausing_and_going_on_follow_the_player(speakers: Speakers) -> None:
    speakers.follow(state("paused"))
    assert heard(speakers) == []
    speakers.follow(state())
    speakers.follow(state("paused", at_s=9.0))
    speakers.follow(state("paused", at_s=9.0))
    speakers.follow(state(at_s=9.0))
    assert heard(speakers) == [("play", "url of sound-1", 3.5), ("pause",), ("resume",)]


def test_an_output_that_strays_is_sent_back(speakers: Speakers) -> None:
    speakers.follow(state())
    heard(speakers)
    output: Any = speakers.output
    for at_s, told in ((3.5, []), (4.2, []), (2.8, []), (4.5, [("seek", 3.5)]), (0.1, [("seek", 3.5)])):
        output.at_s = at_s
        speakers.follow(state())
        assert heard(speakers) == told
    output.at_s = 59.9
    speakers.follow(state(at_s=59.5))
    assert heard(speakers) == []


def test_buttons_sound_beside_and_silence_stops_all(speakers: Speakers) -> None:
    speakers.hear("sound_played", {"sound_id": "horn", "by": "button"})
    speakers.hear("sound_played", {"sound_id": "horn", "by": "player"})
    speakers.hear("sounds_stopped", {})
    speakers.hear("user_credits_changed", {})
    assert heard(speakers) == [("play_beside", "url of horn"), ("stop",)]


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with half a minute of a tone."""
    path: Path = tmp_path_factory.mktemp("tone") / "tone.wav"
    samples = (np.sin(np.arange(30 * 22_050) / 8) * 9000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(samples.tobytes())
    return str(path)


def test_a_machine_without_vlc_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vlc", SimpleNamespace(dll=ctypes.CDLL(None)))  # what python-vlc finds there

    with pytest.raises(ConfigurationError) as refused:
        load_vlc()

    assert refused.value.code == "output.missing"
    assert "vlc-bin" in refused.value.detail


@pytest.fixture
def vlc() -> Iterator[VlcOutput]:
    """VLC, heard by nobody."""
    try:
        load_vlc()
    except ConfigurationError as error:
        require(False, f"VLC ({error.detail})")
    output = VlcOutput("--aout=dummy")
    yield output
    output.close()


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_vlc_plays_from_a_place_pauses_seeks_and_stops(vlc: VlcOutput, tone: str) -> None:
    vlc.set_volume(30)
    vlc.play(tone, 5.0)
    assert until(lambda: (vlc.position_s() or 0) > 5.2)
    assert (vlc.position_s() or 0) < 28
    vlc.pause()
    time.sleep(0.5)
    still = vlc.position_s()
    time.sleep(0.5)
    assert vlc.position_s() == still
    vlc.seek(20.0)
    vlc.resume()
    assert until(lambda: (vlc.position_s() or 0) > 20.0)
    vlc.stop()
    assert until(lambda: vlc.position_s() is None)


def test_vlc_sounds_beside_no_more_than_may_be(vlc: VlcOutput, tone: str) -> None:
    for _ in range(MOST_BESIDE + 2):
        vlc.play_beside(tone)
    assert vlc.beside == MOST_BESIDE
    vlc.stop()
    assert vlc.beside == 0
