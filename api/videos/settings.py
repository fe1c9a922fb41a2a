"""Who makes the clips of music videos and what that costs, as the environment says."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from tasks.contracts.making import OFFLINE, REPLICATE

CLIP_VARIABLES = {
    "provider": "REELYARD_CLIP_PROVIDER",
    "token": "REPLICATE_API_TOKEN",
    "webhook_secret": "REPLICATE_WEBHOOK_SECRET",
    "model": "REELYARD_CLIP_MODEL",
    "lengths_s": "REELYARD_CLIP_LENGTHS",
    "usd_per_s": "REELYARD_CLIP_USD_PER_S",
    "usd_per_work_s": "REELYARD_CLIP_USD_PER_WORK_S",
    "work_s": "REELYARD_CLIP_WORK_S",
    "still_model": "REELYARD_STILL_MODEL",
    "still_usd": "REELYARD_STILL_USD",
    "cap_usd": "REELYARD_CLIP_CAP_USD",
    "most_videos": "REELYARD_MAX_VIDEOS",
}
SECRET_PREFIX = "whsec_"  # noqa: S105 - how the provider's secrets begin


@dataclass(frozen=True)
class ClipSettings:
    """Provider, its models and prices, and limits; names as in ``tasks.environment``."""

    provider: str
    token: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    model: str
    lengths_s: tuple[float, ...]
    usd_per_s: float
    usd_per_work_s: float
    work_s: float
    still_model: str
    still_usd: float
    cap_usd: float
    most_videos: int

    @property
    def usual(self) -> str:
        """The provider that is taken where nobody chooses: the offline one where there is no token."""
        if self.provider == "auto":
            return REPLICATE if self.token and self.model else OFFLINE
        return self.provider

    @property
    def offered(self) -> tuple[str, ...]:
        """The providers that may be chosen."""
        return (OFFLINE, REPLICATE) if self.token and self.model else (OFFLINE,)

    @property
    def signing_key(self) -> bytes:
        """What webhooks are signed with; empty where none are taken."""
        return base64.b64decode(self.webhook_secret.removeprefix(SECRET_PREFIX), validate=True)


def check_clips(settings: ClipSettings) -> list[str]:
    """Name what keeps a provider from being asked."""
    problems = []
    if settings.provider == REPLICATE and not (settings.token and settings.model):
        problems.append("REELYARD_CLIP_PROVIDER=replicate needs REPLICATE_API_TOKEN and REELYARD_CLIP_MODEL")
    elif settings.provider == "auto" and bool(settings.token) != bool(settings.model):
        problems.append("REPLICATE_API_TOKEN and REELYARD_CLIP_MODEL are set together or not at all")
    try:
        is_short = bool(settings.webhook_secret) and len(settings.signing_key) < 16
    except (binascii.Error, ValueError):
        is_short = True
    if is_short:
        problems.append("REPLICATE_WEBHOOK_SECRET must be as Replicate gives it: whsec_ and base64")
    return problems
