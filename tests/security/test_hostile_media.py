"""S-2, S-3: programs, lies and bombs are refused; no other file is opened, nobody called, little memory used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IN_CI
from tests.security.damaged_media import PICTURES, SOUNDS, VIDEOS
from tests.security.hostile_media import ACCEPTED, NAMES, NOTHING

DAMAGED = 500 if IN_CI else 120
PATTERN = "%03d.png"
"""FFmpeg takes this for a row of pictures before it looks at the file, and such rows are not read."""
BY_PROBE_ALONE = {("wav-1hz", "hear"), ("wav-1hz", "write")}
"""What is really there, only so that nobody would want it; the probe, which comes first, refuses it."""
WAYS_OF_SOUND = {"probe", "hear", "loudness", "write"}
WAYS_OF_FRAMES = {"poster", "look"}


@pytest.fixture(scope="module")
def happened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own met: a crash of it fails every test here."""
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-m", "tests.security.hostile_media", str(folder), str(DAMAGED)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=root, env={**os.environ})
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.security("S-2")
def test_no_crafted_file_is_accepted_under_any_name(happened: dict[str, Any]) -> None:
    tried = {(what, name): ways for what, names in happened["codes"].items() for name, ways in names.items()}

    assert len(happened["codes"]) >= 60
    assert len(NAMES) == 12
    assert set(tried) == set(product(happened["codes"], NAMES))
    gates = {"probe": "media.", "picture": "image."}
    assert [
        (*which, ways)
        for which, ways in tried.items()
        for gate, kind in gates.items()
        if not ways[gate].startswith(kind)
    ] == []
    assert {(what, way) for (what, _), ways in tried.items() for way in ways if ways[way] == ACCEPTED} == BY_PROBE_ALONE


@pytest.mark.security("S-2")
def test_a_name_changes_nothing(happened: dict[str, Any]) -> None:
    for what, names in happened["codes"].items():
        assert len({json.dumps(ways) for name, ways in names.items() if name != PATTERN}) == 1, what


@pytest.mark.security("S-2")
def test_no_other_file_is_opened_and_nobody_is_called(happened: dict[str, Any]) -> None:
    assert happened["sings"], "the canary must be heard when it is touched"
    assert (happened["touched"], happened["called"]) == (False, False)


@pytest.mark.security("S-3")
def test_damaged_files_are_made_of_files_that_are_read_in_every_way(happened: dict[str, Any]) -> None:
    read = {kind: {way for way, code in ways.items() if code == ACCEPTED} for kind, ways in happened["good"].items()}

    assert read == {
        **{kind: WAYS_OF_SOUND | WAYS_OF_FRAMES for kind in VIDEOS},
        **{kind: WAYS_OF_SOUND for kind in ("wav", *SOUNDS)},
        **{kind: {"picture"} for kind in PICTURES},
    }


@pytest.mark.security("S-3")
def test_damaged_files_are_refused_or_read_but_break_nothing(happened: dict[str, Any]) -> None:
    outcomes = {kind: {way: Counter(told) for way, told in ways.items()} for kind, ways in happened["outcomes"].items()}
    by_way: dict[str, Counter[str]] = {}
    for ways in outcomes.values():
        for way, told in ways.items():
            by_way[way] = by_way.get(way, Counter()) + told

    assert {told.total() for told in by_way.values()} == {DAMAGED}
    for way, told in by_way.items():
        family = "image" if way == "picture" else "media"
        assert {code.partition(".")[0] for code in told} <= {ACCEPTED, NOTHING, family}
        assert told[ACCEPTED] > DAMAGED / 20, way
        assert sum(told[code] for code in told if code.endswith(".damaged")) > DAMAGED / 50, way
    for kind, good in happened["good"].items():
        assert all(outcomes[kind][way][ACCEPTED] for way in good if good[way] == ACCEPTED), kind
    gates = [outcomes[kind]["picture" if kind in PICTURES else "probe"] for kind in outcomes]
    assert sum(told.total() - told[ACCEPTED] for told in gates) > DAMAGED / 20


@pytest.mark.security("S-3")
def test_no_file_takes_much_memory_or_time(happened: dict[str, Any]) -> None:
    assert happened["peak_mib"] < 1500
    assert happened["slowest_s"] < 20
