"""The audit log: only ever added to, in the transaction of what it tells, and to be taken away as a file."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from api.audit import export, record
from api.audit.models import AuditEntry
from api.extensions import db
from tests.api.farm import Caller


@pytest.fixture
def target(app: Any) -> str:
    """Five entries about one thing."""
    name = uuid4().hex
    for number in range(5):
        record(
            db.session(), f"thing.{'made' if number == 0 else 'moved'}", target=("thing", name), after={"at": number}
        )
        db.session.commit()
    return name


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'nothing' WHERE target_id = :target",
        "DELETE FROM audit_log WHERE target_id = :target",
        "TRUNCATE audit_log",
    ],
)
def test_the_database_refuses_to_change_or_remove_entries(target: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(db.text(statement), {"target": target} if ":target" in statement else {})
    db.session.rollback()

    assert db.session.query(AuditEntry).filter_by(target_id=target).count() == 5


def test_an_entry_exists_if_and_only_if_the_change_does(app: Any) -> None:
    name = uuid4().hex
    record(db.session(), "thing.made", target=("thing", name))
    db.session.rollback()

    assert db.session.query(AuditEntry).filter_by(target_id=name).count() == 0


@pytest.mark.security("S-15")
def test_secrets_are_never_kept(app: Any) -> None:
    planted = {"password": "p", "token_sha256": "t", "client_secret": "s", "password_hash": "h", "token": "x"}

    entry = record(db.session(), "thing.made", after={**planted, "token_id": uuid4(), "when": datetime.now(UTC)})
    db.session.flush()

    assert entry.after is not None
    assert [entry.after[name] for name in planted] == ["(not kept)"] * 5
    assert isinstance(entry.after["token_id"], str)
    db.session.rollback()


def test_what_no_request_caused_is_the_systems(app: Any) -> None:
    entry = record(db.session(), "thing.swept")

    assert (entry.via, entry.actor_id) == ("system", None)
    db.session.rollback()


def test_entries_are_filtered_and_come_in_pages(admin: Caller, target: str) -> None:
    first = admin.get(f"/admin/audit?target_id={target}&limit=3")
    rest = admin.get(f"/admin/audit?target_id={target}&limit=3&cursor={first['next_cursor']}")
    moved = admin.get(f"/admin/audit?target_id={target}&action=thing.moved")["items"]
    group = admin.get(f"/admin/audit?target_id={target}&action=thing.")["items"]
    middle = group[2]["created_at"].replace("+00:00", "Z")
    since = admin.get(f"/admin/audit?target_id={target}&since={middle}")["items"]
    until = admin.get(f"/admin/audit?target_id={target}&until={middle}")["items"]

    assert [one["after"]["at"] for one in first["items"] + rest["items"]] == [4, 3, 2, 1, 0]
    assert (len(moved), len(group), len(since), len(until)) == (4, 5, 3, 2)
    assert admin.get(f"/admin/audit?actor_id={uuid4()}")["items"] == []
    admin.get("/admin/audit?nonsense=1", expect=422)


@pytest.mark.parametrize("batch", [2, 5, 500])
def test_an_export_holds_every_entry_once_oldest_first(
    admin: Caller, target: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", batch)

    answer = admin.call("GET", f"/admin/audit/export?target_id={target}")

    lines = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert answer.content_type == "application/x-ndjson; charset=utf-8"
    assert [line["after"]["at"] for line in lines] == [0, 1, 2, 3, 4]
    exported = db.session.query(AuditEntry).filter_by(actor_id=admin.id, action="audit.exported").one()
    assert exported.after == {"target_id": target, "format": "ndjson"}


def test_a_csv_export_holds_no_formula(admin: Caller) -> None:
    name = f"={uuid4().hex}"
    record(db.session(), "thing.made", target=("thing", name), after={"text": 'a "quoted", line\nbreak'})
    db.session.commit()

    answer = admin.call("GET", f"/admin/audit/export?format=csv&action=thing.made&target_id=%3D{name[1:]}")

    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [row["target_id"] for row in rows] == [f"'{name}"]
    assert json.loads(rows[0]["after"]) == {"text": 'a "quoted", line\nbreak'}


def test_times_without_a_zone_are_refused(admin: Caller) -> None:
    admin.get(f"/admin/audit?since={(datetime.now() - timedelta(days=1)).isoformat()}", expect=422)
