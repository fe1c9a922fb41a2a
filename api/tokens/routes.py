"""API token endpoints; no token can use them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView
from flask_smorest import Blueprint

from api.assets.docs import problems
from api.auth import current_user, login_required
from api.extensions import db, get_settings
from api.pagination import filters_of, paginate
from api.tokens import service
from api.tokens.models import ApiToken
from api.tokens.schemas import TokenCreatedResponse, TokenInfoResponse, TokenPageResponse, TokenQuery, TokenRequest

blueprint = Blueprint("tokens", __name__, url_prefix="/api/v1", description="Keys for programs, each with scopes")


@blueprint.route("/tokens")
class TokenList(MethodView):
    """All tokens."""

    decorators = [login_required]

    @blueprint.arguments(TokenQuery, location="query")
    @blueprint.response(200, TokenPageResponse)
    @problems(blueprint, {403: "token.not_allowed"})
    def get(self, query: dict[str, Any]) -> Any:
        """List API tokens, newest first"""
        return paginate(db.session(), service.select_tokens(current_user().id, **filters_of(query)), ApiToken, query)

    @blueprint.arguments(TokenRequest)
    @blueprint.response(201, TokenCreatedResponse)
    @problems(blueprint, {403: "token.not_allowed, token.scope_refused", 409: "token.too_many"})
    def post(self, body: dict[str, Any]) -> Any:
        """Make an API token

        The answer holds its text, which is never shown again: only its hash is kept. Needs a signed-in person, since a
        token must not make others.
        """
        live = get_settings().env == "production"
        token, text = service.create_token(db.session(), current_user(), service.NewToken(**body), live=live)
        db.session.commit()
        return {**as_loaded(token), "token": text}


def as_loaded(token: ApiToken) -> dict[str, Any]:
    """Return the columns that are shown, as the row has them."""
    return {name: getattr(token, name) for name in TokenInfoResponse().fields}


@blueprint.route("/tokens/<uuid:token_id>")
class TokenItem(MethodView):
    """One token."""

    decorators = [login_required]

    @blueprint.response(200, TokenInfoResponse)
    @problems(blueprint, {403: "token.not_allowed", 404: "token.not_found"})
    def get(self, token_id: UUID) -> ApiToken:
        """Look at an API token"""
        return service.get_token(db.session(), current_user(), token_id)

    @blueprint.response(204)
    @problems(blueprint, {403: "token.not_allowed", 404: "token.not_found"})
    def delete(self, token_id: UUID) -> None:
        """Revoke an API token

        It is refused from now on, on every process.
        """
        service.revoke_token(db.session(), service.get_token(db.session(), current_user(), token_id))
        db.session.commit()
