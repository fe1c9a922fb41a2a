"""S-10: where a path has two ids, an own parent shows nobody else's children, nor another's parent an own child."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.documented import Operation, Told, absent, call, operations_on_things, read_document
from tests.api.farm import Caller, Farm
from tests.api.worlds import by_token, make_world, nothing_changes

pytestmark = pytest.mark.security("S-10")


def mixes(own: dict[str, str], foreign: dict[str, str], operation: Operation) -> list[dict[str, str]]:
    """Return an operation's ids with the parent of one world and the child of another, both ways round."""
    parent, child = operation.ids.values()
    return [{parent: own[parent], child: foreign[child]}, {parent: foreign[parent], child: own[child]}]


def test_own_and_foreign_do_not_mix(application: Any, client: Any, farm: Farm) -> None:
    mine, theirs = make_world(client, farm), make_world(client, farm, "otto@example.com")
    nested = [one for one in operations_on_things(read_document(application)) if len(one.ids) > 1]
    program = by_token(mine.owner)
    program.get("/assets")  # notes that the token is in use
    callers = ((mine.owner, mine, theirs), (program, mine, theirs), (theirs.owner, theirs, mine))

    with nothing_changes():
        wrong = [
            (operation.name, told)
            for operation in nested
            for caller, own, foreign in callers
            for told in tell_apart(caller, operation, own.ids, foreign.ids)
        ]

    assert wrong == []
    assert {len(one.ids) for one in nested} == {2}
    assert len(nested) > 20


def tell_apart(
    caller: Caller, operation: Operation, own: dict[str, str], foreign: dict[str, str]
) -> list[tuple[Told, Told]]:
    """Return what a caller is told of mixed ids if it is no 404, or other than where the foreign id is of nothing."""
    asked = zip(mixes(own, foreign, operation), mixes(own, absent(operation), operation), strict=True)
    told = [(call(caller, operation, mixed), call(caller, operation, nothing)) for mixed, nothing in asked]
    return [(mixed, nothing) for mixed, nothing in told if mixed != nothing or mixed.status != 404]
