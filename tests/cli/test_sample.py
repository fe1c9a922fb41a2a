"""``reelyard sample``: a link to our own site becomes files, without a server of the system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.exits import Exit
from cli.main import main
from tests.media.link_site import LinkSite
from tests.tunes import groove, write_tune


def test_a_link_becomes_files_named_by_tempo_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELYARD_LINK_INSIDE", "true")
    monkeypatch.setenv("REELYARD_LINK_EXTRACTORS", "generic")
    tune = write_tune(tmp_path / "tune.mp3", groove(8.0)).read_bytes()
    out = tmp_path / "out"
    with LinkSite({"/tune.mp3": tune}) as site:
        assert main(["sample", f"{site.url}/tune.mp3", "--out", str(out), "--json"]) == Exit.OK
        assert main(["sample", f"{site.url}/gone.mp3", "--out", str(out)]) == Exit.BAD_INPUT

    told = json.loads(capsys.readouterr().out)
    assert told["heard"]["tempo"]["bpm"] == pytest.approx(120, rel=0.003)
    assert sorted(path.name for path in out.iterdir()) == [
        "sample.json",
        "tune_120bpm_Am.mp3",
        "tune_120bpm_Am.wav",
        "tune_loop_120bpm_Am.wav",
        "tune_peaks_120bpm_Am.json",
        "tune_waveform_120bpm_Am.png",
    ]
    assert told["files"]["wav"] == "tune_120bpm_Am.wav"


def test_links_that_are_never_fetched_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "http://localhost/a.mp3", "--out", str(tmp_path)]) == Exit.BAD_INPUT
    assert "url.refused" in capsys.readouterr().err
