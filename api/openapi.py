"""The OpenAPI document: what it is called, how to authenticate, where it is served."""

from __future__ import annotations

from typing import Any

from flask import Flask

from api.config import ApiSettings
from api.extensions import smorest

DESCRIPTION = (
    "Upload a spoken video, get its words with times, style them as a scenario, render. Errors are always "
    '`{"code", "message", "details", "request_id"}` with a stable code. POSTs that start work take `Idempotency-Key`.'
)


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
            "security": [{"bearer": []}],
        },
    )
    smorest.init_app(app)
    smorest.ERROR_SCHEMA = None
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From POST /api/v1/auth/login"}
    smorest.spec.components.security_scheme("bearer", bearer)


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
    create_app(read_api_settings(nowhere))
    return dict(smorest.spec.to_dict())
