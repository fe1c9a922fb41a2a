"""The command's surface: help, exit codes, errors as one sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit, exit_of
from cli.main import COMMANDS, main
from tasks.errors import ConfigurationError, InvalidInputError, PermanentError, ReelyardError, TransientError
from tasks.version import version


def reelyard(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], capture_output=True, text=True, env={**os.environ, **environ}
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == Exit.OK
    assert "usage: reelyard " + command in capsys.readouterr().out


def test_help_lists_commands_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    assert all(re.search(rf"\n    {command}\s", shown) for command in COMMANDS)
    assert "examples:" in shown
    assert "0 done   1 failed   2 wrong usage   3 a part of this machine is missing   4 bad input" in shown


@pytest.mark.parametrize("argv", [[], ["dance"], ["render", "x.mp4"], ["up", "--port", "many"]])
def test_wrong_usage_exits_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)

    assert ended.value.code == Exit.USAGE
    assert "usage: reelyard" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentError("media.unsupported", "x"), Exit.BAD_INPUT),
        (InvalidInputError("scenario.invalid", "x"), Exit.BAD_INPUT),
        (PermanentError("file.not_found", "x"), Exit.BAD_INPUT),
        (TransientError("browser.not_found", "x"), Exit.MISSING_PART),
        (PermanentError("browser.not_found", "x"), Exit.MISSING_PART),
        (ConfigurationError("services.missing_package", "x"), Exit.MISSING_PART),
        (TransientError("speech.model_missing", "x"), Exit.MISSING_PART),
        (TransientError("sample.unavailable", "x"), Exit.MISSING_PART),
        (TransientError("storage.down", "x"), Exit.FAILED),
        (ConfigurationError("home.in_use", "x"), Exit.FAILED),
    ],
)
def test_errors_choose_the_exit_code(error: ReelyardError, code: Exit) -> None:
    assert exit_of(error) is code


def test_an_error_is_one_sentence_without_traceback(tmp_path: Path) -> None:
    done = reelyard("transcribe", str(tmp_path / "nothing.mp4"))

    assert done.returncode == Exit.BAD_INPUT
    assert done.stdout == ""
    assert done.stderr == f"file.not_found: There is no file {tmp_path / 'nothing.mp4'}\n"


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = reelyard("transcribe", str(tmp_path / "nothing.mp4"), REELYARD_LOG_LEVEL="DEBUG")

    assert done.returncode == Exit.BAD_INPUT
    assert "Traceback (most recent call last)" in done.stderr


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys, contextlib, io\n"
        "from cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "heavy = {'av', 'numpy', 'flask', 'sqlalchemy', 'celery', 'boto3', 'playwright', 'httpx', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "[]\n"


def test_version_names_what_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == Exit.OK

    versions = json.loads(capsys.readouterr().out)
    assert versions["reelyard"] == version()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(versions.values())


def test_the_version_alone_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert (ended.value.code, capsys.readouterr().out) == (Exit.OK, f"reelyard {version()}\n")


def test_an_unknown_setting_is_named_with_the_nearest(tmp_path: Path) -> None:
    done = reelyard("up", "--home", str(tmp_path / "home"), REELYARD_LEASE_SS="3")

    assert done.returncode == Exit.FAILED
    assert "REELYARD_LEASE_SS is unknown; did you mean REELYARD_LEASE_S?" in done.stderr
    assert not (tmp_path / "home" / "secrets.json").exists()


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--stop", "--home", str(tmp_path)]) == Exit.OK
    assert f"No system runs in {tmp_path}." in capsys.readouterr().err
