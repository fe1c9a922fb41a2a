"""The landing page: where everything is."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from api.docs_pages.routes import DOCUMENT, ICON, PAGES

blueprint = Blueprint("pages", __name__, template_folder="templates")
CSP = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@blueprint.get("/")
def landing() -> Response:
    """Say what runs here and link to it."""
    html = render_template("landing.html", pages=PAGES, document=DOCUMENT, icon=ICON)
    return Response(html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": CSP})
