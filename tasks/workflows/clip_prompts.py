"""What a clip shall show, in words; and what it would cost, before anything is paid. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tasks.contracts.clips import ClipEstimate, ClipPlan, ClipSection
from tasks.contracts.music import UNKNOWN, SongAnalysis

PROMPT_LENGTH = 1000
_SCENES = {
    "intro": "a slow opening shot that sets the scene",
    "verse": "a medium shot that follows the story",
    "chorus": "a wide, sweeping shot at full intensity",
    "bridge": "a change of place and light",
    "break": "a close, quiet detail",
    "outro": "a slow shot that leaves the scene",
}
_PACES = ((0.35, "gentle movement"), (0.7, "steady movement"), (1.01, "fast, energetic movement"))


def build_prompt(section: ClipSection, song: SongAnalysis, *, overall: str = "") -> str:
    """Return the prompt of a section's clips: what the user says overall and of it, then its label, mood and pace."""
    pace = next(words for below, words in _PACES if min(section.energy, 1.0) < below)
    mood = f"{song.mood.primary} mood" if song.mood.primary != UNKNOWN else ""
    genre = f"{song.genre.name} music video" if song.genre.name != UNKNOWN else "music video"
    scene = _SCENES.get(section.label.strip().lower(), section.label.strip())
    parts = (overall.strip(), section.note.strip(), scene, mood, pace, genre)
    return ", ".join(part for part in parts if part)[:PROMPT_LENGTH]


@dataclass(frozen=True)
class ProviderRates:
    """What a provider takes for a clip.

    :param lengths_s: the lengths that it makes, rising; empty when it makes any.
    :param usd_per_s: dollars for a second of its clips.
    :param work_s_per_s: seconds that it works on a second of video. :param at_once: clips that it makes at a time.
    """

    name: str
    usd_per_s: float = 0.0
    work_s_per_s: float = 1.0
    at_once: int = 1
    lengths_s: tuple[float, ...] = ()

    def billed(self, wanted_s: float) -> float:
        """Return the length that is made for a clip: the shortest that is enough, else the longest."""
        enough = [length for length in self.lengths_s if length >= wanted_s - 1e-6]
        return min(enough) if enough else max((*self.lengths_s, 0.0)) or wanted_s


OFFLINE_RATES = ProviderRates("offline", work_s_per_s=0.8)


def estimate_clips(plan: ClipPlan, rates: ProviderRates, numbers: frozenset[int] | None = None) -> ClipEstimate:
    """Estimate what the clips of a plan take, or those of the given numbers alone."""
    clips = [clip for clip in plan.clips if numbers is None or clip.number in numbers]
    lengths = [rates.billed(float(clip.frame_count / plan.fps)) for clip in clips]
    billed_s = sum(lengths)
    rounds = ceil(len(lengths) / rates.at_once)
    longest = max(lengths, default=0.0)
    time_s = min(rounds * longest, billed_s) * rates.work_s_per_s
    return ClipEstimate(
        rates.name, len(clips), round(billed_s, 3), round(billed_s * rates.usd_per_s, 4), round(time_s, 1)
    )
