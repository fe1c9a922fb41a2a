"""S-11: no request sets a column that is not its own, and no answer shows one that is nobody's business."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from api.extensions import db
from api.links import METHODS
from tests.api.farm import Caller

pytestmark = pytest.mark.security("S-11")
SECRET = re.compile(r"password_hash|token_sha256|object_key|secret|nonce$|refresh_jti|upload_ref|_digest$|key_hash")
SIGNED = re.compile(r"/api/(internal|upload-video|render)/")
FREE_FORM = {"scenario", "document"}
SHOWN_ONCE = [("WebhookSecretResponse", "secret")]
"""The answer that hands a new secret over."""


def schema_of(document: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def columns() -> set[str]:
    return {column.name for table in db.metadata.tables.values() for column in table.columns}


@pytest.fixture
def document(application: Any) -> dict[str, Any]:
    served: dict[str, Any] = application.test_client().get("/api/openapi.json").get_json()
    return served


def test_every_body_refuses_every_column_that_is_not_its_own(document: dict[str, Any], admin: Caller, app: Any) -> None:
    taken, tried = [], 0
    for path, item in document["paths"].items():
        for method in METHODS:
            body = item.get(method, {}).get("requestBody", {})
            schema = schema_of(document, body.get("content", {}))
            if not schema.get("properties") or SIGNED.match(path):
                continue
            foreign = columns() - set(schema["properties"])
            filled = re.sub(r"\{\w+\}", lambda _: str(uuid4()), path).removeprefix("/api/v1")
            answer = admin.call(method.upper(), filled, dict.fromkeys(foreign, "x"), {"If-Match": '"1"'})
            tried += 1
            told = (answer.get_json(silent=True) or {}).get("details", {}).get("findings", [])
            refused = {one["pointer"].removeprefix("/") for one in told if one["message"] == "Unknown field."}
            if answer.status_code == 404 and answer.get_json()["code"].endswith("not_found"):
                continue  # the thing is looked for first: nothing was read into anything
            if answer.status_code != 422 or not foreign <= refused:
                taken.append((method, path, answer.status_code, sorted(foreign - refused)[:5]))

    assert tried > 30
    assert taken == []


def test_no_answer_has_a_field_that_is_secret(document: dict[str, Any]) -> None:
    shown = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        if name.endswith("Response")
        for field in schema.get("properties", {})
        if SECRET.search(field)
    ]

    assert shown == SHOWN_ONCE
