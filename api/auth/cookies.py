"""Sessions of browsers: the refresh token in a cookie that no script reads, asked for by a header that no form sends.

A page of another origin can send neither the header (it would have to be allowed by CORS, which never allows
credentials here) nor, the cookie being ``SameSite=Strict``, the cookie.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, after_this_request, request

from api.auth.guard import COOKIE
from api.auth.service import TokenPair
from api.errors import ForbiddenError
from api.extensions import get_settings

HEADER, KEEP = "X-Reelyard-Session", "cookie"
PATH = "/api/v1/auth"
SESSION_PARAMETER: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "enum": [KEEP]},
    "description": (
        "For pages of this origin: the refresh token is kept in a cookie that scripts cannot read, "
        "and is empty in the answer"
    ),
}


def wants_cookie() -> bool:
    """Tell whether the request is one of a page that keeps its session in the cookie.

    Raises ``auth.other_origin`` for one that another origin's page had sent.
    """
    if request.headers.get(HEADER) != KEEP:
        return False
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise ForbiddenError("auth.other_origin", "Only pages of this origin keep their session in a cookie")
    return True


def keep(tokens: TokenPair) -> TokenPair:
    """Return what the client is told: the pair, or for pages the access token alone, the other in the cookie."""
    if not wants_cookie():
        return tokens
    lives_s = get_settings().refresh_token_days * 86_400
    renewal = tokens.refresh_token

    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            COOKIE, renewal, max_age=lives_s, path=PATH, secure=request.is_secure, httponly=True, samesite="Strict"
        )
        return response

    return replace(tokens, refresh_token="")


def forget() -> None:
    """Have the browser drop the cookie, if it has one."""
    if COOKIE not in request.cookies:
        return

    @after_this_request
    def drop_cookie(response: Response) -> Response:
        response.delete_cookie(COOKIE, path=PATH, secure=request.is_secure, httponly=True, samesite="Strict")
        return response
