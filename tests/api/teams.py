"""Organisations in tests: made and joined over HTTP as people do."""

from __future__ import annotations

from typing import Any

from api.users.models import User
from tests.api.farm import Caller
from tests.apps import PASSWORD
from tests.factories.users import UserFactory


def sign_in(client: Any, email: str) -> Caller:
    """Make an account without waiting for its password's hash, and sign in."""
    who: User = UserFactory(email=email)
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.get_json()
    return Caller(client, answer.get_json()["access_token"], str(who.id))


def found(owner: Caller, name: str = "Studio North") -> str:
    """Found an organisation; return its id."""
    return str(owner.post("/organisations", {"name": name}, expect=201)["id"])


def invite(owner: Caller, organisation: str, email: str, role: str) -> str:
    """Invite somebody; return the token of the link."""
    made = owner.post(f"/organisations/{organisation}/invitations", {"email": email, "role": role}, expect=201)
    return str(made["link"]).partition("#token=")[2]


def join(owner: Caller, organisation: str, role: str) -> Caller:
    """Make an account that belongs to the organisation."""
    member = sign_in(owner.client, f"{role}-{organisation[:8]}@example.com")
    token = invite(owner, organisation, f"{role}-{organisation[:8]}@example.com", role)
    member.post("/invitations/accept", {"token": token}, expect=200)
    return member
