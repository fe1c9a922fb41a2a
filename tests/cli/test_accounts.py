"""``reelyard user create``: against a real database, up or not."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from cli.exits import Exit
from cli.main import main
from cli.services.launcher import RunningServices, start_services

EMAIL = "grace@example.com"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reelyard-home-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def rows_of(running: RunningServices) -> list[Any]:
    connection = psycopg2.connect(running.environ["DATABASE_URL"])
    with connection.cursor() as cursor:
        cursor.execute('SELECT email, role, plan_code, password_hash FROM "user" ORDER BY email')
        rows = cursor.fetchall()
    connection.close()
    return rows


def test_an_account_is_made_while_the_system_is_down(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "create", "Grace@Example.com", "--admin", "--json", "--home", str(home)]) == Exit.OK

    account = json.loads(capsys.readouterr().out)
    assert (account["email"], account["role"], account["plan"]) == (EMAIL, "admin", "free")
    assert len(account["password"]) >= 20
    with start_services(home, names=("postgres",), environ={}, durable=False) as running:
        ((email, role, plan, password_hash),) = rows_of(running)
        assert (email, role, plan) == (EMAIL, "admin", "free")
        assert account["password"] not in password_hash


def test_an_account_is_made_while_the_services_run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough password\n"))

    with start_services(home, names=("postgres",), environ={}, durable=False) as running:
        code = main(["user", "create", "ada@example.com", "--password-stdin", "--home", str(home)])
        emails = [row[0] for row in rows_of(running)]

    assert code == Exit.OK
    assert emails == ["ada@example.com", EMAIL]
    assert "a long enough password" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "password", "code"),
    [
        ([EMAIL], "a long enough password", "user.email_taken"),
        (["nobody"], "a long enough password", "user.email_invalid"),
        (["eve@example.com"], "short", "user.password_weak"),
        (["eve@example.com", "--plan", "gold"], "a long enough password", "plan.not_found"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    argv: list[str],
    password: str,
    code: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))

    assert main(["user", "create", *argv, "--password-stdin", "--home", str(home)]) == Exit.BAD_INPUT
    assert capsys.readouterr().err.startswith(f"{code}: ")
