"""What the engine's log says of a database that cannot be reached, and of one that refuses a statement."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from api.control.loops import is_away
from api.extensions import db
from tests.engine.play import Play


def test_a_database_that_takes_no_connection_is_away_and_one_that_refuses_a_statement_is_not(play: Play) -> None:
    nobody = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", connect_args={"connect_timeout": 2})
    with pytest.raises(DBAPIError) as refused:
        nobody.connect()
    with pytest.raises(DBAPIError) as slow:
        db.session.execute(text("SET LOCAL statement_timeout = 10; SELECT pg_sleep(1)"))
    db.session.rollback()
    nobody.dispose()

    assert (is_away(refused.value), is_away(slow.value)) == (True, False)
