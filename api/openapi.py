"""The OpenAPI document: what it is called, how to authenticate, where it is served."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask_smorest import Blueprint
from werkzeug.routing import Rule

from api.bodies import SIGNED_PREFIXES
from api.config import ApiSettings
from api.extensions import get_smorest
from api.links import METHODS, describe_bodies, describe_links
from api.operation_names import describe_names
from api.tokens.scopes import scope_of
from tasks.contracts.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER

DESCRIPTION = """
Upload a spoken video, get its words with times, style them as a scenario, render.

* **Errors** are always `{"code", "message", "details", "request_id"}`; the code is stable.
* **Limits** are told in `RateLimit-Limit`, `-Remaining` and `-Reset` (seconds); refusals have `Retry-After`.
* **Repeats**: POSTs that start work take `Idempotency-Key`; the same key and request give the first answer again.
* **Lists** are pages of `items` and `next_cursor`, newest first.
""".strip()
STRICT = {**Blueprint.ARGUMENTS_PARSER.DEFAULT_UNKNOWN_BY_LOCATION, "query": None}
"""None leaves it to the schema, which refuses: a misspelt filter must not give an unfiltered list."""

SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "From POST /api/v1/auth/login",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": f"Workers only: HMAC-SHA256 of the call together with {TIMESTAMP_HEADER}",
    },
}


def configure_openapi(app: Flask, settings: ApiSettings) -> None:
    """Let flask-smorest collect the document and serve it at /api/openapi.json."""
    app.config.update(
        API_TITLE="Reelyard",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION, "license": {"name": "MIT"}},
            "servers": [{"url": settings.public_url}],
            "externalDocs": {"description": "Where to start", "url": "/"},
            "security": [{"bearer": []}],
        },
    )
    Blueprint.ARGUMENTS_PARSER.DEFAULT_UNKNOWN_BY_LOCATION = STRICT
    smorest = get_smorest(app)
    smorest.init_app(app)
    for name, scheme in SECURITY_SCHEMES.items():
        smorest.spec.components.security_scheme(name, scheme)


def describe_security(app: Flask) -> None:
    """Say of each operation what it wants to let one in, once all are registered and somebody asks for the document."""
    get_smorest(app).describe_last(lambda: _describe_security(app))


def _describe_security(app: Flask) -> None:
    """Say of each operation whether it wants a token, a worker's signature or nothing."""
    paths = get_smorest(app).spec._paths  # apispec has no public way to change an operation later
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        needs_login = getattr(app.view_functions[rule.endpoint], "needs_login", False)
        if path not in paths:
            continue
        if needs_login:
            _describe_scopes(paths[path], rule)
            continue
        for operation in (paths[path][method] for method in METHODS if method in paths[path]):
            if path.startswith(SIGNED_PREFIXES):
                operation["security"] = [{"signature": []}]
            else:
                operation.setdefault("security", [])
    schemas = get_smorest(app).spec.components.schemas
    describe_links(paths, schemas)
    describe_bodies(paths, schemas)
    describe_names(paths)


def _describe_scopes(operations: dict[str, Any], rule: Rule) -> None:
    """Say of a path's operations which scope a token needs: ``x-scope``, null where tokens are refused."""
    for method in METHODS:
        if method in operations and method.upper() in (rule.methods or ()):
            scope = scope_of(method.upper(), rule.endpoint)
            operations[method]["x-scope"] = scope.value if scope else None


def build_document() -> dict[str, Any]:
    """Return the document without any service running, for the documentation."""
    from api import create_app
    from api.config import read_api_settings

    nowhere = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "S3_ENDPOINT_URL": "http://127.0.0.1:1",
        "REELYARD_ENV": "test",
        "REELYARD_JWT_SECRET": "only-to-build-the-openapi-document-1",
        "REELYARD_CALLBACK_SECRET": "only-to-build-the-openapi-document-2",
    }
    app = create_app(read_api_settings(nowhere))
    return dict(get_smorest(app).spec.to_dict())
