"""What making clips would take at each provider, told and held against a cap before anything is ordered."""

from __future__ import annotations

from dataclasses import dataclass

from api.extensions import get_settings
from api.turns.sizes import default_size
from tasks.contracts.clips import ClipEstimate, ClipPlan, PlannedClip
from tasks.contracts.making import OFFLINE, REPLICATE, ProviderTerms
from tasks.errors import InvalidInputError
from tasks.workflows.clip_prompts import OFFLINE_RATES, ProviderRates, estimate_clips

WEBHOOK_PATH = "/api/v1/providers/replicate/webhook"
ASPECTS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0, "4:3": 4 / 3, "3:4": 3 / 4, "21:9": 21 / 9}
"""Shapes that video models are asked for; what comes is cut to the film's own."""
STILL_S = 10.0
"""Seconds that a still takes at a provider, for the estimate of time."""


@dataclass(frozen=True)
class Foreseen:
    """What an order would take: clips, and the stills that are looked at first."""

    clips: ClipEstimate
    stills_usd: float = 0.0
    stills_s: float = 0.0

    @property
    def cost_usd(self) -> float:
        """Dollars in all."""
        return round(self.clips.cost_usd + self.stills_usd, 4)

    @property
    def time_s(self) -> float:
        """Seconds until all is there."""
        return round(self.clips.time_s + self.stills_s, 1)


def choose_provider(wanted: str | None) -> str:
    """Return the provider that makes the clips; raise ``provider.not_offered``."""
    clips = get_settings().clips
    chosen = wanted or clips.usual
    if chosen not in clips.offered:
        raise InvalidInputError("provider.not_offered", f"{chosen} is not configured here; there is {clips.offered}")
    return chosen


def rates_of(provider: str) -> ProviderRates:
    """Return what a provider takes."""
    settings = get_settings()
    clips = settings.clips
    if provider == OFFLINE:
        return OFFLINE_RATES
    return ProviderRates(
        REPLICATE,
        usd_per_s=clips.usd_per_s + clips.usd_per_work_s * clips.work_s,
        work_s_per_s=clips.work_s,
        at_once=max(1, default_size(settings.limits, f"provider:{provider}")),
        lengths_s=clips.lengths_s,
    )


def foresee(plan: ClipPlan, provider: str, *, stills: bool, numbers: frozenset[int] | None = None) -> Foreseen:
    """Estimate an order, of all clips or some; raise ``provider.no_stills``."""
    clips = estimate_clips(plan, rates_of(provider), numbers)
    if not stills:
        return Foreseen(clips)
    if provider == OFFLINE:
        return Foreseen(clips, 0.0, 0.2 * clips.clip_count)
    settings = get_settings().clips
    if not settings.still_model:
        raise InvalidInputError("provider.no_stills", "The provider has no model for stills here")
    rounds = -(-clips.clip_count // rates_of(provider).at_once)
    return Foreseen(clips, round(settings.still_usd * clips.clip_count, 4), rounds * STILL_S)


def require_affordable(cost_usd: float, *, spent_usd: float, cap_usd: float) -> None:
    """Raise ``clips.over_budget`` where an order would pass the cap of its video, or that of all videos."""
    cap = min(cap_usd, get_settings().clips.cap_usd)
    if spent_usd + cost_usd > cap + 1e-9:
        raise InvalidInputError(
            "clips.over_budget",
            f"That would cost {cost_usd:.2f} dollars after {spent_usd:.2f}; {cap:.2f} are allowed",
            {"cost_usd": cost_usd, "spent_usd": spent_usd, "cap_usd": cap},
        )


def terms_of(provider: str, clip: PlannedClip, plan: ClipPlan, *, size: tuple[int, int], still: bool) -> ProviderTerms:
    """Return how a clip is ordered from a paid provider."""
    settings = get_settings()
    clips = settings.clips
    billed_s = rates_of(provider).billed(float(clip.frame_count / plan.fps))
    told = f"{settings.public_url}{WEBHOOK_PATH}"
    shape = size[0] / size[1]
    return ProviderTerms(
        model=clips.still_model if still else clips.model,
        length_s=billed_s,
        aspect_ratio=min(ASPECTS, key=lambda name: abs(ASPECTS[name] / shape - 1)),
        # The provider refuses addresses that it could not reach.
        webhook_url=told if clips.webhook_secret and told.startswith("https://") else "",
        usd_per_work_s=0.0 if still else clips.usd_per_work_s,
        usd_per_piece=clips.still_usd if still else round(clips.usd_per_s * billed_s, 6),
    )
