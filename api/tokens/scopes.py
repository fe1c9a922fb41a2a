"""Which scope each operation wants of an API token: one table, by blueprint, with exceptions by operation.

What is not in the table is refused to every token, so that a forgotten entry opens nothing.
"""

from __future__ import annotations

from enum import StrEnum

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Scope(StrEnum):
    """What a token may do for its owner."""

    READ = "read"
    UPLOAD = "upload"
    RENDER = "render"
    ORGANISATION = "organisation"
    WEBHOOKS = "webhooks"
    ADMIN = "admin"


MEANINGS = {
    Scope.READ: "Look at everything that the owner may see, and download it",
    Scope.UPLOAD: "Upload, edit and delete media and transcripts",
    Scope.RENDER: "Order, cancel and retry renders and other jobs",
    Scope.ORGANISATION: "Manage organisations: members, roles, invitations",
    Scope.WEBHOOKS: "Manage webhooks: where events are sent, with which secret, and sending them again",
    Scope.ADMIN: "Do what administrators do, while the owner is one",
}

SESSION = None
"""Only somebody who signed in may do this; tokens never."""

BY_BLUEPRINT: dict[str, tuple[Scope | None, Scope | None]] = {
    "uploads": (Scope.READ, Scope.UPLOAD),
    "assets": (Scope.READ, Scope.UPLOAD),
    "transcripts": (Scope.READ, Scope.UPLOAD),
    "fonts": (Scope.READ, Scope.UPLOAD),
    "scenarios": (Scope.READ, Scope.READ),
    "renders": (Scope.READ, Scope.RENDER),
    "stills": (Scope.READ, Scope.RENDER),
    "songs": (Scope.READ, Scope.RENDER),
    "samples": (Scope.READ, Scope.UPLOAD),
    "extractions": (Scope.READ, Scope.UPLOAD),
    "sounds": (Scope.READ, Scope.UPLOAD),
    "playlists": (Scope.READ, Scope.UPLOAD),
    "player": (Scope.READ, Scope.RENDER),
    "videos": (Scope.READ, Scope.RENDER),
    "projects": (Scope.READ, Scope.RENDER),
    "publishing": (Scope.READ, Scope.RENDER),
    "estimates": (Scope.READ, Scope.RENDER),
    "validations": (Scope.READ, Scope.RENDER),
    "jobs": (Scope.READ, Scope.RENDER),
    "events": (Scope.READ, Scope.RENDER),
    "live": (Scope.READ, Scope.READ),
    "webhooks": (Scope.READ, Scope.WEBHOOKS),
    "usage": (Scope.READ, SESSION),
    "credits": (Scope.READ, SESSION),
    "payments": (SESSION, SESSION),
    "organisations": (Scope.READ, Scope.ORGANISATION),
    "invitations": (SESSION, SESSION),
    "admin": (Scope.ADMIN, Scope.ADMIN),
    "audit": (Scope.ADMIN, Scope.ADMIN),
    "farm": (Scope.ADMIN, Scope.ADMIN),
    "limits": (Scope.ADMIN, Scope.ADMIN),
    "flower": (SESSION, SESSION),
    "auth": (SESSION, SESSION),
    "identities": (SESSION, SESSION),
    "users": (SESSION, SESSION),
    "tokens": (SESSION, SESSION),
}
"""Blueprint to the scopes that reading and changing want."""

BY_OPERATION: dict[tuple[str, str], Scope | None] = {
    ("GET", "auth.Me"): Scope.READ,
    ("GET", "credits.UserCredits"): Scope.ADMIN,
    ("POST", "credits.UserCredits"): Scope.ADMIN,
    ("GET", "extractions.ExtractionStatus"): Scope.ADMIN,
    ("GET", "sounds.SoundScans"): Scope.ADMIN,
    ("POST", "sounds.SoundScans"): Scope.ADMIN,
    ("POST", "transcripts.TranscriptCut"): Scope.READ,
    ("POST", "transcripts.TranscriptTimeline"): Scope.READ,
}
"""Operations that want another scope than the rest of their blueprint."""


def scope_of(method: str, endpoint: str) -> Scope | None:
    """Return the scope that an operation wants, None where tokens are refused."""
    if (method, endpoint) in BY_OPERATION:
        return BY_OPERATION[method, endpoint]
    reading, changing = BY_BLUEPRINT.get(endpoint.partition(".")[0], (SESSION, SESSION))
    return reading if method in SAFE_METHODS else changing
