"""Exit codes of the command, and which error gives which."""

from __future__ import annotations

from enum import IntEnum

from tasks.errors import ConfigurationError, InvalidInputError, PermanentError, ReelyardError


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    USAGE = 2
    MISSING_PART = 3
    BAD_INPUT = 4


MISSING = ("browser.not_found", "sample.unavailable", "services.missing_package", "services.no_account")
"""Codes that say that this machine lacks something, whatever family they are of."""
_MISSING_NOUNS = ("model", "package")
_INPUT_NOUNS = ("media", "scenario", "transcript", "contract", "file", "user", "auth")


def exit_of(error: ReelyardError) -> Exit:
    """Choose the exit code of an error."""
    noun = error.code.split(".")[0]
    if error.code in MISSING or noun in _MISSING_NOUNS:
        return Exit.MISSING_PART
    if isinstance(error, InvalidInputError) or (isinstance(error, PermanentError) and noun in _INPUT_NOUNS):
        return Exit.BAD_INPUT
    if isinstance(error, ConfigurationError) and noun == "usage":
        return Exit.USAGE
    return Exit.FAILED
