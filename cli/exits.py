"""Exit codes of the command, and which error gives which."""

from __future__ import annotations

from enum import IntEnum

from tasks.errors import ConfigurationError, InvalidInputError, ReelyardError, TransientError


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MISSING_PART = 3
    BAD_INPUT = 4


MISSING = (
    "browser.not_found",
    "music.engine_unavailable",
    "sample.unavailable",
    "services.missing_package",
    "services.no_account",
    "speech.engine_unavailable",
    "speech.model_missing",
)
"""Codes that say that this machine lacks something, whatever family they are of."""
_INPUT_NOUNS = (
    *("media", "scenario", "transcript", "contract", "file", "speech", "music", "user", "plan", "clips", "backup"),
    *("link", "url"),
)


def exit_of(error: ReelyardError) -> Exit:
    """Choose the exit code of an error."""
    noun = error.code.split(".")[0]
    if error.code in MISSING:
        return Exit.MISSING_PART
    if isinstance(error, InvalidInputError) or (not isinstance(error, TransientError) and noun in _INPUT_NOUNS):
        return Exit.BAD_INPUT
    if isinstance(error, ConfigurationError) and noun == "usage":
        return Exit.USAGE
    return Exit.FAILED
