"""Serve the studio: one page for all its addresses, its hashed files for ever, the stage module as renders load it."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

import tasks.scenario
from api.docs_pages.routes import ICON
from api.extensions import get_settings

BUILT = Path(__file__).parents[2] / "studio" / "dist"
"""Where ``make studio`` puts what it built."""
STAGE = Path(tasks.scenario.__file__).parent / "stage"
STAGE_FILES = ("page.html", "boot.js", "stage.js", "motion.js", "layout.js", "paint.js", "stage.css")
STAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
MISSING_CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
NONCE = re.compile("__CSP_NONCE__")
FOR_EVER_S = 31_536_000

blueprint = Blueprint("studio", __name__, template_folder="templates")


def is_built() -> bool:
    """Tell whether there is a studio to show."""
    return (BUILT / "index.html").is_file()


@blueprint.get("/studio")
def studio_without_slash() -> AnyResponse:
    """Lead to the studio."""
    return redirect("/studio/", 308)


@blueprint.get("/studio/", defaults={"page": ""})
@blueprint.get("/studio/<path:page>")
def studio(page: str) -> Response:
    """Show the studio; which of its pages is meant, its script reads from the address."""
    if not is_built():
        html = render_template("studio_missing.html", icon=ICON)
        missing = {"Content-Security-Policy": MISSING_CSP, "Cache-Control": "no-store"}
        return Response(html, 404, content_type="text/html; charset=utf-8", headers=missing)
    nonce = secrets.token_urlsafe(16)
    html = NONCE.sub(nonce, (BUILT / "index.html").read_text(encoding="utf-8"))
    headers = {"Content-Security-Policy": build_policy(nonce), "Cache-Control": "no-cache"}
    return Response(html, content_type="text/html; charset=utf-8", headers=headers)


@blueprint.get("/studio/assets/<path:file>")
def studio_file(file: str) -> Response:
    """Send a built file; its name has a hash of what it holds."""
    answer = send_from_directory(BUILT / "assets", file, max_age=FOR_EVER_S)
    answer.cache_control.public = True
    answer.cache_control.immutable = True
    return answer


@blueprint.get("/studio/stage/<file>")
def stage_file(file: str) -> Response:
    """Send a file of the stage, the one that renders load."""
    if file not in STAGE_FILES:
        raise NotFound
    answer = send_from_directory(STAGE, file, max_age=0)
    answer.headers["Content-Security-Policy"] = STAGE_CSP
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def build_policy(nonce: str) -> str:
    """Return the policy of the studio's page: own scripts alone, media from the storage."""
    stores = " ".join(sorted(storage_origins()))
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; font-src 'self'; "
        f"img-src 'self' data: blob: {stores}; media-src 'self' blob: {stores}; connect-src 'self' {stores}; "
        "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def storage_origins() -> set[str]:
    """Return the origins of presigned URLs as browsers reach them."""
    storage = get_settings().storage
    urls = (storage.s3_public_url or storage.s3_endpoint_url, storage.cdn_url)
    parts = [urlsplit(url) for url in urls if url]
    return {f"{part.scheme}://{part.netloc}" for part in parts if part.netloc}
