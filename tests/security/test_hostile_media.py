"""S-2, S-3: programs, lies and bombs are refused; no other file is opened, nobody called, little memory used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IN_CI

DAMAGED = 500 if IN_CI else 120


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
def test_no_crafted_file_is_accepted(happened: dict[str, Any]) -> None:
    assert len(happened["codes"]) >= 60
    assert {what: code for what, code in happened["codes"].items() if not code.startswith("media.")} == {}


@pytest.mark.security("S-2")
def test_no_other_file_is_opened_and_nobody_is_called(happened: dict[str, Any]) -> None:
    assert happened["sings"], "the canary must be heard when it is touched"
    assert (happened["touched"], happened["called"]) == (False, False)


@pytest.mark.security("S-3")
def test_damaged_files_are_refused_or_read_but_break_nothing(happened: dict[str, Any]) -> None:
    outcomes = happened["outcomes"]

    assert set(outcomes) <= {"accepted", "media"}
    assert sum(outcomes.values()) == DAMAGED
    assert outcomes["media"] > DAMAGED / 20


@pytest.mark.security("S-3")
def test_no_file_takes_much_memory_or_time(happened: dict[str, Any]) -> None:
    assert happened["peak_mib"] < 1500
    assert happened["slowest_s"] < 20
