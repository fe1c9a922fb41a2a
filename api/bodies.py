"""What a request may carry, checked once at the edge: plain JSON of sane depth that a database can keep."""

from __future__ import annotations

import json
import math
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from tasks.errors import InvalidInputError

MAX_DEPTH = 64
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
SIGNED_PREFIXES = ("/api/internal/", "/api/upload-video/", "/api/render/")
"""Worker calls: their guard verifies and reads the raw bytes itself, only the depth is checked here."""

Place = tuple[Any, Any] | None
"""Where a value is: (place of its container, key), None for the document itself."""


def check_request() -> None:
    """Refuse what no view could use: text with NUL, other content than JSON, broken or bottomless JSON.

    Raises ``request.malformed``, ``request.wrong_content_type``, ``request.too_deep``, ``request.invalid``.
    """
    if request.routing_exception is not None:
        return
    check_text_arguments()
    if request.method not in WITH_BODY or not has_body():
        return
    signed = request.path.startswith(SIGNED_PREFIXES)
    if not request.is_json:
        if signed:
            return
        raise UnsupportedMediaType("Send the body as Content-Type: application/json")
    document = read_json(lenient=signed)
    check_values(document, only_depth=signed)


def has_body() -> bool:
    """Tell whether bytes follow the headers; a chunked body has no length."""
    return bool(request.content_length) or "chunked" in request.headers.get("Transfer-Encoding", "").lower()


def check_text_arguments() -> None:
    """Refuse NUL in the query and the path, which PostgreSQL cannot compare."""
    for name, value in (*request.args.items(multi=True), *(request.view_args or {}).items()):
        if "\x00" in name or (isinstance(value, str) and "\x00" in value):
            raise invalid("/" + name.replace("\x00", ""), "May not hold the character NUL.")


def read_json(*, lenient: bool) -> Any:
    """Parse the body; raise ``request.malformed`` unless ``lenient``, ``request.too_deep`` in any case."""
    data = request.get_data(cache=True)
    if request.content_length is None and len(data) >= (request.max_content_length or math.inf):
        raise RequestEntityTooLarge  # werkzeug ends a chunked body at the limit without a word
    try:
        return json.loads(data)
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, numbers of thousands of digits
        if lenient:
            return None
        raise BadRequest(f"The body is not JSON: {error}") from error


def check_values(document: Any, *, only_depth: bool) -> None:
    """Walk the document without recursion and refuse the first value that cannot be kept."""
    waiting: list[tuple[Any, int, Place]] = [(document, 1, None)]
    while waiting:
        value, level, place = waiting.pop()
        if isinstance(value, (dict, list)):
            if level > MAX_DEPTH:
                raise too_deep()
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(inner, level + 1, (place, key)) for key, inner in pairs]
            if not only_depth and isinstance(value, dict):
                for key in value:
                    check_scalar(key, (place, key))
        elif not only_depth:
            check_scalar(value, place)


def check_scalar(value: Any, place: Place) -> None:
    """Refuse numbers that are none and text that is no Unicode, or holds NUL."""
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(pointer_to(place), "Not a number that JSON knows.")
    if isinstance(value, str) and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid(pointer_to(place), "Holds half of a surrogate pair.")
    if isinstance(value, str) and "\x00" in value:
        raise invalid(pointer_to(place), "May not hold the character NUL.")


def pointer_to(place: Place) -> str:
    """Return the JSON Pointer of a place, safe to print."""
    steps: list[str] = []
    while place is not None:
        place, key = place
        steps.append("/" + str(key).replace("~", "~0").replace("/", "~1"))
    return "".join(reversed(steps)).encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def invalid(pointer: str, message: str) -> InvalidInputError:
    """Return ``request.invalid`` with one finding."""
    findings = [{"pointer": pointer, "message": message}]
    return InvalidInputError("request.invalid", "The request holds a value that cannot be used", {"findings": findings})


def too_deep() -> InvalidInputError:
    """Return ``request.too_deep``."""
    return InvalidInputError("request.too_deep", f"JSON may be nested {MAX_DEPTH} levels deep")
