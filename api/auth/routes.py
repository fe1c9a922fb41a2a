"""Account endpoints."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields, validate

from api.auth import current_session_id, current_user, login_required, service
from api.auth.guard import read_token
from api.extensions import db
from api.limits import auth_limit
from api.users.models import User
from api.users.service import create_user

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth", description="Accounts and sessions")


class CredentialsRequest(Schema):
    """E-mail and password."""

    class Meta:
        unknown = RAISE

    email = fields.String(required=True, validate=validate.Length(max=254), metadata={"example": "you@example.com"})
    password = fields.String(
        required=True, validate=validate.Length(max=1024), metadata={"example": "a long enough password"}
    )


class TokenResponse(Schema):
    """A pair of tokens."""

    access_token = fields.String()
    refresh_token = fields.String(metadata={"description": "Good for one exchange"})
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in_s = fields.Integer(metadata={"description": "Seconds the access token lives"})


class UserResponse(Schema):
    """An account."""

    id = fields.UUID()
    email = fields.String()
    role = fields.String()
    plan = fields.String(attribute="plan_code")
    created_at = fields.AwareDateTime()


@blueprint.route("/register")
class Register(MethodView):
    """New accounts."""

    decorators = [auth_limit]

    @blueprint.arguments(CredentialsRequest)
    @blueprint.response(201, UserResponse)
    def post(self, body: dict[str, str]) -> User:
        """Open an account"""
        user = create_user(db.session(), body["email"], body["password"])
        db.session.commit()
        return user


@blueprint.route("/login")
class Login(MethodView):
    """New sessions."""

    decorators = [auth_limit]

    @blueprint.arguments(CredentialsRequest)
    @blueprint.response(200, TokenResponse)
    def post(self, body: dict[str, str]) -> service.TokenPair:
        """Sign in"""
        tokens = service.sign_in(db.session(), body["email"], body["password"])
        db.session.commit()
        return tokens


@blueprint.route("/refresh")
class Refresh(MethodView):
    """Token exchange."""

    decorators = [auth_limit]

    @blueprint.doc(security=[{"bearer": []}])
    @blueprint.response(200, TokenResponse)
    def post(self) -> service.TokenPair:
        """Exchange the refresh token for a new pair

        Send it as the bearer. It is good once. One that comes a second time ends its session, since somebody else may
        have it.
        """
        claims = read_token(refresh=True)
        tokens = service.refresh(db.session(), UUID(claims["sid"]), str(claims.get("rid")))
        db.session.commit()
        return tokens


@blueprint.route("/logout")
class Logout(MethodView):
    """End of a session."""

    decorators = [login_required]

    @blueprint.response(204)
    def post(self) -> None:
        """Sign out

        The session's tokens are refused from now on, on every process.
        """
        service.sign_out(db.session(), current_session_id())
        db.session.commit()


@blueprint.route("/me")
class Me(MethodView):
    """The caller."""

    decorators = [login_required]

    @blueprint.response(200, UserResponse)
    def get(self) -> Any:
        """See who is signed in"""
        return current_user()
