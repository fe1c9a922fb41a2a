"""Loaded by schemathesis: what our API means by a good request, where the document cannot say all of it.

Replaces ``positive_data_acceptance``, which takes any 4xx for a contradiction. Ours asks: was a request that fits the
document called malformed, by our own code for that?
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure

PARAMETER = re.compile(r"{(\w+)}")
MALFORMED = ("request.malformed", "request.invalid", "request.wrong_content_type", "request.too_deep")
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
)
"""Rules of values that the document tells in descriptions; every other refusal must follow from its schemas."""


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
    findings = body.get("details", {}).get("findings", [])
    unexplained = [one for one in findings if not one["message"].startswith(SAID_IN_WORDS)]
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
    """Hold answers to every field of their schema and no other; clients are promised less, so that fields may come."""
    for name, schema in raw_schema["components"]["schemas"].items():
        if name.endswith("Response") and schema.get("properties"):
            schema["required"] = sorted(schema["properties"])
            schema["additionalProperties"] = False


@schemathesis.hook
def before_add_examples(context: Any, examples: list[Any]) -> None:
    """Try the good request of an operation, too, where there is one."""
    good = json.loads(os.environ.get("FUZZ_GOOD", "{}")).get(context.operation.label)
    if good:
        known = json.loads(os.environ.get("FUZZ_IDS", "{}"))
        named = {name: known[name] for name in PARAMETER.findall(context.operation.path) if name in known}
        good["path_parameters"] = {**named, **good.get("path_parameters", {})}
        # Only generated requests are given the caller's token.
        headers = {"Authorization": f"Bearer {os.environ['FUZZ_TOKEN']}", **good.pop("headers", {})}
        media_type = {"media_type": "application/json"} if "body" in good else {}
        case = context.operation.Case(headers=headers, **good, **media_type)
        case._has_explicit_auth = True  # else the check of ignored sign-in takes the token for an invented one
        examples.append(case)
