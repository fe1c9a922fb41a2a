"""The documentation pages: five readers of one OpenAPI document."""

from __future__ import annotations

import json
from dataclasses import dataclass

DOCUMENT = "/api/openapi.json"
STATIC = "/api/static/docs"
SCALAR_OPTIONS = {
    "withDefaultFonts": False,
    "telemetry": False,
    "agent": {"disabled": True},  # asks a server of its makers as the page opens
    "mcp": {"disabled": True},
    "hideClientButton": True,
    "showDeveloperTools": "never",
}


@dataclass(frozen=True)
class DocsPage:
    """One reader of the document.

    :param body: what stands in the page's body.
    :param replaced: file, address elsewhere that it would load from, and ours instead.
    """

    name: str
    title: str
    path: str
    body: str
    replaced: tuple[tuple[str, str, str], ...] = ()


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
        replaced=(
            (
                "js/redoc.standalone.js",
                "https://cdn.redoc.ly/redoc/logo-mini.svg",
                f"{STATIC}/redoc/images/redoc.svg",
            ),
        ),
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
        f"""<script id="api-reference" data-url="{DOCUMENT}" data-configuration='{json.dumps(SCALAR_OPTIONS)}'></script>
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
