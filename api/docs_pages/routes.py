"""Serve the documentation pages and their static files, whole from our own origin.

Only the files inside the ``flask_openapi3_*`` wheels are used; the pages are ours and load nothing from elsewhere.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory
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

NAMES = ", ".join(page.name for page in PAGES)

blueprint = Blueprint("docs_pages", __name__)


@cache
def static_folder(name: str) -> Path:
    """Return the folder with the static files of a reader, inside its wheel."""
    spec = find_spec(f"flask_openapi3_{name}")
    if spec is None or spec.origin is None:
        raise NotFound(f"The files of {name} are not installed")
    return Path(spec.origin).parent / "templates" / name


@lru_cache(maxsize=16)  # clients choose the names
def corrected_file(page: DocsPage, file: str) -> str | None:
    """Return a script with its addresses elsewhere replaced by ours; None for files that have none."""
    replaced = [(outside, ours) for name, outside, ours in page.replaced if name == file]
    if not replaced:
        return None
    text = (static_folder(page.name) / file).read_text()
    for outside, ours in replaced:
        text = text.replace(outside, ours)
    return text


@blueprint.get(f"{STATIC}/<any({NAMES}):name>/<path:file>")
def static_file(name: str, file: str) -> Response:
    """Serve one file of a reader."""
    page = next(page for page in PAGES if page.name == name)
    corrected = corrected_file(page, file)
    if corrected is None:
        return send_from_directory(static_folder(name), file, max_age=CACHE_S)
    answer = Response(corrected, mimetype="text/javascript")
    answer.cache_control.max_age = CACHE_S
    answer.add_etag()
    answer.make_conditional(request)
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
