"""What a password may be, and what nobody asks about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.extensions import db
from api.links import METHODS
from api.users.models import User
from tests.api.test_auth_sessions import ADA, login
from tests.factories.users import UserFactory

pytestmark = pytest.mark.security("S-8")

QUESTIONS = ("question", "answer", "hint", "maiden", "reminder")


def register(client: Any, password: str) -> Any:
    return client.post("/api/v1/auth/register", json={"email": ADA, "password": password})


@pytest.mark.parametrize("length", [64, 65, 128, 1024])
def test_a_long_password_counts_to_its_last_letter(client: Any, length: int) -> None:
    password = ("correct horse battery staple " * 40)[:length]

    assert register(client, password).status_code == 201
    assert login(client, password=password).status_code == 200
    assert login(client, password=password[:-1]).status_code == 401
    assert login(client, password=password[:-1] + "#").status_code == 401


@pytest.mark.parametrize("password", ["Reelyard2026", "reelyard12345678", "my-reelyard", "reelyardreelyard"])
def test_a_password_is_not_made_of_the_products_name(client: Any, password: str) -> None:
    answer = register(client, password)

    assert (answer.status_code, answer.get_json()["code"]) == (422, "user.password_weak")
    assert db.session.query(User).count() == 0


def test_a_sentence_may_name_the_product(client: Any) -> None:
    assert register(client, "a reelyard on the hill").status_code == 201


def test_an_old_password_is_as_good_as_a_new_one(client: Any, app: Any) -> None:
    UserFactory(email=ADA, created_at=datetime.now(UTC) - timedelta(days=3650))

    assert login(client).status_code == 200
    assert [column.name for column in User.__table__.columns if "password" in column.name] == ["password_hash"]


def test_nobody_is_asked_for_a_secret_answer_or_a_hint(client: Any) -> None:
    document = client.get("/api/openapi.json").get_json()
    bodies = [
        item[method].get("requestBody") for item in document["paths"].values() for method in METHODS if method in item
    ]
    names = {
        field
        for name, schema in document["components"]["schemas"].items()
        if name.endswith("Request")
        for field in schema.get("properties", {})
    }

    assert len([body for body in bodies if body]) > 50
    assert "password" in names
    assert [name for name in names if any(word in name for word in QUESTIONS)] == []
