"""Files that the API itself writes: named for whoever saves them, asked for again only when they changed."""

from __future__ import annotations

import hashlib

from flask import Response, request

from tasks.storage.disposition import content_disposition


def send_file(data: bytes, *, filename: str, content_type: str) -> Response:
    """Answer with a file: ``ETag``, ``If-None-Match`` and ranges work; no cache keeps it unasked.

    Raises the framework's 416 for a range that there is not.
    """
    answer = Response(data, content_type=content_type)
    answer.headers["Content-Disposition"] = content_disposition(filename)
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.set_etag(hashlib.sha256(data).hexdigest()[:32])
    answer.make_conditional(request, accept_ranges=True, complete_length=len(data))
    return answer
