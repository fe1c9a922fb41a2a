"""The dashboard reads sums, not plays: a million of these leave it as fast as a hundred."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from api.extensions import db
from tests.api.farm import Caller, Farm
from tests.api.seeding import copy_row
from tests.api.test_read_plans import Sent, noted
from tests.api.test_sounds import make_sound

SOUNDS, OTHERS, DAYS, LISTENERS = 12, 1200, 60, 50


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a plan."""
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes(below))]


def run(sent: Sent) -> list[dict[str, Any]]:
    """Run statements again; return the nodes of how they were run that read a table."""
    found = []
    for statement, values in sent:
        asked = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
        plan = db.session.connection().exec_driver_sql(asked, values).scalar_one()
        found += [node for node in nodes(plan[0]["Plan"]) if "Relation Name" in node]
    return found


def rows_read(node: dict[str, Any]) -> float:
    """What a node took from its table, in all its loops."""
    left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + left_out) * node["Actual Loops"])


@pytest.fixture
def played(user: Caller, other: Caller, farm: Farm) -> str:
    """Three and a half million plays: of one's own sounds, and a hundred times as many of another's."""
    mine, theirs = (make_sound(who, farm)["id"] for who in (user, other))
    for sound, count in ((mine, SOUNDS - 1), (theirs, OTHERS - 1)):
        fresh = {"id": "gen_random_uuid()", "job_id": "NULL", "sha256": "md5(n::text) || md5(random()::text)"}
        copy_row("sound", UUID(sound), count, **fresh)
    copy_row(
        "user",
        UUID(user.id),
        LISTENERS,
        id="gen_random_uuid()",
        email="n || 'many@example.com'",
        created_at="now() + n * interval '1 s'",
    )
    many = {"days": DAYS, "plays": 50}
    db.session.execute(
        db.text(
            "INSERT INTO sound_day SELECT id, current_date - n, :plays FROM sound, generate_series(0, :days - 1) n"
        ),
        many,
    )
    db.session.execute(
        db.text(
            'INSERT INTO listener_day SELECT place, current_date - n, "user".id, 10 FROM "user", '
            'generate_series(0, :days - 1) n, (SELECT id AS place FROM "user" ORDER BY created_at LIMIT 20) places'
        ),
        many,
    )
    db.session.commit()
    db.session.execute(db.text("ANALYZE sound, sound_day, listener_day"))
    db.session.commit()
    return str(mine)


def test_the_dashboard_reads_no_more_than_the_days_of_ones_own_sounds(user: Caller, played: str) -> None:
    with noted() as sent:
        told = user.get("/sounds/statistics?days=30")
    assert (told["sounds"], told["plays"]) == (SOUNDS, SOUNDS * 30 * 50)
    assert [one["plays"] for one in told["top"]] == [1500] * 10
    assert [one["plays"] for one in told["by_user"]] == [300] * 10
    mine = [one for one in sent if "sound" in one[0] or "listener" in one[0]]
    read = run(mine)
    assert {node["Relation Name"] for node in read} <= {"sound", "sound_day", "listener_day", "user"}
    sums = [rows_read(node) for node in read if node["Relation Name"] in ("sound_day", "listener_day")]
    assert len(sums) == 4
    assert max(sums) <= (LISTENERS + 2) * DAYS, "sums of others are read, too"
