"""The OpenAPI document: complete, valid, and true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from api.openapi import METHODS
from tests.api.farm import Caller

PUBLIC = {
    "post /api/v1/auth/register",
    "post /api/v1/auth/login",
    "post /api/v1/auth/register/resend",
    "post /api/v1/auth/register/verify",
    "post /api/v1/auth/password/forgot",
    "post /api/v1/auth/password/reset",
    "post /api/v1/auth/email/confirm",
    "post /api/v1/auth/oauth/token",
    "get /api/v1/auth/oauth",
    "get /api/v1/auth/oauth/{provider}/start",
    "get /api/v1/auth/oauth/{provider}/callback",
    "post /api/v1/payments/webhook",
    "post /api/v1/providers/replicate/webhook",
    "get /api/v1/shared/videos/{share_token}",
    "get /api/v1/scenario/schema",
    "get /api/v1/scenario/motions",
    "get /api/v1/scenario/presets",
    "get /api/v1/scenario/safe-areas",
    "get /api/v1/fonts",
    "get /healthz",
    "get /readyz",
    "get /metrics",
}
SIGNED = {
    "post /api/internal/nodes/beat",
    "post /api/internal/steps/{step_id}/claim",
    "post /api/internal/steps/{step_id}/heartbeat",
    "post /api/internal/steps/{step_id}/news",
    "post /api/internal/steps/{step_id}/report",
    "post /api/internal/steps/{step_id}/report-and-ask",
    "post /api/upload-video/result",
    "post /api/render/callback",
}


@pytest.fixture
def document(application: Any) -> dict[str, Any]:
    """The document as a client gets it."""
    answer = application.test_client().get("/api/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    served: dict[str, Any] = answer.get_json()
    return served


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation under its method and path."""
    found = {
        f"{method} {path}": {**item[method], "path_parameters": item.get("parameters", [])}
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }
    assert len(found) > 40
    return found


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` anywhere inside."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(document: dict[str, Any], reference: str) -> Any:
    target: Any = document
    for step in reference.removeprefix("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return target


def test_it_is_openapi_3_1_and_says_where_the_api_is(document: dict[str, Any], app: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Reelyard"
    assert document["servers"] == [{"url": app.extensions["settings"].public_url}]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))

    assert len(found) > 20
    for reference in found:
        assert reference.startswith("#/"), reference
        assert resolve(document, reference), reference


def test_every_schema_is_a_json_schema_with_a_name_of_its_own(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert not name.endswith(("1", "2")), f"{name}: two schemas fight for a name"


def test_every_operation_has_a_summary_of_its_own_and_a_described_tag(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag.get("description")}
    summaries = [operation["summary"] for operation in operations(document).values()]

    assert [name for name, one in operations(document).items() if not set(one["tags"]) <= described] == []
    assert sorted({summary for summary in summaries if summaries.count(summary) > 1}) == []
    assert [summary for summary in summaries if summary.endswith(".") or not summary[0].isupper()] == []


def test_every_operation_has_a_name_of_its_own_that_a_client_can_use(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not name.isidentifier()] == []
    assert document["paths"]["/api/v1/renders/{render_id}/poster"]["get"]["operationId"] == "get_render_poster"
    assert document["paths"]["/api/v1/renders"]["post"]["operationId"] == "post_renders"


def test_every_operation_declares_the_parameters_of_its_path(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        declared = [*operation.get("parameters", []), *operation["path_parameters"]]
        resolved = [resolve(document, one["$ref"]) if "$ref" in one else one for one in declared]
        named = {one["name"] for one in resolved if one["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", name)), name


def test_every_operation_tells_the_form_of_its_errors(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        errors = {status: one for status, one in operation["responses"].items() if status[0] in "45d"}
        assert "default" in errors, name
        for status, answer in errors.items():
            if name == "get /readyz" and status == "503":
                continue  # tells what is down instead
            form = answer if "content" in answer else resolve(document, answer["$ref"])
            schema = form["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (name, status)


def test_every_operation_says_who_may_call_it(document: dict[str, Any]) -> None:
    wanted = {
        name: [{"signature": []}] if name in SIGNED else [] if name in PUBLIC else [{"bearer": []}]
        for name in operations(document)
    }

    told = {name: one.get("security", document["security"]) for name, one in operations(document).items()}

    assert told == wanted
    assert set(wanted) >= PUBLIC | SIGNED
    assert set(document["components"]["securitySchemes"]) == {"bearer", "signature"}


@pytest.mark.security("S-17")
def test_who_may_call_is_true(document: dict[str, Any], app: Any) -> None:
    """Call everything without a token: those that want one refuse, those that are public do not."""
    for name in operations(document):
        method, path = name.split()
        path = path.replace("{version}", "1").replace("{number}", "0")
        answer = app.test_client().open(re.sub(r"{\w+}", str(uuid4()), path), method=method.upper())
        if name in PUBLIC:
            assert answer.status_code != 401, name
        else:
            code = "callback.unsigned" if name in SIGNED else "auth.missing_token"
            assert (answer.status_code, answer.get_json()["code"]) == (401, code), name


@pytest.mark.security("S-17")
@pytest.mark.parametrize(
    "path", ["/auth/me", "/usage", "/usage/history", "/assets", "/renders", "/transcripts", "/jobs", "/fonts"]
)
def test_answers_have_the_documented_form(document: dict[str, Any], user: Caller, path: str) -> None:
    operation = operations(document)[f"get /api/v1{path}"]

    check(document, operation["responses"]["200"], user.get(path))


def test_an_error_has_the_documented_form(document: dict[str, Any], user: Caller) -> None:
    operation = operations(document)["get /api/v1/assets/{asset_id}"]

    check(document, operation["responses"]["404"], user.get(f"/assets/{uuid4()}", expect=404))


def check(document: dict[str, Any], answer: dict[str, Any], body: Any) -> None:
    """Hold a body against the schema that the document gives for it."""
    schema = answer["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(body)
    if "$ref" in schema:
        known = set(resolve(document, schema["$ref"])["properties"])
        assert set(body) <= known


def test_what_can_be_sent_twice_says_so(document: dict[str, Any]) -> None:
    keyed = {
        path.removeprefix("/api/v1")
        for path, operations in document["paths"].items()
        if any(one.get("name") == "Idempotency-Key" for one in operations.get("post", {}).get("parameters", []))
    }

    assert keyed >= {
        *("/uploads", "/renders", "/stills", "/renders/validate", "/jobs/{job_id}/retry"),
        *("/payments/checkout", "/payments/portal", "/admin/users/{user_id}/credits"),
    }
