"""Every stable error code: its HTTP status (0: it ends a job instead of answering a request) and when it happens."""

from __future__ import annotations

STATUS_CODES = {
    400: "request.malformed",
    404: "request.no_such_path",
    405: "request.method_not_allowed",
    406: "request.not_acceptable",
    413: "request.too_large",
    415: "request.wrong_content_type",
    422: "request.invalid",
    429: "rate.limited",
}

CODES: dict[str, tuple[int, str]] = {
    # Requests
    "request.malformed": (400, "The body is not JSON, or a header makes no sense"),
    "request.no_such_path": (404, "No such path"),
    "request.method_not_allowed": (405, "The path does not know this method; Allow lists those it knows"),
    "request.not_acceptable": (406, "None of the accepted types can be given"),
    "request.too_large": (413, "The body is larger than the limit"),
    "request.too_deep": (422, "The JSON is nested deeper than 64 levels"),
    "request.wrong_content_type": (415, "The body must be application/json"),
    "request.invalid": (422, "Fields are missing, unknown or wrong; findings carry JSON Pointers"),
    "request.refused": (0, "The framework refused the request; the status says why"),
    "request.bad_cursor": (422, "The page cursor is not one of ours"),
    "rate.limited": (429, "Too many requests; Retry-After says when to come back"),
    "internal.error": (500, "A fault of ours; the request id finds it in the logs"),
    "service.database_unavailable": (503, "The database does not answer"),
    "config.invalid": (0, "A process refuses to start: its environment is wrong"),
    # Accounts
    "auth.missing_token": (401, "No bearer token was sent"),
    "auth.bad_token": (401, "The token is broken, forged, or of the wrong kind"),
    "auth.expired_token": (401, "The token's time is over"),
    "auth.revoked_token": (401, "The token's session was ended"),
    "auth.bad_credentials": (401, "E-mail and password do not fit"),
    "auth.refresh_reused": (401, "A refresh token was used twice; its whole session is ended"),
    "auth.disabled": (403, "The account is disabled"),
    "auth.forbidden": (403, "The caller may not do this"),
    "user.email_taken": (409, "An account with this e-mail exists"),
    "user.email_invalid": (422, "This is not an e-mail address"),
    "user.password_weak": (422, "The password is shorter than 10 characters"),
    "user.not_found": (404, "There is no such user"),
    "plan.not_found": (404, "There is no such plan"),
    # Idempotency, quotas
    "idempotency.key_invalid": (422, "The Idempotency-Key is empty or longer than 255 characters"),
    "idempotency.key_reused": (409, "The key was used with another body"),
    "idempotency.in_progress": (409, "The first request with this key is still running"),
    "quota.daily_renders": (429, "The plan's renders of the day are used up"),
    "quota.monthly_renders": (429, "The plan's renders of the month are used up"),
    "quota.concurrent_renders": (429, "As many renders as the plan allows are queued or running"),
    "quota.storage_bytes": (413, "The plan's storage is full"),
}
