"""``reelyard shorts``: from a video to captioned clips without a server."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from cli.exits import Exit
from cli.main import main
from tasks.contracts import RenderReceipt
from tasks.contracts.shorts import Framing
from tasks.media.reframe import Reframer
from tasks.shorts.watching import iter_frames
from tests.media_samples import make_video
from tests.unit.shorts.talks import evenly

TALK = evenly("Why do we count? One two three four five. So we end well. And then we sleep a while.", stop_s=0.9)


@pytest.fixture
def talk(tmp_path: Path) -> list[str]:
    """The first words of a command about a short talk whose words are known."""
    make_video(tmp_path / "talk.mp4", width=320, height=180, fps=25, duration_s=TALK.duration_s)
    (tmp_path / "words.json").write_text(json.dumps(TALK.to_json()))
    lengths = ["--count", "1", "--shortest", "2", "--longest", "6", "--width", "180"]
    return ["shorts", str(tmp_path / "talk.mp4"), "--transcript", str(tmp_path / "words.json"), *lengths]


def test_a_plan_tells_what_and_why_and_writes_nothing(
    talk: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())

    assert main([*talk, "--plan", "--json"]) == Exit.OK

    told = json.loads(capsys.readouterr().out)
    assert len(told["highlights"]) == 1
    assert told["highlights"][0]["text"].startswith("Why do we count?")
    assert "opens with a question" in told["highlights"][0]["evidence"]["reasons"]
    assert sorted(tmp_path.iterdir()) == before


def test_clips_are_upright_captioned_and_as_long_as_what_is_kept(talk: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "shorts"

    assert main([*talk, "--out", str(folder)]) == Exit.OK

    [short] = json.loads((folder / "shorts.json").read_text())["shorts"]
    receipt = RenderReceipt.from_json(short["receipt"])
    kept_s = sum(kept["end"] - kept["start"] for kept in short["kept"])
    assert sorted(path.name for path in folder.iterdir()) == ["short-1.mp4", "short-1.png", "shorts.json"]
    assert (receipt.width, receipt.height) == (180, 320)
    assert receipt.captured_states > 3
    assert receipt.duration_s == pytest.approx(kept_s, abs=0.05)
    assert receipt.audio_duration_s == pytest.approx(kept_s, abs=0.05)
    assert {entry["kind"] for entry in short["edits"]["removals"]} == {"silence"}


def test_a_folder_or_a_plan_must_be_asked_for(talk: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(talk) == Exit.BAD_INPUT
    assert "shorts.no_folder" in capsys.readouterr().err


def test_the_picture_is_encoded_once_and_framed_as_the_plan_says(talk: list[str], tmp_path: Path) -> None:
    coding = {"preset": "ultrafast", "g": "25"}
    make_video(tmp_path / "talk.mp4", width=320, height=180, fps=25, duration_s=TALK.duration_s, options=coding)

    assert main([*talk, "--out", str(tmp_path / "shorts")]) == Exit.OK

    [short] = json.loads((tmp_path / "shorts" / "shorts.json").read_text())["shorts"]
    kept = [(each["start"], each["end"]) for each in short["kept"]]
    reframer = Reframer(Framing.from_json(short["framing"]), (180, 320))
    wanted = [
        reframer.frame(frame, t).to_ndarray(format="gray")
        for t, frame in iter_frames(tmp_path / "talk.mp4")
        if any(start - 1e-3 <= t < end - 1e-3 for start, end in kept)
    ]
    with av.open(str(tmp_path / "shorts" / "short-1.mp4")) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert (short["encoded_because"], len(shown)) == ("", len(wanted))
    assert short["copied_frames"] > len(wanted) / 2
    apart = [np.abs(a[:150].astype(int) - b[:150]).mean() for a, b in zip(shown, wanted, strict=True)]
    assert max(apart) < 5, "above the captions it is the framed source"
