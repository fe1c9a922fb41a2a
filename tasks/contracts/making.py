"""Making a music video on workers: what each step is ordered with and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.contracts.base import Message
from tasks.contracts.clips import ClipPlan, ComposedVideo, PlannedClip
from tasks.contracts.music import SongAnalysis

OFFLINE, REPLICATE = "offline", "replicate"
PROVIDERS = (OFFLINE, REPLICATE)
SOUNDS = ("auto", "copy")
TRANSITIONS = ("cut", "flash", "dissolve")
CONTAINERS = ("mp4", "mov")


@dataclass(frozen=True)
class ListenOrder(Message):
    """Input of step ``clips.listen``: a song is heard frame by frame, once for all its clips."""

    object_key: str
    song: SongAnalysis
    plan: ClipPlan
    size_bytes: int = 0


@dataclass(frozen=True)
class ListenResult(Message):
    """Where analysis, plan and what is heard in each frame lie, for those who draw."""

    score_key: str


@dataclass(frozen=True)
class ProviderTerms(Message):
    """How a clip is ordered from a provider.

    :param model: ``owner/name`` or ``owner/name:version``. :param length_s: a length that the model makes.
    :param webhook_url: told when a prediction is done; empty where nobody listens.
    :param usd_per_work_s: dollars for a second of work, :param usd_per_piece: dollars for the clip or still itself.
    """

    model: str
    length_s: float
    aspect_ratio: str
    webhook_url: str = ""
    usd_per_work_s: float = 0.0
    usd_per_piece: float = 0.0


@dataclass(frozen=True)
class MakeOrder(Message):
    """Input of step ``clips.make``: one clip, or with ``still`` one picture of it, to be looked at first.

    :param score_key: what the song sounds like; empty where a step ``listen`` of the same job tells it.
    :param known_ref: a prediction that was ordered before and is waited for instead of ordering another.
    """

    clip: PlannedClip
    provider: str
    video_type: str
    width: int
    height: int
    still: bool = False
    score_key: str = ""
    terms: ProviderTerms | None = None
    known_ref: str = ""


@dataclass(frozen=True)
class MadeClip(Message):
    """Result of step ``clips.make``.

    :param seconds: length of the clip, 0 of a still.
    :param prediction_ref: the provider's own id, empty where nobody was asked.
    """

    number: int
    object_key: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    seconds: float = 0.0
    prediction_ref: str = ""
    worked_s: float = 0.0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class SheetResult(Message):
    """Result of step ``clips.sheet``: one picture that shows all clips of a job side by side."""

    object_key: str
    clip_count: int


@dataclass(frozen=True)
class ClipKey(Message):
    """Where a clip lies that is there already."""

    number: int
    object_key: str


@dataclass(frozen=True)
class ComposeOrder(Message):
    """Input of step ``clips.compose``; clips that the same job makes come with its results.

    :param object_key: the song. :param container: ``mp4`` or ``mov``.
    :param audio: ``auto`` encodes what the container cannot hold, ``copy`` refuses it.
    :param film_key: the film before, of which clips that are the same are copied, :param film: and what it is.
    """

    object_key: str
    plan: ClipPlan
    clips: tuple[ClipKey, ...]
    width: int
    height: int
    transition: str
    container: str = "mp4"
    audio: str = "auto"
    size_bytes: int = 0
    film_key: str = ""
    film: ComposedVideo | None = None


@dataclass(frozen=True)
class ComposeResult(Message):
    """Result of step ``clips.compose``."""

    object_key: str
    sha256: str
    film: ComposedVideo
