"""What each kind of target must be told. Pure but for looking at addresses; another kind is another entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.errors import InvalidInputError, PermanentError
from tasks.fetching.urls import read_url


@dataclass(frozen=True)
class Kind:
    """Names of what a target needs and may have besides, and which settings are addresses."""

    settings: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


KINDS = {
    "webhook": Kind(names("url"), secrets=names("signing_secret"), addresses=names("url")),
    "s3": Kind(
        names("bucket"),
        names("endpoint_url region prefix"),
        names("access_key_id secret_access_key"),
        names("endpoint_url"),
    ),
    "youtube": Kind(options=names("category_id made_for_kids"), secrets=names("refresh_token")),
    "tiktok": Kind(options=names("disable_comment disable_duet disable_stitch"), secrets=names("refresh_token")),
    "instagram": Kind(names("user_id"), secrets=names("access_token")),
}


def check_target(kind: str, settings: dict[str, Any], secrets: dict[str, Any], *, inside: bool) -> None:
    """Raise ``publish_target.invalid`` unless a target of a kind can be reached with these.

    :param inside: addresses of inner networks are taken, too.
    """
    known = KINDS[kind]
    missing = sorted((known.settings - set(settings)) | (known.secrets - set(secrets)))
    strange = sorted((set(settings) - known.settings - known.options) | (set(secrets) - known.secrets))
    if missing or strange:
        told = [f"{name} is missing" for name in missing] + [f"{name} is unknown there" for name in strange]
        raise InvalidInputError("publish_target.invalid", f"A target of kind {kind}: {', '.join(told)}")
    for name in known.addresses & set(settings):
        try:
            read_url(settings[name], inside=inside)
        except PermanentError as error:
            raise InvalidInputError("publish_target.invalid", f"{name}: {error.detail}") from error
