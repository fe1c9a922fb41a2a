"""The pages that mailed links open, and sign-in: plain forms over the public API, where there is no studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, send_from_directory

from api.docs_pages.routes import ICON

blueprint = Blueprint("account_pages", __name__, template_folder="templates")
STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGES: dict[str, dict[str, Any]] = {
    "verify-email": {
        "title": "Prove your address",
        "fields": ["password"],
        "password_label": "The password that you chose",
        "autocomplete": "current-password",
        "button": "Open the account",
    },
    "forgot-password": {"title": "Forgotten the password?", "fields": ["email"], "button": "Mail me a link"},
    "reset-password": {
        "title": "Set a new password",
        "fields": ["password"],
        "password_label": "New password",
        "autocomplete": "new-password",
        "button": "Set the password",
    },
    "confirm-email": {"title": "Prove your new address", "fields": [], "button": "It is mine"},
    "invitations": {"title": "You are invited", "fields": [], "button": "Join"},
    "sign-in": {
        "title": "Sign in",
        "fields": ["email", "password"],
        "password_label": "Password",
        "autocomplete": "current-password",
        "button": "Sign in",
    },
}


@blueprint.get("/verify-email", defaults={"page": "verify-email"})
@blueprint.get("/forgot-password", defaults={"page": "forgot-password"})
@blueprint.get("/reset-password", defaults={"page": "reset-password"})
@blueprint.get("/confirm-email", defaults={"page": "confirm-email"})
@blueprint.get("/invitations", defaults={"page": "invitations"})
@blueprint.get("/sign-in", defaults={"page": "sign-in"})
def account_page(page: str) -> Response:
    """Show one of the forms."""
    html = render_template("account.html", page=page, icon=ICON, **PAGES[page])
    return Response(html, content_type="text/html; charset=utf-8", headers=HEADERS)


@blueprint.get("/account.js")
def account_script() -> Response:
    """Send the script of the forms."""
    return send_from_directory(STATIC, "account.js", mimetype="text/javascript", max_age=300)
