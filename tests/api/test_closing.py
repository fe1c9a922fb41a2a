"""Closing an account: nobody gets in, what was personal goes, what others own and the books stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.audit.models import AuditEntry
from api.auth.models import AuthSession
from api.closing import erase
from api.closing.erase import KEPT, erase_closed
from api.credits.ledger import find_imbalances
from api.credits.models import CreditEntry
from api.extensions import db, get_storage
from api.jobs.models import Job
from api.organisations.models import Invitation, Organisation
from api.payments.models import PaymentSubscription
from api.users.models import User
from tasks.errors import ReelyardError
from tests.api.farm import CLIP, Caller, Farm, announce, ingest, send
from tests.api.teams import found, invite, join, sign_in
from tests.apps import PASSWORD


@pytest.fixture
def ada(client: Any) -> Caller:
    return sign_in(client, "ada@example.com")


def close(who: Caller, *, expect: int = 204, password: str = PASSWORD) -> Any:
    return who.post("/auth/close", {"password": password}, expect=expect)


def row_of(who: Caller) -> User:
    db.session.rollback()
    return db.session.get_one(User, who.id)


def rows_of(who: Caller) -> dict[str, int]:
    """Count what still points at an account, apart from what is kept."""
    counted = {}
    for table, owner in erase.owned_tables():
        counted[table.name] = db.session.query(table).filter(owner == who.id).count()
    return {name: count for name, count in counted.items() if count}


def test_who_closed_an_account_is_out_and_forgotten(client: Any, ada: Caller) -> None:
    made = ada.post("/tokens", {"name": "ci", "scopes": ["read"]}, expect=201)
    token = Caller(client, made["token"], ada.id)
    token.get("/jobs")

    close(ada)

    assert ada.get("/auth/me", expect=401)["code"] == "auth.revoked_token"
    token.get("/jobs", expect=401)
    gone = client.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    assert gone.status_code == 401
    row = row_of(ada)
    assert (row.email, row.password_hash, row.enabled) == (f"{ada.id}@closed.invalid", None, False)
    assert db.session.query(AuditEntry.action).filter_by(target_id=ada.id).one().action == "user.closed"


def test_the_address_is_free_again(client: Any, ada: Caller) -> None:
    close(ada)

    again = sign_in(client, "ada@example.com")
    assert again.id != ada.id
    assert again.get("/assets")["items"] == []


def test_media_transcripts_and_work_go_with_their_objects_and_the_ledger_stays(ada: Caller, farm: Farm) -> None:
    others = {found.key for found in get_storage().list("uploads/")}
    ingest(ada, farm)
    announce(ada, CLIP)
    keys = {found.key for found in get_storage().list("uploads/")} - others
    before = db.session.query(CreditEntry).filter_by(user_id=ada.id).count()
    assert keys and before
    assert {"asset", "upload", "transcript", "job"} <= set(rows_of(ada))

    close(ada)
    assert erase_closed(db.session()) == 1

    assert rows_of(ada) == {}
    assert [found.key for found in get_storage().list("uploads/") if found.key in keys] == []
    assert db.session.query(CreditEntry).filter_by(user_id=ada.id).count() >= before
    assert find_imbalances(db.session()) == []
    assert row_of(ada).erased_at is not None
    left = db.session.query(AuthSession.address, AuthSession.user_agent).filter_by(user_id=ada.id)
    assert {tuple(row) for row in left} == {("", "")}
    assert erase_closed(db.session()) == 0


def test_unfinished_work_is_cancelled_and_erasing_waits_for_it(ada: Caller, farm: Farm) -> None:
    upload = announce(ada, CLIP)
    assert [answer.status_code for answer in send(upload, CLIP)] == [200]
    job_id = ada.post(f"/uploads/{upload['id']}/complete", expect=202)["job_id"]
    assert db.session.get_one(Job, job_id).state == "queued"

    close(ada)

    db.session.rollback()
    job = db.session.get_one(Job, job_id)
    assert job.state == "cancelled"
    job.state, job.finished_at = "running", None
    db.session.commit()
    assert erase_closed(db.session()) == 0
    assert row_of(ada).erased_at is None


def test_a_storage_that_is_away_leaves_the_rows_for_the_next_round(
    ada: Caller, farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(ada, farm)
    close(ada)
    storage = get_storage()

    class Away:
        def __getattr__(self, name: str) -> Any:
            raise ReelyardError("storage.unavailable", "away")

    with pytest.raises(ReelyardError):
        erase_closed(db.session(), storage=Away())  # type: ignore[arg-type]
    db.session.rollback()
    assert "asset" in rows_of(ada)
    assert erase_closed(db.session(), storage=storage) == 1
    assert rows_of(ada) == {}


def test_rows_are_removed_in_batches(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "BATCH", 2)
    for _ in range(5):
        announce(ada, CLIP)

    close(ada)
    erase_closed(db.session())

    assert rows_of(ada) == {}


def test_what_an_organisation_owns_stays(client: Any, ada: Caller) -> None:
    bob = sign_in(client, "bob@example.com")
    studio = found(bob)
    ada.post("/invitations/accept", {"token": invite(bob, studio, "ada@example.com", "owner")}, expect=200)
    upload = announce(ada, CLIP, organisation_id=studio)

    close(ada)
    erase_closed(db.session())

    assert bob.get(f"/assets/{upload['asset_id']}")["id"] == upload["asset_id"]
    assert [one["user_id"] for one in bob.get(f"/organisations/{studio}/members")["items"]] == [bob.id]


def test_the_last_owner_of_others_hands_over_first_and_an_empty_organisation_ends(ada: Caller) -> None:
    studio, own = found(ada), found(ada, "Alone")
    bob = join(ada, studio, "editor")

    assert close(ada, expect=409)["code"] == "organisation.last_owner"
    assert ada.get("/auth/me")["email"] == "ada@example.com"
    ada.post(f"/organisations/{studio}/transfer", {"user_id": bob.id}, expect=200)
    close(ada)

    assert db.session.get_one(Organisation, own).dissolved_at is not None
    assert bob.get(f"/organisations/{studio}")["id"] == studio


def test_an_organisation_of_one_that_owns_things_is_emptied_first(ada: Caller) -> None:
    announce(ada, CLIP, organisation_id=found(ada))

    assert close(ada, expect=409)["code"] == "organisation.not_empty"


def test_the_present_password_is_asked_for(ada: Caller) -> None:
    assert close(ada, expect=403, password="another long password")["code"] == "auth.wrong_password"
    assert close(ada, expect=403, password="")["code"] == "auth.wrong_password"
    assert ada.get("/auth/me")["id"] == ada.id


def test_an_account_without_a_password_needs_a_young_session(ada: Caller) -> None:
    row = row_of(ada)
    row.password_hash = None
    old = datetime.now(UTC) - timedelta(minutes=16)
    db.session.query(AuthSession).filter_by(user_id=ada.id).update({"created_at": old})
    db.session.commit()

    assert close(ada, expect=403, password="")["code"] == "auth.not_fresh"
    db.session.query(AuthSession).filter_by(user_id=ada.id).update({"created_at": datetime.now(UTC)})
    db.session.commit()
    close(ada, password="")


def test_a_running_subscription_is_ended_first(ada: Caller) -> None:
    db.session.add(PaymentSubscription(id="sub_1", user_id=ada.id, status="active", plan_code="free"))
    db.session.commit()

    assert close(ada, expect=409)["code"] == "user.subscribed"


def test_the_last_administrator_stays(admin: Caller) -> None:
    assert close(admin, expect=409)["code"] == "user.last_admin"


def test_invitations_for_the_address_are_gone(client: Any, ada: Caller) -> None:
    bob = sign_in(client, "bob@example.com")
    invite(bob, found(bob), "ada@example.com", "viewer")

    close(ada)

    assert db.session.query(Invitation).count() == 0


def test_what_is_kept_is_there() -> None:
    assert set(KEPT) <= set(db.metadata.tables)
    assert {"asset", "job", "transcript", "font", "idempotency_key", "api_token"} <= {
        table.name for table, _ in erase.owned_tables()
    }
