"""Every shell script passes shellcheck."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT
from tests.deploy.programs import judge

SCRIPTS = sorted(path for folder in ("deploy", "cli") for path in (ROOT / folder).rglob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_passes_shellcheck(script: Path) -> None:
    done = judge("shellcheck", str(script))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_are_scripts_and_shellcheck_judges(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sh"
    wrong.write_text("#!/bin/sh\nrm -rf $1/*\n")

    assert len(SCRIPTS) >= 4
    assert judge("shellcheck", str(wrong)).returncode == 1
