"""Migrations work beside running work: they expand, they never block for long, and they contract a release later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
SINCE = "0050"
"""Revisions before belong to the first release: nobody has any data in their tables."""

MARK = "CONTRACTS"
"""A migration that takes something away says in this constant since which release nothing uses it."""


def faults(source: str) -> list[str]:
    """Return what in a migration's upgrade would stop running work."""
    tree = ast.parse(source)
    marked = any(isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == MARK for node in tree.body)
    upgrade = [node for node in tree.body if not (isinstance(node, ast.FunctionDef) and node.name == "downgrade")]
    calls = [call for node in upgrade for call in operations(node)]
    made = {literal(call.args[0]) for name, call in calls if name == "create_table"}
    found = []
    for name, call in calls:
        table = literal(call.args[1 if name in ("create_index", *CONSTRAINTS) else 0]) if call.args else ""
        if table not in made:
            found += [f"{call.lineno} {name}: {why}" for why in judge(name, call, marked=marked)]
    return found


CONSTRAINTS = ("create_foreign_key", "create_check_constraint", "create_unique_constraint")
TAKEN = ("drop_column", "drop_table", "rename_table", "drop_constraint")


def judge(name: str, call: ast.Call, *, marked: bool) -> Iterator[str]:
    """Yield what is wrong with one operation on a table that is in use."""
    given = {word.arg: word.value for word in call.keywords}
    if name == "create_index" and not is_true(given.get("postgresql_concurrently")):
        yield "make the index with postgresql_concurrently=True in op.get_context().autocommit_block()"
    if name == "create_unique_constraint":
        yield "make a unique index concurrently and attach it"
    if name in CONSTRAINTS[:2] and not is_true(given.get("postgresql_not_valid")):
        yield "add it with postgresql_not_valid=True, validate it in a later migration"
    if name == "add_column" and needs_default(call.args[1]):
        yield "a new column is nullable or has a server_default: old code does not know it"
    if name == "alter_column" and ("type_" in given or is_false(given.get("nullable"))):
        yield "the whole table is rewritten or read under a lock: add a column, or a check that is not valid yet"
    if name in TAKEN and not marked:
        yield f"{MARK} says since which release nothing uses it"
    if name == "execute" and any(word in ast.unparse(call).upper() for word in ("LOCK TABLE", "UPDATE ", "DELETE ")):
        yield "rows are filled by a chore in small batches, not by a migration"


def operations(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield name and call of every ``op.…(…)``."""
    for call in ast.walk(node):
        name = call.func if isinstance(call, ast.Call) else None
        if isinstance(name, ast.Attribute) and getattr(name.value, "id", "") == "op":
            yield name.attr, call


def needs_default(column: ast.expr) -> bool:
    """Tell whether a column refuses rows that do not say it."""
    given = {word.arg: word.value for word in getattr(column, "keywords", ())}
    return is_false(given.get("nullable")) and "server_default" not in given


def literal(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def test_no_migration_stops_running_work() -> None:
    later = [path for path in sorted(VERSIONS.glob("[0-9]*.py")) if path.name[:4] >= SINCE]

    assert {path.name: found for path in later if (found := faults(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ("op.create_table('new', sa.Column('id', sa.Integer))\n    op.create_index('ix', 'new', ['id'])", True),
        ("op.create_index('ix', 'job', ['kind'])", False),
        ("op.create_index('ix', 'job', ['kind'], postgresql_concurrently=True)", True),
        ("op.add_column('job', sa.Column('x', sa.Integer))", True),
        ("op.add_column('job', sa.Column('x', sa.Integer, nullable=False))", False),
        ("op.add_column('job', sa.Column('x', sa.Integer, nullable=False, server_default='0'))", True),
        ("op.alter_column('job', 'x', nullable=True)", True),
        ("op.alter_column('job', 'x', nullable=False)", False),
        ("op.alter_column('job', 'x', type_=sa.BigInteger)", False),
        ("op.create_check_constraint('ck', 'job', 'x > 0')", False),
        ("op.create_check_constraint('ck', 'job', 'x > 0', postgresql_not_valid=True)", True),
        ("op.create_unique_constraint('uq', 'job', ['x'])", False),
        ("op.drop_column('job', 'x')", False),
        ("op.execute('UPDATE job SET x = 1')", False),
        ("op.execute('ALTER TABLE job VALIDATE CONSTRAINT ck')", True),
    ],
)
def test_the_rules_find_what_they_are_for(body: str, good: bool) -> None:
    assert (faults(f"def upgrade():\n    {body}\n\ndef downgrade():\n    op.drop_table('job')\n") == []) is good


def test_what_contracts_says_so() -> None:
    assert faults("CONTRACTS = '0.3.0'\ndef upgrade():\n    op.drop_column('job', 'x')\n") == []
