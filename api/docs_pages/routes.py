"""Serve the documentation pages and their static files, whole from our own origin.

Only the files inside the ``flask_openapi3_*`` wheels are used; the pages are ours and load nothing from elsewhere.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

from api.docs_pages.pages import DOCUMENT, PAGES, STATIC, DocsPage

__all__ = ["DOCUMENT", "PAGES", "blueprint"]

CACHE_S = 86_400
"""The files change only with the wheels' versions, so a day is safe; ETags make the day after cheap."""

CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' "
    "rx='3' fill='%23ffe14d'/%3E%3Cpath d='M6 4v8l6-4z' fill='%2316181d'/%3E%3C/svg%3E"
)

blueprint = Blueprint("docs_pages", __name__)


@cache
def static_folder(name: str) -> Path:
    """Return the folder with the static files of a reader, inside its wheel."""
    spec = find_spec(f"flask_openapi3_{name}")
    if spec is None or spec.origin is None:
        raise NotFound(f"The files of {name} are not installed")
    return Path(spec.origin).parent / "templates" / name


@cache
def without_outside(page: DocsPage, file: str) -> str:
    """Return a file's text with its outside addresses replaced."""
    text = (static_folder(page.name) / file).read_text()
    for outside, ours in page.replaced:
        text = text.replace(outside, ours)
    return text


@blueprint.get(f"{STATIC}/<name>/<path:file>")
def static_file(name: str, file: str) -> Response:
    """Serve one file of a reader."""
    page = next((page for page in PAGES if page.name == name), None)
    if page is None:
        raise NotFound
    answer = send_from_directory(static_folder(name), file, max_age=CACHE_S)  # refuses paths that lead outside
    if page.replaced and file.endswith(".js") and answer.status_code == 200:
        answer.direct_passthrough = False
        answer.set_data(without_outside(page, file))
    return answer


def serve(page: DocsPage) -> Response:
    """Return one documentation page."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="{ICON}">'
        f"<title>Reelyard API · {page.title}</title><style>body{{margin:0;height:100vh}}</style></head>"
        f"<body>{page.body}</body></html>"
    )
    return Response(html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": CSP})


for _page in PAGES:
    blueprint.add_url_rule(_page.path, endpoint=_page.name, view_func=lambda page=_page: serve(page))
