"""Letting only genuine worker calls in, before anything reads their bodies as JSON."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import g, request

from api.errors import UnauthenticatedError
from api.extensions import get_settings
from api.requests import begin
from tasks.contracts import signing
from tasks.errors import InvalidInputError, PermanentError

MAX_REPORT_BYTES = 128 << 20
"""Largest report: the words of a day of speech are some 30 MB. Replaces the general limit on these paths alone."""


def check_signature(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Refuse an unsigned, old or forged call; runs before every other look at the request.

    Registered as URL preprocessor, since those run first: nothing may parse what nobody signed.
    """
    begin()
    request.max_content_length = MAX_REPORT_BYTES
    headers = {name: request.headers.get(name, "") for name in (signing.TIMESTAMP_HEADER, signing.SIGNATURE_HEADER)}
    if not all(headers.values()):
        raise UnauthenticatedError("callback.unsigned", "The call carries no signature")
    try:
        signing.verify(get_settings().callback_secret, request.method, request.path, headers, request.get_data())
    except PermanentError as error:
        raise UnauthenticatedError(error.code, error.detail) from error
    g.is_worker = True


def read_message(step_id: str | None = None) -> dict[str, Any]:
    """Return the body as an object of plain JSON; with ``step_id``, one that is about this step."""
    try:
        message = json.loads(request.get_data(), parse_constant=_refuse_constant)
    except ValueError as error:
        raise InvalidInputError("contract.invalid", f"The body is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise InvalidInputError("contract.invalid", "The body must be a JSON object")
    if step_id is not None and message.get("step_id") != step_id:
        raise InvalidInputError("contract.invalid", "The message is about another step than the path")
    g.job_id = message.get("job_id")
    clean: dict[str, Any] = without_nul(message) if b"\\u0000" in request.get_data() else message
    return clean


def without_nul(value: Any) -> Any:
    """Drop NUL characters, which PostgreSQL cannot keep, from all strings."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(item) for key, item in value.items()}
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
