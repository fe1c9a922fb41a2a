"""Sign-in with Google and GitHub, and what of it belongs to an account."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from flask import Response, redirect, request
from flask.views import MethodView
from flask_smorest import Blueprint
from sqlalchemy import func, select

from api.assets.docs import problems
from api.audit import record
from api.auth import cookies, current_session_id, current_user, login_required
from api.auth.schemas import TokenResponse
from api.auth.service import TokenPair
from api.auth.sessions import log_refusal
from api.errors import ConflictError, ErrorResponse, NotFoundError
from api.extensions import db, get_settings
from api.identities import flows
from api.identities.models import Identity
from api.identities.providers import get_provider, get_providers
from api.identities.schemas import (
    CallbackQuery,
    CodeRequest,
    IdentitiesResponse,
    IdentityLinkRequest,
    IdentityLinkResponse,
    ProvidersResponse,
    StartQuery,
)
from api.limits import auth_limit
from tasks.errors import ReelyardError

blueprint = Blueprint(
    "identities", __name__, url_prefix="/api/v1/auth", description="Sign-in with Google and GitHub; linked identities"
)
PREFIX = "/api/v1/auth/oauth"


@blueprint.route("/oauth")
class ProviderList(MethodView):
    """Providers."""

    @blueprint.response(200, ProvidersResponse)
    def get(self) -> Any:
        """List the providers that people can sign in with"""
        return {"items": [{"name": name, "start": f"{PREFIX}/{name}/start"} for name in sorted(get_providers())]}


@blueprint.route("/oauth/<string:provider>/start")
class Start(MethodView):
    """The way out."""

    decorators = [auth_limit]

    @blueprint.arguments(StartQuery, location="query")
    @blueprint.response(302, description="To the provider, or to the sign-in page with #error=<code>")
    @blueprint.alt_response(404, schema=ErrorResponse, description="oauth.unknown_provider")
    def get(self, query: dict[str, str], provider: str) -> Response:
        """Send the browser to a provider

        It comes back to `next` with `#code=`, which `POST /auth/oauth/token` exchanges for tokens together with the
        verifier of the challenge. When something is wrong it comes to the sign-in page with `#error=<code>`.
        """
        found, browser = get_provider(provider), read_browser()
        try:
            url = flows.begin(
                db.session(), found, browser=browser, next_path=query["next"], challenge=query["challenge"]
            )
        except ReelyardError as error:
            if error.code == "request.invalid":
                raise
            return to_error(error, found.name)
        db.session.commit()
        return remember(go(url), browser)


@blueprint.route("/oauth/<string:provider>/link")
class Link(MethodView):
    """The way out of somebody who is signed in."""

    decorators = [login_required, auth_limit]

    @blueprint.arguments(IdentityLinkRequest)
    @blueprint.response(200, IdentityLinkResponse)
    @problems(blueprint, {404: "oauth.unknown_provider", 503: "identity.unavailable"})
    def post(self, body: dict[str, str], provider: str) -> Response:
        """Begin to link an identity to the account

        Call it from the page, with credentials, so that the browser keeps the cookie; then go to `url`. The browser
        comes back to `next` with `#linked=<provider>`.
        """
        browser, owner = read_browser(), flows.Owner(current_user().id, current_session_id())
        url = flows.begin(db.session(), get_provider(provider), browser=browser, next_path=body["next"], owner=owner)
        db.session.commit()
        answer = Response(IdentityLinkResponse().dumps({"url": url}), content_type="application/json")
        return remember(answer, browser)


@blueprint.route("/oauth/<string:provider>/callback")
class Callback(MethodView):
    """The way back."""

    decorators = [auth_limit]

    @blueprint.arguments(CallbackQuery, location="query")
    @blueprint.response(302, description="To where the sign-in was begun, or to the sign-in page with #error=<code>")
    @blueprint.alt_response(404, schema=ErrorResponse, description="oauth.unknown_provider")
    def get(self, query: dict[str, str], provider: str) -> Response:
        """Take a browser back from a provider"""
        answer = flows.Answer(query["state"], query["code"], query["error"], query["iss"])
        found = get_provider(provider)
        try:
            path = flows.finish(db.session(), found, answer, browser=request.cookies.get(cookie_name(), ""))
        except ReelyardError as error:
            db.session.rollback()
            return to_error(error, found.name)
        return go(get_settings().public_url + path)


@blueprint.route("/oauth/token")
class Exchange(MethodView):
    """Codes into tokens."""

    decorators = [auth_limit]

    @blueprint.doc(parameters=[cookies.SESSION_PARAMETER])
    @blueprint.arguments(CodeRequest)
    @blueprint.response(200, TokenResponse)
    @blueprint.alt_response(403, schema=ErrorResponse, description="auth.disabled, auth.other_origin")
    def post(self, body: dict[str, str]) -> TokenPair:
        """Exchange the code of a sign-in for tokens

        Good once, for one minute, for the verifier whose challenge began the sign-in.
        """
        return cookies.keep(flows.redeem(db.session(), body["code"], body["verifier"]))


@blueprint.route("/identities")
class IdentityList(MethodView):
    """Linked identities."""

    decorators = [login_required]

    @blueprint.response(200, IdentitiesResponse)
    def get(self) -> Any:
        """List the identities that let somebody into the account"""
        own = select(Identity).where(Identity.user_id == current_user().id).order_by(Identity.created_at, Identity.id)
        return {"items": list(db.session.scalars(own))}


@blueprint.route("/identities/<uuid:identity_id>")
class IdentityItem(MethodView):
    """One of them."""

    decorators = [login_required]

    @blueprint.response(204)
    @problems(blueprint, {404: "identity.not_found", 409: "auth.last_way_in"})
    def delete(self, identity_id: UUID) -> None:
        """Remove an identity from the account"""
        user = current_user()
        db.session.refresh(user, ["password_hash"], with_for_update={"of": type(user)})
        own = Identity.user_id == user.id
        identity: Identity | None = db.session.scalar(select(Identity).where(Identity.id == identity_id, own))
        if identity is None:
            raise NotFoundError("identity.not_found", "The account has no such identity")
        count = db.session.scalar(select(func.count()).select_from(Identity).where(own))
        if user.password_hash is None and count == 1:
            raise ConflictError("auth.last_way_in", "This is the only way into the account; set a password first")
        db.session.delete(identity)
        record(db.session(), "identity.removed", target=("user", user.id), before={"provider": identity.provider})
        db.session.commit()


def cookie_name() -> str:
    """Return the cookie's name; behind https its prefix keeps other hosts and plain http from setting it."""
    return "__Host-reelyard-sign-in" if get_settings().public_url.startswith("https:") else "reelyard-sign-in"


def read_browser() -> str:
    """Return the secret that the browser has, or a new one."""
    known = request.cookies.get(cookie_name(), "")
    return known if len(known) == 43 and known.isascii() else secrets.token_urlsafe(32)


def remember(answer: Response, browser: str) -> Response:
    """Give the browser its secret, which scripts and other sites cannot send."""
    secure = get_settings().public_url.startswith("https:")
    answer.set_cookie(cookie_name(), browser, max_age=600, path="/", secure=secure, httponly=True, samesite="Lax")
    return answer


def go(url: str) -> Response:
    """Send the browser on, without keeping anything of this step."""
    answer = redirect(url, 302)
    answer.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    assert isinstance(answer, Response)
    return answer


def to_error(error: ReelyardError, provider: str) -> Response:
    """Send the browser to the sign-in page with a code, never with words that came from outside."""
    log_refusal(provider, error.code, reason=str(error.extra.get("reason", "")))
    return go(f"{get_settings().public_url}/sign-in#error={error.code}")
