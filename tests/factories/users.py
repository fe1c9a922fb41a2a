"""Plans, users and their sessions."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from functools import cache
from typing import Any

from factory import Sequence, SubFactory
from factory.alchemy import SQLAlchemyModelFactory
from factory.declarations import LazyAttribute, LazyFunction

from api.auth.models import AuthSession
from api.auth.passwords import hash_password
from api.extensions import db
from api.users.models import Plan, User
from tests.apps import PASSWORD


@cache
def hash_of(password: str) -> str:
    """Hash a password once a run: hashing is slow on purpose."""
    return hash_password(password)


class PlanFactory(SQLAlchemyModelFactory):
    """A plan with small limits, under a code of its own."""

    class Meta:
        model = Plan
        sqlalchemy_session_factory = db.session
        sqlalchemy_session_persistence = "commit"

    code = Sequence(lambda n: f"plan-{n}-{uuid.uuid4().hex[:8]}")
    daily_renders = 6
    monthly_renders = 8
    concurrent_renders = 3
    storage_bytes = 1000
    weight = 1


class UserFactory(SQLAlchemyModelFactory):
    """An ordinary account on the free plan, whose password is ``tests.apps.PASSWORD``."""

    class Meta:
        model = User
        sqlalchemy_session_factory = db.session
        sqlalchemy_session_persistence = "commit"
        exclude = ("password",)

    password = PASSWORD
    email = Sequence(lambda n: f"user{n}@example.com")
    password_hash: Any = LazyAttribute(lambda made: hash_of(made.password))
    role = "user"
    plan_code = "free"
    enabled = True
    email_verified_at: Any = LazyFunction(lambda: datetime.now(UTC))


class AuthSessionFactory(SQLAlchemyModelFactory):
    """A live session."""

    class Meta:
        model = AuthSession
        sqlalchemy_session_factory = db.session
        sqlalchemy_session_persistence = "commit"

    class Params:
        user: Any = SubFactory(UserFactory)

    user_id = LazyAttribute(lambda made: made.user.id)
    refresh_jti = LazyFunction(lambda: uuid.uuid4().hex)
    revoked_reason = ""
