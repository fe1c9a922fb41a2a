"""Frames are a function of scenario and time alone: the same bits in any order, in chunks, in another process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.render.identity import Fingerprints, documents, fingerprints

SEED = "5"
STILL = {"motion none", "look boxed", "look classic"}
"""Captions that do not change while they are on screen."""


@pytest.fixture(scope="module")
def drawn(chromium: str) -> tuple[Fingerprints, Fingerprints]:
    """Return the frames of all documents, drawn here in order and by another process in an order of chance."""
    command = [sys.executable, "-m", "tests.render.identity", chromium, SEED]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        here = fingerprints(chromium)
        assert other.stdout is not None
        elsewhere = json.load(other.stdout)
    return here, elsewhere


@pytest.mark.parametrize("name", documents())
def test_frames_are_the_same_bits_in_any_order_and_any_process(
    drawn: tuple[Fingerprints, Fingerprints], name: str
) -> None:
    here, elsewhere = (fingerprints[name] for fingerprints in drawn)
    _, times = documents()[name]
    assert [t for t, mine, other in zip(times, here, elsewhere, strict=True) if mine != other] == []
    assert len(here) == len(times)
    assert any(here)
    assert len(set(here)) > 1 or name in STILL
