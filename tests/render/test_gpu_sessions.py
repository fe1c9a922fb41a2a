"""Slots, cards and encoding sessions: which card a slot means, and how processes of a host share its sessions."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import av.error
import pytest

from render_node.encode import sessions, settings, writer
from render_node.encode.sessions import Card, choose_encoders, hold_sessions
from tasks.config import WorkerSettings, read_worker_settings
from tasks.contracts import RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.errors import PermanentError, TransientError
from tasks.gpu import card_of_slot

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card("0", 2, tmp_path / "locks")


@pytest.fixture
def slot(tmp_path: Path) -> WorkerSettings:
    keys = {"REDIS_URL": "redis://127.0.0.1:1/0", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    own = {"REELYARD_CALLBACK_SECRET": "s" * 32, "REELYARD_NVENC_SESSIONS": "2", "REELYARD_LOCK_DIR": str(tmp_path)}
    return read_worker_settings({**keys, **own})


@pytest.mark.parametrize(
    ("index", "visible", "card"),
    [
        (1, None, "1"),
        (0, "3", "3"),
        (1, "3, 5", "5"),
        (0, "GPU-8f1c,1", "GPU-8f1c"),
        (1, "3", "none"),
        (0, "", "none"),
    ],
)
def test_a_slot_means_the_card_that_cuda_means(index: int, visible: str | None, card: str) -> None:
    assert card_of_slot(index, visible) == card


def test_a_card_is_known_by_where_its_sessions_are_counted(
    slot: WorkerSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")

    found = sessions.card_of(replace(slot, gpu=1))

    assert [path.name for path in found.files()] == ["nvenc-3-0.lock", "nvenc-3-1.lock"]
    assert found.folder == tmp_path


def test_as_many_are_held_at_once_as_the_card_has_and_no_more(card: Card) -> None:
    ticks: list[int] = []

    with hold_sessions(1, card), hold_sessions(1, card):
        with (
            pytest.raises(TransientError, match="All 2 sessions") as busy,
            hold_sessions(1, card, tick=lambda: ticks.append(1), longest_s=0.3),
        ):
            pass
        with hold_sessions(0, card), hold_sessions(1, replace(card, name="1")):
            pass

    assert (busy.value.code, len(ticks)) == ("node.encoder_busy", 2)
    with hold_sessions(2, card, longest_s=0):
        pass


def test_several_are_taken_together_or_not_at_all(card: Card) -> None:
    """Who waits for two must not keep the one that is free from somebody who needs but one."""
    with hold_sessions(1, card):
        with pytest.raises(TransientError), hold_sessions(2, card, longest_s=0):
            pass
        with hold_sessions(1, card, longest_s=0):
            pass


def test_a_tick_that_raises_ends_the_waiting(card: Card) -> None:
    def stop() -> None:
        raise KeyError("cancelled")

    with hold_sessions(2, card), pytest.raises(KeyError, match="cancelled"), hold_sessions(1, card, tick=stop):
        pass


def test_without_a_limit_nothing_is_counted(card: Card) -> None:
    with hold_sessions(5, replace(card, limit=0)):
        assert not card.folder.exists()


def hold(card: Card, told: Any) -> None:
    with hold_sessions(2, card):
        told.set()
        time.sleep(60)


def test_sessions_of_a_killed_process_are_free_again(card: Card) -> None:
    told = SPAWN.Event()
    other = SPAWN.Process(target=hold, args=(card, told))
    other.start()
    assert told.wait(30)
    with pytest.raises(TransientError), hold_sessions(1, card, longest_s=0):
        pass

    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join()

    with hold_sessions(2, card, longest_s=1):
        pass


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card that encodes: only the answer of the probe is put in place of it."""
    monkeypatch.setattr(settings, "probe_encoder", lambda *_: "")


def test_outputs_beyond_the_sessions_are_encoded_in_software_and_say_why(hardware: None, slot: WorkerSettings) -> None:
    outputs = [complete_output(RenderOutput(codec=codec, container="mp4")) for codec in ("h264", "hevc", "h264")]

    choices = choose_encoders([*outputs, complete_output(RenderOutput(container="gif"))], slot)

    assert [choice.name for choice in choices] == ["h264_nvenc", "hevc_nvenc", "libx264", "gif"]
    assert choices[2].fallback_reason == "the card has 2 sessions, which other outputs of the order take"
    assert [choice.fallback_reason for choice in (*choices[:2], choices[3])] == ["", "", ""]
    unlimited = choose_encoders(outputs, replace(slot, nvenc_sessions=0))
    assert [choice.name for choice in unlimited] == ["h264_nvenc", "hevc_nvenc", "h264_nvenc"]


def test_a_named_encoder_without_a_session_is_refused(hardware: None, slot: WorkerSettings) -> None:
    named = complete_output(RenderOutput(encoder="h264_nvenc"))

    with pytest.raises(PermanentError, match="the card has 2 sessions") as refused:
        choose_encoders([named, replace(named, crf=20), replace(named, crf=21)], slot)

    assert refused.value.code == "render.encoder_unavailable"


class LostCard:
    """A stream whose card falls off the bus, as FFmpeg tells of it."""

    def encode(self, frame: av.VideoFrame | None) -> list[Any]:
        raise av.error.ExternalError(-542398533, "Generic error in an external library", "h264_nvenc")


@pytest.mark.parametrize("name", ["h264_nvenc", "libx264"])
def test_a_card_that_is_lost_amid_an_encode_is_looked_at_anew_by_the_next_try(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = av.VideoFrame(64, 64, "yuv420p")
    probes: list[str] = []
    monkeypatch.setattr(writer.probe_encoder, "cache_clear", lambda: probes.append("forgotten"))
    out = writer.FileWriter(tmp_path / "out.mp4", "mp4", settings.EncoderChoice(name, {}))
    out._video = LostCard()  # type: ignore[assignment]  # what a card that fails leaves of a stream

    with pytest.raises((TransientError, av.error.ExternalError)) as lost, out:
        out.write_frame(frame)

    if name == "libx264":  # fails alike wherever it runs: no other node is asked
        assert isinstance(lost.value, av.error.ExternalError) and not probes
    else:
        assert isinstance(lost.value, TransientError) and lost.value.code == "node.encoder_lost"
        assert "h264_nvenc stopped working" in lost.value.detail and probes == ["forgotten"]
