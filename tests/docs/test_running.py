"""Each command of each page is run by tests/e2e/test_tutorial.py, or stands on one list with the reason."""

from __future__ import annotations

from tests.docs.blocks import Block
from tests.docs.running import NOT_RUN, RUN, SHELLS, all_commands, is_settings, reason, script_of

RUNNABLE = (*SHELLS, "python")


def test_every_command_is_run_or_on_the_list() -> None:
    lost = [block.name for block in all_commands() if not reason(block) and block.page not in RUN]

    assert lost == []


def test_what_is_run_is_of_a_language_that_is_run() -> None:
    wrong = [block.name for block in all_commands() if not reason(block) and block.language not in RUNNABLE]

    assert wrong == []


def test_the_list_names_only_what_is_there() -> None:
    assert {reason(block) for block in all_commands()} - {None} == set(NOT_RUN)


def test_every_page_that_is_run_has_something_to_run() -> None:
    assert [page for page in RUN if not script_of(page, *RUNNABLE)] == []


def test_settings_are_told_from_commands() -> None:
    assert is_settings(Block("p", 1, "sh", "REELYARD_MAIL=smtp\nREELYARD_SMTP_HOST=a"))
    assert not is_settings(Block("p", 1, "sh", "A=1\ncurl $API/songs"))
    assert not is_settings(Block("p", 1, "python", "A = 1"))
