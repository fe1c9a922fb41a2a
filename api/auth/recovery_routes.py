"""Endpoints for new passwords and new addresses."""

from __future__ import annotations

from flask import Response, request
from flask.views import MethodView

from api.assets.docs import problems
from api.auth import current_user, login_required, recovery, service
from api.auth.routes import blueprint, mailed
from api.auth.schemas import (
    CredentialsRequest,
    EmailRequest,
    LinkPasswordRequest,
    MailedResponse,
    MailLinkRequest,
    PasswordChangeRequest,
    TokenResponse,
)
from api.errors import ErrorResponse
from api.extensions import db
from api.limits import auth_limit

OWN_PASSWORD = {403: "auth.wrong_password", 409: "auth.no_password", 429: "auth.too_many_attempts"}


@blueprint.route("/password/forgot")
class PasswordForgot(MethodView):
    """Forgotten passwords."""

    decorators = [auth_limit]

    @blueprint.arguments(EmailRequest)
    @blueprint.response(202, MailedResponse)
    @blueprint.alt_response(409, schema=ErrorResponse, description="mail.off")
    def post(self, body: dict[str, str]) -> Response:
        """Ask for a new password by mail

        The answer is the same for every address. The mailed link is good for one hour, once.
        """
        recovery.ask_for_reset(db.session(), body["email"])
        return mailed()


@blueprint.route("/password/reset")
class PasswordReset(MethodView):
    """New passwords by mail."""

    decorators = [auth_limit]

    @blueprint.arguments(LinkPasswordRequest)
    @blueprint.response(204)
    def post(self, body: dict[str, str]) -> None:
        """Set a new password with the mailed link

        Every session ends. Sign in with the new password afterwards.
        """
        recovery.reset_password(db.session(), body["token"], body["password"])
        db.session.commit()


@blueprint.route("/password")
class Password(MethodView):
    """The caller's password."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(PasswordChangeRequest)
    @blueprint.response(200, TokenResponse)
    @problems(blueprint, OWN_PASSWORD)
    def post(self, body: dict[str, str]) -> service.TokenPair:
        """Change the password

        Every session ends; the answer holds the tokens of a new one.
        """
        tokens = recovery.change_password(
            db.session(),
            current_user(),
            body["current_password"],
            body["password"],
            address=request.remote_addr or "",
        )
        db.session.commit()
        return tokens


@blueprint.route("/email")
class Email(MethodView):
    """The caller's address."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(CredentialsRequest)
    @blueprint.response(202, MailedResponse)
    @problems(blueprint, {**OWN_PASSWORD, 409: "auth.no_password; user.email_taken where no mail is sent"})
    def post(self, body: dict[str, str]) -> Response:
        """Move the account to another address

        With the present password. A link goes to the new address; following it moves the account, and the old address
        is told. Where the installation sends no mail, the account moves at once.
        """
        recovery.change_email(
            db.session(), current_user(), body["email"], body["password"], address=request.remote_addr or ""
        )
        return mailed()


@blueprint.route("/email/confirm")
class EmailConfirm(MethodView):
    """Proven new addresses."""

    decorators = [auth_limit]

    @blueprint.arguments(MailLinkRequest)
    @blueprint.response(204)
    def post(self, body: dict[str, str]) -> None:
        """Prove the new address with the mailed link"""
        recovery.confirm_email(db.session(), body["token"])
        db.session.commit()
