"""The commands that need no server, on real speech and a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.browser_setup import try_browser
from cli.exits import Exit
from cli.main import main
from cli.verify import check_captions, check_render, check_words
from tasks.errors import PermanentError, ReelyardError
from tests import media_samples
from tests.conftest import require


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video of 4.7 s with real speech."""
    folder = tmp_path_factory.mktemp("spoken")
    length_s = media_samples.short_speech_wav(folder / "speech.wav")
    return media_samples.make_video(folder / "spoken.mp4", duration_s=length_s, audio=folder / "speech.wav")


@pytest.fixture(scope="module")
def transcript(spoken: Path) -> Path:
    """The transcript of the video, as the command writes it."""
    path = spoken.with_name("transcript.json")
    assert main(["transcribe", str(spoken), "--model", "tiny.en", "--language", "en", "--out", str(path)]) == Exit.OK
    return path


def test_transcribe_prints_what_is_said_with_times(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(spoken), "--model", "tiny.en"]) == Exit.OK

    printed = capsys.readouterr().out
    assert "it was the best of times" in printed.lower()
    assert printed.startswith("[00:0")


def test_transcribe_refuses_what_is_no_media(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    letter = media_samples.make_not_video(tmp_path / "letter.mp4")

    assert main(["transcribe", str(letter), "--model", "tiny.en"]) == Exit.BAD_INPUT
    assert capsys.readouterr().err.startswith("media.unsupported: ")


def test_a_model_that_is_not_here_is_a_missing_part(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", str(spoken), "--model", "no-such-model"]) == Exit.MISSING_PART
    assert capsys.readouterr().err.startswith("speech.model_missing: ")


def test_transcript_becomes_scenario_becomes_video(
    spoken: Path, transcript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        try_browser()
    except ReelyardError as error:
        require(False, f"Chromium that starts ({error})")
    scenario, video, poster = tmp_path / "scenario.json", tmp_path / "captioned.mp4", tmp_path / "poster.png"

    assert main(["scenario", str(transcript), "--size", "320x568", "--out", str(scenario)]) == Exit.OK
    assert main(["scenario", "--check", str(scenario)]) == Exit.OK
    render = ["render", str(spoken), "--scenario", str(scenario), "--out", str(video), "--poster", str(poster)]
    assert main([*render, "--preset", "veryfast", "--crf", "20", "--json"]) == Exit.OK

    receipt = json.loads(capsys.readouterr().out)
    assert receipt["frame_count"] == check_render(spoken, video).frame_count == 141
    assert receipt["audio"] == "copy"
    assert receipt["checks"]["walls"] in ("bubblewrap", "no network", "limits")
    words = [word for segment in json.loads(transcript.read_text())["segments"] for word in segment["words"]]
    first = words[0]
    check_captions(spoken, video, quiet_s=first["start"] / 3, spoken_s=(first["start"] + first["end"]) / 2)
    assert poster.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(PermanentError, match=r"demo\.no_captions"):
        check_captions(spoken, spoken, quiet_s=first["start"] / 3, spoken_s=(first["start"] + first["end"]) / 2)


def test_footage_that_is_none_leaves_the_video_before_and_nothing_beside_it(
    transcript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter, video = media_samples.make_not_video(tmp_path / "letter.mp4"), tmp_path / "captioned.mp4"
    video.write_bytes(b"the one before")
    assert main(["scenario", str(transcript), "--size", "320x568", "--out", str(tmp_path / "s.json")]) == Exit.OK
    render = ["render", str(letter), "--scenario", str(tmp_path / "s.json"), "--out"]

    assert main([*render, str(video)]) == Exit.BAD_INPUT
    assert "media.unsupported: " in capsys.readouterr().err
    assert main([*render, str(tmp_path / "nowhere" / "a.mp4")]) == Exit.BAD_INPUT
    assert "file.not_found: There is no folder " in capsys.readouterr().err
    assert video.read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captioned.mp4", "letter.mp4", "s.json"]


def test_scenario_problems_come_with_pointer_and_suggestion(
    transcript: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    assert main(["scenario", str(transcript), "--out", str(good)]) == Exit.OK
    bad.write_text(good.read_text().replace('"tracks"', '"trakcs"'))

    assert main(["scenario", "--check", str(bad)]) == Exit.BAD_INPUT
    assert "/trakcs: trakcs is not a key of this object (did you mean tracks?)" in capsys.readouterr().err


@pytest.mark.parametrize("text", ['{"start": NaN}', "{", ""])
def test_what_is_not_json_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(text)

    assert main(["scenario", "--check", str(path)]) == Exit.BAD_INPUT
    assert capsys.readouterr().err.startswith(f"file.not_json: {path} is not JSON: ")


def test_words_are_compared_with_what_was_spoken() -> None:
    spoken = "It was the best of times, it was the worst of times."

    assert check_words(["it", "was", "the", "best", "of", "times"], spoken) == 1.0
    with pytest.raises(PermanentError, match=r"demo\.bad_transcript"):
        check_words(["she", "sells", "sea", "shells", "on", "the", "shore"], spoken)


def test_doctor_tells_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])

    findings = json.loads(capsys.readouterr().out)
    parts = {finding["part"] for finding in findings}
    assert {"Python", "packages", "services", "Chromium", "encoder", "Whisper", "fonts", "disk", "port"} <= parts
    missing = [finding for finding in findings if finding["state"] == "missing"]
    assert code == (Exit.MISSING_PART if missing else Exit.OK)
    assert all(finding["remedy"] for finding in missing)
    assert [finding["state"] for finding in findings if finding["found"].startswith("libx264")] == ["ok"]


def test_doctor_of_a_render_host_asks_for_nothing_that_only_a_whole_system_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["doctor", "--worker", "--json"])

    findings = json.loads(capsys.readouterr().out)
    parts = {finding["part"] for finding in findings}
    assert parts == {"Python", "packages", "Chromium", "sandbox", "encoder", "GPU", "fonts", "disk"}
    assert code == (Exit.MISSING_PART if "missing" in {finding["state"] for finding in findings} else Exit.OK)
    (packages,) = [finding["found"] for finding in findings if finding["part"] == "packages"]
    assert "sqlalchemy" not in packages
