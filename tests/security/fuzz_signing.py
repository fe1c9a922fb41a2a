"""Signing what the fuzzer sends in the place of workers, Stripe and Replicate; and what the document leaves out of it.

The document says of these calls that they are signed, which no generator can do, and nothing of their bodies, which are
between processes; the contracts say it here.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import re
import time
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from tasks.contracts import ClaimRequest, Heartbeat, NodeBeat, ReportAndAsk, StepNews, StepReport
from tasks.contracts.signing import signed_headers
from tasks.names import CallbackPath
from tests.api import stripe_server

Schema = dict[str, Any]
Sign = Callable[[str, str, bytes], dict[str, str]]
"""From secret, path and body to headers."""
WORKERS = r"/api/(internal|upload-video|render)/"
STRIPE, REPLICATE = "/api/v1/payments/webhook", "/api/v1/providers/replicate/webhook"
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


def as_worker(secret: str, path: str, body: bytes) -> dict[str, str]:
    """Sign as a worker does."""
    return signed_headers(secret, "POST", path, body)


def as_stripe(secret: str, path: str, body: bytes) -> dict[str, str]:
    """Sign as Stripe does."""
    return {"Stripe-Signature": stripe_server.sign(body, secret=secret)}


def as_replicate(secret: str, path: str, body: bytes) -> dict[str, str]:
    """Sign as Replicate does: Standard Webhooks."""
    sent_at, key = str(int(time.time())), base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{sent_at}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": sent_at, "webhook-signature": signature}


SIGNERS: dict[str, tuple[str, Sign]] = {
    WORKERS: ("worker", as_worker),
    STRIPE: ("stripe", as_stripe),
    REPLICATE: ("replicate", as_replicate),
}
"""By pattern of the path: whose secret it takes, and how they sign."""


class Signature(AuthBase):
    """Signs the very bytes that are sent."""

    def __init__(self, secret: str, sign: Sign) -> None:
        self.secret, self.sign = secret, sign

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the headers."""
        body = request.body or b""
        data = body.encode() if isinstance(body, str) else bytes(body)
        path = unquote(urlsplit(str(request.url)).path)
        request.headers.update(self.sign(self.secret, path, data))
        return request


def signature_for(path: str, secrets: Mapping[str, str]) -> Signature | None:
    """Return what signs calls of a path; None where calls are not signed."""
    for pattern, (who, sign) in SIGNERS.items():
        if re.match(pattern, path):
            return Signature(secrets[who], sign)
    return None


def schema_of(contract: Any) -> Schema:
    """Return the JSON schema of a contract, as ``Message.from_json`` reads it; any version of a claim is answered."""
    hints = typing.get_type_hints(contract)
    fields = {field.name: field for field in dataclasses.fields(contract)}
    needed = [name for name, field in fields.items() if not has_default(field)]
    properties = {name: schema_of_type(hints[name]) for name in fields}
    properties["version"] = {} if contract is ClaimRequest else {"const": contract.VERSION}
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def has_default(field: dataclasses.Field[Any]) -> bool:
    """Tell whether a field may be left out."""
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def schema_of_type(hint: Any) -> Schema:
    """Return the JSON schema of a field's type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if one is type(None) else schema_of_type(one) for one in arguments]}
    if origin is tuple:
        return {"type": "array", "items": schema_of_type(arguments[0])}
    if dataclasses.is_dataclass(hint):
        schema = schema_of(hint)
        del schema["properties"]["version"]  # told once, by the message around it
        return schema
    return {"type": PLAIN[origin or hint]}


LATEST = 253_402_300_799
"""The last second of the year 9999."""
EVENT = {
    "type": "object",
    "required": ["id", "type", "created", "data"],
    "properties": {
        "id": {"type": "string"},
        # What asks Stripe about the thing itself (refunds, disputes) needs one that Stripe knows.
        "type": {"anyOf": [{"enum": ["checkout.session.completed", "invoice.paid"]}, {"type": "string"}]},
        "created": {"type": "integer", "minimum": 0, "maximum": LATEST},
        "data": {"type": "object", "required": ["object"], "properties": {"object": {"type": "object"}}},
    },
}
BODIES: dict[str, Schema] = {
    CallbackPath.CLAIM: schema_of(ClaimRequest),
    CallbackPath.HEARTBEAT: schema_of(Heartbeat),
    CallbackPath.NEWS: schema_of(StepNews),
    CallbackPath.REPORT: schema_of(StepReport),
    CallbackPath.REPORT_AND_ASK: schema_of(ReportAndAsk),
    CallbackPath.TRANSCRIPT_RESULT: schema_of(StepReport),
    CallbackPath.RENDER: schema_of(Heartbeat),
    CallbackPath.NODE_BEAT: schema_of(NodeBeat),
    STRIPE: EVENT,
    REPLICATE: {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
}


def describe_messages(document: Schema) -> None:
    """Put the bodies into an OpenAPI document."""
    for path, schema in BODIES.items():
        content = {"application/json": {"schema": schema}}
        document["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}


def about_known_step(body: Any, step_id: str, known: Mapping[str, str]) -> Any:
    """Return a message about the step of the path; one about another step is refused unread."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("report"), dict):
        return {**body, "report": about_known_step(body["report"], step_id, known)}
    job_id = known["step_job_id"] if step_id == known.get("step_id") else body.get("job_id")
    return {**body, "step_id": step_id, "job_id": job_id}
