"""What tries the page about API hosts types that page, and notices when it says something else."""

from __future__ import annotations

import re
import subprocess

import pytest

from deploy.try_api_host import BY_HAND, PAGE, script


def test_the_page_is_typed_in_its_order_and_is_a_script() -> None:
    typed = script(PAGE.read_text())

    steps = (
        "apt-get install",
        "requirements/api.txt",
        "/etc/reelyard/api.env",
        "CREATE DATABASE",
        "systemctl enable",
        "user create",
    )
    assert [typed.index(step) for step in steps] == sorted(typed.index(step) for step in steps)
    assert subprocess.run(["bash", "-n"], input=typed, text=True, check=False).returncode == 0
    assert not re.search(r"systemctl (re)?start", typed)


def test_every_unit_that_the_page_installs_is_started() -> None:
    typed = script(PAGE.read_text())
    installed = re.search(r"for unit in ([\w ]+); do", typed)
    started = set(re.findall(r"unit (\w+)", typed)) | set(
        (re.findall(r"for name in ([\w ]+); do", typed) or [""])[0].split()
    )

    assert installed
    assert set(installed[1].split()) <= started


@pytest.mark.parametrize("there", BY_HAND)
def test_a_page_that_says_something_else_is_noticed(there: str) -> None:
    with pytest.raises(ValueError, match="does not say"):
        script(PAGE.read_text().replace(there, "something else"))
