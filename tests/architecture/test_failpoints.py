"""A census: every end of a transaction and every call that leaves the process has a failpoint, or a reason for none."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.failpoints import NAMES

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "tasks", "render_node")
SESSIONS = {"session", "db.session", "connection"}
"""What is committed: sessions and connections of the application's one engine, armed by ``api.boundaries``."""

ENGINES = {"api/migrate.py": "looks at the table of revisions, and writes nothing"}
"""Who else makes an engine, which has no failpoints."""

DOORS = {
    "boto3.client",
    "boto3.session.Session",
    "create_connection",
    "httpx.AsyncClient",
    "httpx.Client",
    "redis.Redis.from_url",
    "requests.get",
    "requests.post",
    "smtplib.SMTP",
    "socket.create_connection",
    "urllib.request.urlopen",
    "urlopen",
}
"""By what calls leave our processes."""

HINT = "a hint, or a wish to be quick: whoever has it or not, what is stored decides"
READS = "reads what others have; whoever is broken off asks again, and nothing of ours has changed"

WAYS = {
    "api/extensions.py": HINT,
    "api/identities/fetching.py": READS,
    "api/identities/providers.py": "a code of a sign-in is good once: whoever is broken off signs in again",
    "api/jobs/publish.py": ("before_send", "after_send"),
    "api/mail/transport.py": ("before_mail", "after_mail"),
    "tasks/clips/providers.py": HINT,
    "tasks/delivery/bucket.py": "between before_upload and after_upload of its step, whose key is the same at each try",
    "tasks/delivery/calls.py": "between before_upload and after_upload of its step; a repeat names what it repeats",
    "tasks/progress.py": HINT,
    "tasks/refused.py": HINT,
    "tasks/shorts/judge.py": READS,
    "tasks/storage/connection.py": ("before_storage:", "after_storage:"),
    "tasks/transcripts/translation.py": READS,
}
"""Every module that opens a way out, and its failpoints or why it has none."""


@functools.cache
def modules() -> dict[str, list[tuple[str, ast.Call | None]]]:
    """Return each module's calls, and the bases of its classes, under the dotted names of what is called."""
    files = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return {file.relative_to(ROOT).as_posix(): list(find_uses(ast.parse(file.read_text()))) for file in files}


def find_uses(tree: ast.AST) -> Iterator[tuple[str, ast.Call | None]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node
        elif isinstance(node, ast.ClassDef):
            yield from ((dotted(base), None) for base in node.bases)


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c``; what is no name is ``?``."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_every_commit_goes_through_the_engine_that_has_failpoints() -> None:
    receivers = {
        (name.removesuffix(".commit"), path)
        for path, uses in modules().items()
        for name, call in uses
        if name.endswith(".commit") and call and not call.args and not call.keywords
    }

    assert len(receivers) > 40
    assert {receiver for receiver, _ in receivers} <= SESSIONS
    assert {path for _, path in receivers if not path.startswith("api/")} == set()


def test_nobody_has_an_engine_or_a_connection_beside_it() -> None:
    others = {
        path
        for path, uses in modules().items()
        for name, _ in uses
        if name.rpartition(".")[2] in ("create_engine", "raw_connection") or name == "psycopg2.connect"
    }

    assert others == set(ENGINES)


def ways_out() -> set[str]:
    return {path for path, uses in modules().items() if DOORS & {name for name, _ in uses}}


def test_every_way_out_has_failpoints_or_a_reason() -> None:
    assert ways_out() == set(WAYS)


@pytest.mark.parametrize("path", [path for path, told in WAYS.items() if isinstance(told, tuple)])
def test_a_way_out_has_the_failpoints_that_the_census_tells(path: str) -> None:
    assert {name for name in named(path) if name.startswith(WAYS[path])} == set(WAYS[path])


def test_every_failpoint_is_listed_and_every_listed_one_is_somewhere() -> None:
    found = {name for path in modules() for name in named(path)}

    assert {name for name in found if ":" not in name} == set(NAMES)


def named(path: str) -> set[str]:
    """Return the names of a module's failpoints; of those that are made up as they go, the beginning."""
    found = set()
    for name, call in modules()[path]:
        if name == "failpoint" and call:
            told = call.args[0].values[0] if isinstance(call.args[0], ast.JoinedStr) else call.args[0]
            assert isinstance(told, ast.Constant), path
            found.add(str(told.value))
    return found
