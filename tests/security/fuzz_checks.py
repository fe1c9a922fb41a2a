"""Loaded by schemathesis: what our API means by a good request, where the document cannot say all of it.

Sharpens ``positive_data_acceptance``, which knows statuses alone. Ours asks: was a request that fits the document
called malformed, by our own code for that?
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.transport.prepare import get_exclude_headers

from tests.security.fuzz_signing import about_known_step, describe_messages, signature_for

PARAMETER = re.compile(r"{(\w+)}")
EITHER = ("RenderCallbackResponse",)
"""Answers of one of two forms."""
MALFORMED = (
    *("request.malformed", "request.invalid", "request.wrong_content_type", "request.too_deep"),
    "contract.invalid",
)
SAID_IN_WORDS = (
    "May not hold the character NUL.",
    "Holds half of a surrogate pair.",
    "Not a number that JSON knows.",
    "Not a valid integer.",  # JSON Schema takes 3.0 for one
    "Must be even.",
    "Must ascend.",
    "Must not be above ",
    "Give ",  # one of two fields
    "A job of this type takes no such field",
    "A delivery needs a target.",
    "Without diarize nobody is told apart.",
    "Invalid input.",  # one of a few values that are not (0 credits)
    "next must be a path of this site",
    "challenge must be the base64url SHA-256",
    "A report has either a result or a failure",
    "expires_at is past",
)
"""Rules of values that the document tells in descriptions; every other refusal must follow from its schemas."""


def is_said(message: str) -> bool:
    """Tell whether a refusal follows from a rule that is told in words."""
    return message.startswith(SAID_IN_WORDS) or message.endswith("must be of type int")  # 3.0, as above


class CalledMalformed(Failure):
    """A request that fits the document was refused as malformed."""


@schemathesis.check
def a_request_that_fits_is_not_called_malformed(ctx: Any, response: Any, case: Any) -> None:
    """Fail when the document allows what the API does not."""
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive or response.status_code not in (400, 415, 422):
        return
    try:
        body = response.json()
    except ValueError:
        return
    findings = body.get("details", {}).get("findings") or [{"message": body.get("message", "")}]
    unexplained = [one for one in findings if not is_said(one["message"])]
    if body.get("code") in MALFORMED and unexplained:
        raise CalledMalformed(
            operation=case.operation.label, title="A fitting request is called malformed", message=str(unexplained)
        )


@schemathesis.check
def every_refusal_has_the_one_form(ctx: Any, response: Any, case: Any) -> None:
    """Fail when an error is not {code, message, details, request_id} with the id of its header."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    try:
        body = response.json()
    except ValueError:
        body = None
    good = isinstance(body, dict) and set(body) == {"code", "message", "details", "request_id"}
    if not good or [body["request_id"]] != response.headers.get("x-request-id"):
        raise CalledMalformed(operation=case.operation.label, title="An error of another form", message=str(body))


@schemathesis.hook
def before_load_schema(ctx: Any, raw_schema: dict[str, Any]) -> None:
    """Hold answers to every field of their schema and no other; clients are promised less, so that fields may come.

    And say what workers, Stripe and Replicate send.
    """
    for name, schema in raw_schema["components"]["schemas"].items():
        if name.endswith("Response") and schema.get("properties"):
            schema["required"] = [] if name in EITHER else sorted(schema["properties"])
            schema["additionalProperties"] = False
    describe_messages(raw_schema)


@schemathesis.hook
def before_add_examples(context: Any, examples: list[Any]) -> None:
    """Try the good request of an operation, too, where there is one."""
    good = read("GOOD").get(context.operation.label)
    if good:
        good["path_parameters"] = {**known_ids(context.operation), **good.get("path_parameters", {})}
        # Only generated requests are given the caller's token.
        headers = {"Authorization": f"Bearer {os.environ['FUZZ_TOKEN']}", **good.pop("headers", {})}
        media_type = {"media_type": "application/json"} if "body" in good else {}
        case = context.operation.Case(headers=headers, **good, **media_type)
        case._has_explicit_auth = True  # else the check of ignored sign-in takes the token for an invented one
        examples.append(case)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Put known ids into systematic cases, which no dictionary reaches; sign what others than users send."""
    meta = case.meta
    if meta is not None and meta.phase.name is TestPhase.COVERAGE and not meta.is_negative_at(ParameterLocation.PATH):
        case.path_parameters = {**(case.path_parameters or {}), **known_ids(case.operation)}
    signature = signature_for(case.path, read("SECRETS"))
    if signature is None or get_exclude_headers(case):  # what is tried is to leave the signature out
        return
    step_id = (case.path_parameters or {}).get("step_id")
    if meta is not None and meta.generation.mode.is_positive and step_id:
        case.body = about_known_step(case.body, step_id, read("IDS"))
    kwargs["auth"] = signature
    case._has_explicit_auth = True  # as above


def known_ids(operation: Any) -> dict[str, str]:
    """Return the ids of what is there, by the names in an operation's path."""
    known = {**read("IDS"), **read("SPARES").get(operation.label, {})}
    return {name: known[name] for name in PARAMETER.findall(operation.path) if name in known}


def read(name: str) -> dict[str, Any]:
    """Return what the fuzzer was told of the running API."""
    told: dict[str, Any] = json.loads(os.environ.get(f"FUZZ_{name}", "{}"))
    return told
