"""Failpoints at every end of a transaction, where a crash tears what is stored from what comes next.

Nobody has to remember to place them. Whatever commits does so on the application's engine, so that ``before_commit:``
and ``after_commit:`` with the function that commits name each boundary, as in
``REELYARD_FAILPOINTS=after_commit:api.control.dispatcher.dispatch=kill``. Without the variable nothing is in the way.
"""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy import Engine

from tasks.failpoints import are_armed, failpoint

OURS = "api."


def arm_commits(engine: Engine) -> None:
    """Put a failpoint before and after each commit, of sessions and of connections alike."""
    if not are_armed():
        return
    commit = engine.dialect.do_commit

    def armed(dbapi_connection: Any) -> None:
        place = committing()
        try:
            failpoint(f"before_commit:{place}")
        except BaseException:
            dbapi_connection.rollback()  # SQLAlchemy takes what failed here for ended, and would pool it open
            raise
        commit(dbapi_connection)
        failpoint(f"after_commit:{place}")

    engine.dialect.do_commit = armed  # type: ignore[method-assign]


def committing() -> str:
    """Return the function of ours that asks for a commit, as ``module.function``."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(OURS) and module != __name__:
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "elsewhere"
