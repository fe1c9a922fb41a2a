"""Statements that the database plans once for each connection, instead of at every call.

Planning a claim or a report costs PostgreSQL more than running it. A statement with the execution options ``PREPARED``
is prepared when a connection meets it first; after that only its name and its values are sent. Its plan must not depend
on the values: no partial index may be chosen by one of them, and no number of rows be one.
"""

from __future__ import annotations

import re
import time
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, Engine, event

PREPARED = {"prepared": True}
"""Execution options of a statement that is prepared."""

PLAN_FOR_S = 10.0
"""A plan is made anew so often: tables grow, and what was best for an empty one is not for a full one."""

MOST_PLANS = 50
"""Plans that a connection keeps; the oldest goes first."""

_PLANS = "reelyard.plans"
_VALUE = re.compile(r"%\((\w+)\)s")
_numbers = count()


def prepare_marked(engine: Engine) -> None:
    """Have marked statements prepared on every connection of an engine."""
    event.listen(engine, "before_cursor_execute", _by_name, retval=True)


def _by_name(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    """Replace a marked statement by the call of its plan."""
    if executemany or context is None or not context.execution_options.get("prepared"):
        return statement, parameters
    plans: dict[str, tuple[str, str, float]] = connection.info.setdefault(_PLANS, {})
    if statement not in plans or time.monotonic() >= plans[statement][2]:
        _forget(cursor, plans, statement)
        name = f"planned_{next(_numbers)}"
        plans[statement] = (name, _prepare(cursor, name, statement, parameters), time.monotonic() + PLAN_FOR_S)
    return plans[statement][1], parameters


def _forget(cursor: Any, plans: dict[str, tuple[str, str, float]], statement: str) -> None:
    """Drop the plan of a statement, or make room for one more."""
    old = statement if statement in plans else next(iter(plans)) if len(plans) >= MOST_PLANS else None
    if old is not None:
        cursor.execute(f"DEALLOCATE {plans.pop(old)[0]}")


def _prepare(cursor: Any, name: str, statement: str, parameters: Any) -> str:
    """Prepare a statement; return the call of it, which takes the same named values."""
    values = {value: f"${number}" for number, value in enumerate(dict.fromkeys(_VALUE.findall(statement)), 1)}
    for value in values:
        if isinstance(parameters[value], timedelta):  # a moment less an unknown is taken for a moment less a moment
            values[value] += "::interval"
    text = _VALUE.sub(lambda found: values[found.group(1)], statement).replace("%%", "%")
    cursor.execute(f"PREPARE {name} AS {text}")
    return f"EXECUTE {name}" + (f" ({', '.join(f'%({value})s' for value in values)})" if values else "")
