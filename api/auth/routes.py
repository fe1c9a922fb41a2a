"""Account endpoints: open an account, sign in, exchange tokens, see who is signed in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request
from flask.views import MethodView
from flask_smorest import Blueprint

from api.auth import cookies, current_user, login_required, registration, service
from api.auth.guard import read_token
from api.auth.schemas import (
    CredentialsRequest,
    EmailRequest,
    LinkPasswordRequest,
    MailedResponse,
    TokenResponse,
    UserResponse,
)
from api.errors import ErrorResponse
from api.extensions import db, get_settings
from api.limits import auth_limit
from api.users.models import User
from api.users.service import create_user

blueprint = Blueprint("auth", __name__, url_prefix="/api/v1/auth", description="Accounts and sessions")

MAILED = {"status": "mailed", "message": "A mail is on its way, if the address can get one"}


def mailed() -> Response:
    """Answer in the same words whoever the address belongs to."""
    db.session.commit()
    answer: Response = jsonify(MAILED)
    answer.status_code = 202
    return answer


@blueprint.route("/register")
class Register(MethodView):
    """New accounts."""

    decorators = [auth_limit]

    @blueprint.arguments(CredentialsRequest)
    @blueprint.response(201, UserResponse)
    @blueprint.alt_response(202, schema=MailedResponse, description="Where mail proves addresses: a link was mailed")
    @blueprint.alt_response(409, schema=ErrorResponse, description="user.email_taken, only where no mail is sent")
    def post(self, body: dict[str, str]) -> User | Response:
        """Open an account

        Where the installation sends mail, the answer is 202 for every address, and the account exists once the mailed
        link was followed (`/auth/register/verify`). Elsewhere it exists at once.
        """
        if get_settings().mail.on:
            registration.ask_for_account(db.session(), body["email"], body["password"])
            return mailed()
        user = create_user(db.session(), body["email"], body["password"])
        db.session.commit()
        return user


@blueprint.route("/register/resend")
class RegisterResend(MethodView):
    """One more mail."""

    decorators = [auth_limit]

    @blueprint.arguments(EmailRequest)
    @blueprint.response(202, MailedResponse)
    @blueprint.alt_response(409, schema=ErrorResponse, description="mail.off")
    def post(self, body: dict[str, str]) -> Response:
        """Have the link mailed again"""
        registration.ask_again(db.session(), body["email"])
        return mailed()


@blueprint.route("/register/verify")
class RegisterVerify(MethodView):
    """Proven addresses."""

    decorators = [auth_limit]

    @blueprint.doc(parameters=[cookies.SESSION_PARAMETER])
    @blueprint.arguments(LinkPasswordRequest)
    @blueprint.response(200, TokenResponse)
    @blueprint.alt_response(403, schema=ErrorResponse, description="auth.disabled, auth.other_origin")
    def post(self, body: dict[str, str]) -> service.TokenPair:
        """Prove the address of a registration and sign in

        With the link's token and the password that this registration chose: a link that somebody else asked for does
        not fit your password, and yours does not fit theirs.
        """
        tokens = registration.prove(db.session(), body["token"], body["password"])
        db.session.commit()
        return cookies.keep(tokens)


@blueprint.route("/login")
class Login(MethodView):
    """New sessions."""

    decorators = [auth_limit]

    @blueprint.doc(parameters=[cookies.SESSION_PARAMETER])
    @blueprint.arguments(CredentialsRequest)
    @blueprint.response(200, TokenResponse)
    @blueprint.alt_response(401, schema=ErrorResponse, description="auth.bad_credentials")
    @blueprint.alt_response(403, schema=ErrorResponse, description="auth.disabled, auth.unverified, auth.other_origin")
    @blueprint.alt_response(429, schema=ErrorResponse, description="auth.too_many_attempts, rate.limited")
    def post(self, body: dict[str, str]) -> service.TokenPair:
        """Sign in"""
        address = request.remote_addr or ""
        tokens = service.sign_in(db.session(), body["email"], body["password"], address=address)
        db.session.commit()
        return cookies.keep(tokens)


@blueprint.route("/refresh")
class Refresh(MethodView):
    """Token exchange."""

    decorators = [auth_limit]

    @blueprint.doc(security=[{"bearer": []}], parameters=[cookies.SESSION_PARAMETER])
    @blueprint.response(200, TokenResponse)
    @blueprint.alt_response(403, schema=ErrorResponse, description="auth.other_origin")
    def post(self) -> service.TokenPair:
        """Exchange the refresh token for a new pair

        Send it as the bearer, or as the cookie. It is good once. One that comes a second time ends its session, since
        somebody else may have it. Once the session is as old as the installation lets them get, it is
        `auth.session_over`: sign in again.
        """
        claims = read_token(refresh=True, in_cookie=cookies.wants_cookie())
        tokens = service.refresh(db.session(), UUID(claims["sid"]), str(claims.get("rid")))
        db.session.commit()
        return cookies.keep(tokens)


@blueprint.route("/me")
class Me(MethodView):
    """The caller."""

    decorators = [login_required]

    @blueprint.response(200, UserResponse)
    def get(self) -> Any:
        """See who is signed in"""
        return current_user()
