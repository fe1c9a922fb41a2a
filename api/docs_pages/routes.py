"""Five documentation pages over one OpenAPI document, served whole from our own origin.

Only the static files inside the ``flask_openapi3_*`` wheels are used; the pages are ours and load nothing
from elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, send_from_directory
from werkzeug.exceptions import NotFound

DOCUMENT = "/api/openapi.json"
STATIC = "/api/static/docs"
CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class DocsPage:
    """One reader of the document: the wheel its files come from, and the body of its page."""

    name: str
    title: str
    path: str
    body: str


PAGES = (
    DocsPage(
        "swagger",
        "Swagger UI",
        "/api/docs",
        f"""<link rel="stylesheet" href="{STATIC}/swagger/css/swagger-ui.css"><div id="page"></div>
<script src="{STATIC}/swagger/js/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({{url: "{DOCUMENT}", dom_id: "#page", deepLinking: true, persistAuthorization: true}})
</script>""",
    ),
    DocsPage(
        "redoc",
        "ReDoc",
        "/api/redoc",
        f"""<div id="page"></div><script src="{STATIC}/redoc/js/redoc.standalone.js"></script>
<script>Redoc.init("{DOCUMENT}", {{disableSearch: false}}, document.getElementById("page"))</script>""",
    ),
    DocsPage(
        "rapidoc",
        "RapiDoc",
        "/api/rapidoc",
        f"""<rapi-doc spec-url="{DOCUMENT}" load-fonts="false" render-style="read" show-header="false"></rapi-doc>
<script src="{STATIC}/rapidoc/js/rapidoc-min.js"></script>""",
    ),
    DocsPage(
        "scalar",
        "Scalar",
        "/api/scalar",
        f"""<script id="api-reference" data-url="{DOCUMENT}"
 data-configuration='{{"withDefaultFonts": false, "telemetry": false}}'></script>
<script src="{STATIC}/scalar/js/scalar.standalone.js"></script>""",
    ),
    DocsPage(
        "elements",
        "Stoplight Elements",
        "/api/elements",
        f"""<link rel="stylesheet" href="{STATIC}/elements/css/styles.min.css">
<script src="{STATIC}/elements/js/web-components.min.js"></script>
<elements-api apiDescriptionUrl="{DOCUMENT}" router="hash" layout="sidebar"></elements-api>""",
    ),
)

blueprint = Blueprint("docs_pages", __name__)


@cache
def static_folder(name: str) -> Path:
    """Return the folder with the static files of a reader, inside its wheel."""
    spec = find_spec(f"flask_openapi3_{name}")
    if spec is None or spec.origin is None:
        raise NotFound(f"The files of {name} are not installed")
    return Path(spec.origin).parent / "templates" / name


@blueprint.get(f"{STATIC}/<name>/<path:file>")
def static_file(name: str, file: str) -> Response:
    """Serve one file of a reader; they change only with the wheel's version, so a day of caching is safe."""
    if name not in {page.name for page in PAGES}:
        raise NotFound
    return send_from_directory(static_folder(name), file, max_age=86400)


def serve(page: DocsPage) -> Response:
    """Return one documentation page."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Reelyard API · {page.title}</title><style>body{{margin:0;height:100vh}}</style></head>"
        f"<body>{page.body}</body></html>"
    )
    return Response(html, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": CSP})


for _page in PAGES:
    blueprint.add_url_rule(_page.path, endpoint=_page.name, view_func=lambda page=_page: serve(page))
