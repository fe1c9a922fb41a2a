"""Organisations: who gets in, what a role allows, and that there is always an owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest

from api.audit.models import AuditEntry
from api.extensions import db
from api.organisations import invitations
from api.organisations.invitations import mint_link
from api.organisations.models import Invitation, Membership
from tests.api.farm import CLIP, Caller, announce
from tests.api.teams import found, invite, join, sign_in


@pytest.fixture
def owner(client: Any) -> Caller:
    return sign_in(client, "olga@example.com")


@pytest.fixture
def studio(owner: Caller) -> str:
    return found(owner)


def members_of(caller: Caller, studio: str) -> dict[str, str]:
    return {one["user_id"]: one["role"] for one in caller.get(f"/organisations/{studio}/members")["items"]}


def actions_of(studio: str) -> list[str]:
    rows = db.session.query(AuditEntry.action).filter_by(organisation_id=studio).order_by(AuditEntry.created_at)
    return [row.action for row in rows]


def test_who_founds_an_organisation_owns_it(owner: Caller, studio: str) -> None:
    assert members_of(owner, studio) == {owner.id: "owner"}
    assert [(one["name"], one["role"]) for one in owner.get("/organisations")["items"]] == [("Studio North", "owner")]


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(owner: Caller, name: str) -> None:
    owner.post("/organisations", {"name": name}, expect=422)

    assert owner.get("/organisations")["items"] == []


def test_an_invited_person_joins_with_the_role_that_was_offered(owner: Caller, studio: str) -> None:
    editor = join(owner, studio, "editor")

    assert members_of(editor, studio) == {owner.id: "owner", editor.id: "editor"}
    assert owner.get(f"/organisations/{studio}/invitations")["items"] == []
    assert actions_of(studio) == ["organisation.founded", "member.joined", "invitation.sent", "member.joined"]


def test_an_invitation_is_good_once_for_one_address_for_a_week(owner: Caller, studio: str, other: Caller) -> None:
    guest = sign_in(owner.client, "guest@example.com")
    token = invite(owner, studio, "Guest@Example.com", "viewer")

    assert other.post("/invitations/accept", {"token": token}, expect=403)["code"] == "invitation.other_address"
    row = db.session.query(Invitation).one()
    assert token not in str(row.__dict__) and len(row.token_sha256) == 64
    row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    db.session.commit()
    assert guest.post("/invitations/accept", {"token": token}, expect=410)["code"] == "invitation.expired"
    row.expires_at = datetime.now(UTC) + timedelta(days=6)
    db.session.commit()
    guest.post("/invitations/accept", {"token": token}, expect=200)
    assert guest.post("/invitations/accept", {"token": token}, expect=404)["code"] == "invitation.not_found"


def test_nobody_sends_more_invitations_than_a_day_allows(
    owner: Caller, studio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 3)
    for number in range(2):
        invite(owner, studio, f"guest{number}@example.com", "viewer")
    second = found(owner, "Studio South")
    invite(owner, second, "guest2@example.com", "viewer")

    for place in (studio, second):
        body = {"email": "guest3@example.com", "role": "viewer"}
        refused = owner.post(f"/organisations/{place}/invitations", body, expect=429)
        assert refused["code"] == "invitation.too_many"
        assert refused["details"]["cap"] == 3
        assert 86_000 < refused["details"]["retry_after_s"] <= 86_401
    early = datetime.now(UTC) - timedelta(hours=24, seconds=1)
    db.session.query(Invitation).filter_by(email="guest0@example.com").update({"created_at": early})
    db.session.commit()
    invite(owner, studio, "guest3@example.com", "viewer")


def test_inviting_again_kills_the_first_link(owner: Caller, studio: str) -> None:
    guest = sign_in(owner.client, "guest@example.com")
    first = invite(owner, studio, "guest@example.com", "owner")
    second = invite(owner, studio, "guest@example.com", "viewer")

    guest.post("/invitations/accept", {"token": first}, expect=404)
    assert guest.post("/invitations/accept", {"token": second}, expect=200)["role"] == "viewer"
    refused = owner.post(
        f"/organisations/{studio}/invitations", {"email": "guest@example.com", "role": "owner"}, expect=409
    )
    assert refused["code"] == "organisation.member_exists"


def test_a_declined_or_withdrawn_invitation_lets_nobody_in(owner: Caller, studio: str) -> None:
    guest = sign_in(owner.client, "guest@example.com")
    declined = invite(owner, studio, "guest@example.com", "viewer")
    guest.post("/invitations/decline", {"token": declined}, expect=204)
    withdrawn = invite(owner, studio, "guest@example.com", "viewer")
    pending = owner.get(f"/organisations/{studio}/invitations")["items"][0]["id"]
    owner.delete(f"/organisations/{studio}/invitations/{pending}", expect=204)

    for token in (declined, withdrawn, "nonsense"):
        assert guest.post("/invitations/accept", {"token": token}, expect=404)["code"] == "invitation.not_found"
    owner.delete(f"/organisations/{studio}/invitations/{pending}", expect=404)
    assert guest.get("/organisations")["items"] == []


class Letters:
    """A way to send letters: their links are made when they are written."""

    def __init__(self) -> None:
        self.queued: list[str] = []

    def bring(self, session: Any, invitation: Invitation) -> bool:
        self.queued.append(str(invitation.id))
        return True


def test_where_letters_are_sent_the_inviter_never_sees_the_link(
    owner: Caller, studio: str, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = Letters()
    monkeypatch.setitem(application.extensions, "messenger", letters)
    guest = sign_in(owner.client, "guest@example.com")

    made = owner.post(
        f"/organisations/{studio}/invitations", {"email": "guest@example.com", "role": "viewer"}, expect=201
    )
    link = mint_link(db.session(), db.session.get_one(Invitation, letters.queued[0]), "https://example.com/")
    db.session.commit()

    assert (made["sent"], made["link"], letters.queued) == (True, None, [made["id"]])
    assert link.startswith("https://example.com/invitations#token=")
    guest.post("/invitations/accept", {"token": link.partition("#token=")[2]}, expect=200)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_manage(owner: Caller, studio: str, role: str) -> None:
    member = join(owner, studio, role)
    here = f"/organisations/{studio}"

    for method, path, body in (
        ("PATCH", here, {"name": "Mine"}),
        ("DELETE", here, None),
        ("GET", f"{here}/invitations", None),
        ("GET", f"{here}/audit", None),
        ("POST", f"{here}/invitations", {"email": "a@b.cd", "role": "owner"}),
        ("DELETE", f"{here}/invitations/{uuid4()}", None),
        ("PATCH", f"{here}/members/{member.id}", {"role": "owner"}),
        ("DELETE", f"{here}/members/{owner.id}", None),
        ("POST", f"{here}/transfer", {"user_id": member.id}),
    ):
        assert member.expect(403, method, path, body)["code"] == "organisation.forbidden"
    assert members_of(owner, studio) == {owner.id: "owner", member.id: role}


def test_the_last_owner_neither_leaves_nor_steps_down(owner: Caller, studio: str) -> None:
    editor = join(owner, studio, "editor")
    here = f"/organisations/{studio}"

    for method, path, body in (
        ("POST", f"{here}/leave", None),
        ("DELETE", f"{here}/members/{owner.id}", None),
        ("PATCH", f"{here}/members/{owner.id}", {"role": "viewer"}),
    ):
        assert owner.expect(409, method, path, body)["code"] == "organisation.last_owner"

    assert owner.post(f"{here}/transfer", {"user_id": editor.id}, expect=200)["role"] == "editor"
    assert members_of(owner, studio) == {owner.id: "editor", editor.id: "owner"}
    owner.post(f"{here}/leave", expect=204)
    assert owner.get(here, expect=404)["code"] == "organisation.not_found"


def test_two_owners_who_leave_at_once_leave_one_behind(owner: Caller, studio: str, application: Any) -> None:
    second = join(owner, studio, "owner")
    barrier, codes = Barrier(2), []

    def leave(who: Caller) -> None:
        client = application.test_client()
        barrier.wait()
        headers = {"Authorization": f"Bearer {who.token}"}
        codes.append(client.post(f"/api/v1/organisations/{studio}/leave", headers=headers).status_code)

    threads = [Thread(target=leave, args=(who,)) for who in (owner, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(codes) == [204, 409]
    db.session.rollback()
    assert [row.role for row in db.session.query(Membership).filter_by(organisation_id=studio)] == ["owner"]


def test_a_removed_member_is_out_at_once(owner: Caller, studio: str) -> None:
    viewer = join(owner, studio, "viewer")
    viewer.get(f"/organisations/{studio}")

    owner.delete(f"/organisations/{studio}/members/{viewer.id}", expect=204)

    viewer.get(f"/organisations/{studio}", expect=404)
    owner.delete(f"/organisations/{studio}/members/{viewer.id}", expect=404)


def test_an_organisation_that_owns_nothing_is_dissolved(owner: Caller, studio: str) -> None:
    ticket = announce(owner, CLIP, organisation_id=studio)

    refused = owner.delete(f"/organisations/{studio}", expect=409)
    assert (refused["code"], refused["details"]) == ("organisation.not_empty", {"assets": 1, "jobs": 0})
    owner.delete(f"/uploads/{ticket['id']}", expect=204)
    owner.delete(f"/organisations/{studio}", expect=204)

    owner.get(f"/organisations/{studio}", expect=404)
    owner.get(f"/uploads/{ticket['id']}", expect=404)
    assert actions_of(studio)[-1] == "organisation.dissolved"


def test_owners_read_what_happened_in_their_organisation_alone(owner: Caller, studio: str) -> None:
    found(owner, "Another")
    owner.expect(200, "PATCH", f"/organisations/{studio}", {"name": "Studio South"})

    items = owner.get(f"/organisations/{studio}/audit")["items"]

    assert [one["action"] for one in items] == ["organisation.renamed", "member.joined", "organisation.founded"]
    assert (items[0]["before"], items[0]["after"]) == ({"name": "Studio North"}, {"name": "Studio South"})
    assert {one["organisation_id"] for one in items} == {studio}
