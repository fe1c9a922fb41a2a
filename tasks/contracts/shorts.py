"""Highlights of a video, what may be cut out of it, and how its picture is framed. Times are seconds of the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from tasks.contracts.base import Message
from tasks.contracts.media import MediaInfo
from tasks.contracts.music import Curve
from tasks.contracts.transcript import Transcript

REMOVAL_KINDS = ("silence", "filler", "phrase", "stutter")
LAYOUTS = ("fill", "fit", "split")


@dataclass(frozen=True)
class Stretch(Message):
    """From ``start`` to ``end``."""

    start: float
    end: float


@dataclass(frozen=True)
class Removal(Message):
    """A stretch that can go, and why: one of :data:`REMOVAL_KINDS`; ``word_ids`` go with it."""

    id: str
    start: float
    end: float
    kind: str
    text: str = ""
    word_ids: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class EditList(Message):
    """What goes from a media of ``duration_s`` seconds: in order, apart, each switched on or off."""

    duration_s: float
    removals: tuple[Removal, ...] = ()


@dataclass(frozen=True)
class Evidence(Message):
    """Why a stretch was chosen: each 0..1, and in words.

    :param hook: how much its opening asks to go on, :param payoff: how much its end answers.
    :param energy: loudness, liveliness and pace against the rest, :param novelty: what it says that the rest does not.
    :param boundary: how clean its two ends are, :param cuts: how well scene cuts fit.
    """

    hook: float
    payoff: float
    energy: float
    novelty: float
    boundary: float
    cuts: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Highlight(Message):
    """A stretch worth showing alone; ``score`` is 0..1, ``title`` is its own opening words."""

    start: float
    end: float
    score: float
    evidence: Evidence
    title: str = ""
    text: str = ""
    scorer: str = "evidence"


@dataclass(frozen=True)
class MediaFeatures(Message):
    """What was seen and heard beside the words.

    :param loudness: 0..1 against the whole. :param scene_cuts: first moments of new scenes.
    """

    duration_s: float
    loudness: Curve
    scene_cuts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Face(Message):
    """A face in fractions of the picture: left, top, width and height; ``score`` is 0..1.

    :param mouth: how much its mouth moved just then beside the rest of it, in parts of full brightness.
    """

    x: float
    y: float
    width: float
    height: float
    score: float = 1.0
    mouth: float = 0.0


@dataclass(frozen=True)
class Turn(Message):
    """From ``start`` to ``end`` one voice speaks."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Sighting(Message):
    """What was seen at a moment: faces, and where and how much the picture moves (0..1 each)."""

    t: float
    faces: tuple[Face, ...] = ()
    motion_x: float = 0.5
    motion_y: float = 0.5
    motion: float = 0.0


@dataclass(frozen=True)
class CropKey(Message):
    """Where the crop's centre is at a moment, in fractions of the picture; between keys it moves evenly.

    :param jump: the crop is there at once, as at a cut.
    """

    t: float
    x: float
    y: float
    jump: bool = False


@dataclass(frozen=True)
class SceneFrame(Message):
    """How one scene is framed.

    :param keys: path of the crop, :param second: of the lower one in layout ``split``.
    :param width: of the crop in fractions of the picture, :param height: likewise.
    :param source: ``speaker faces motion middle manual``: what decided.
    :param certainty: 0..1, how sure it is that the crop shows who speaks; None where that did not decide.
    """

    start: float
    end: float
    layout: str
    width: float
    height: float
    keys: tuple[CropKey, ...]
    second: tuple[CropKey, ...] = ()
    source: str = "middle"
    certainty: float | None = None


@dataclass(frozen=True)
class Framing(Message):
    """How a stretch of video becomes a picture of ``aspect`` (``9:16 1:1 4:5``); scenes in order, without gaps."""

    aspect: str
    scenes: tuple[SceneFrame, ...]


@dataclass(frozen=True)
class Reframing(Message):
    """How a clip of ``kept`` stretches of a video is to be framed while it is drawn on.

    :param framing: in times of that video, :param width: of the picture at most.
    """

    framing: Framing
    kept: tuple[Stretch, ...]
    width: int = 1080


@dataclass(frozen=True)
class FrameOverride(Message):
    """A manual crop: from ``start`` to ``end`` the crop's centre stands at ``x``, ``y``, or the layout is another."""

    start: float
    end: float
    x: float | None = None
    y: float | None = None
    layout: str = ""


@dataclass(frozen=True)
class ShortWish(Message):
    """How a short is to be made.

    :param aspect: ``9:16 1:1 4:5 16:9``; empty keeps the picture as it is. :param layout: one of :data:`LAYOUTS`.
    :param width: of the picture at most, :param look: preset of the captions; empty leaves them out.
    :param pace: of removing silences, empty keeps them; :param fillers: and the next two: what else goes.
    :param off: where an entry of the edit list was switched off, :param overrides: manual crops, times of the source.
    """

    aspect: str = "9:16"
    layout: str = "fill"
    width: int = 1080
    look: str = "pop"
    pace: str = "natural"
    fillers: bool = True
    phrases: bool = False
    stutters: bool = True
    off: tuple[Stretch, ...] = ()
    overrides: tuple[FrameOverride, ...] = ()


@dataclass(frozen=True)
class AnalyzeOrder(Message):
    """Input of step ``shorts.analyze``.

    :param shortest_s: of a highlight, :param longest_s: likewise, :param keywords: what it should be about.
    """

    object_key: str
    transcript: Transcript
    duration_s: float
    size_bytes: int = 0
    count: int = 5
    shortest_s: float = 15.0
    longest_s: float = 90.0
    keywords: tuple[str, ...] = ()
    start_s: float = 0.0
    end_s: float | None = None


@dataclass(frozen=True)
class AnalyzeResult(Message):
    """What step ``shorts.analyze`` found; ``thumbnails`` are objects, a picture for each highlight."""

    highlights: tuple[Highlight, ...]
    features: MediaFeatures
    thumbnails: tuple[str, ...] = ()


@dataclass(frozen=True)
class CutOrder(Message):
    """Input of step ``shorts.cut``: one stretch of a source, without some of it, framed anew.

    :param cuts: stretches of the source that go. :param layout: one of :data:`LAYOUTS`, for all scenes.
    :param aspect: empty keeps the picture as it is. :param turns: who speaks when, where that is known.
    :param later: leave the picture as it is where it can be copied; who draws on it frames it.
    """

    SINCE: ClassVar[Mapping[str, int]] = {"later": 2}

    object_key: str
    start_s: float
    end_s: float
    size_bytes: int = 0
    cuts: tuple[Stretch, ...] = ()
    aspect: str = "9:16"
    layout: str = "fill"
    overrides: tuple[FrameOverride, ...] = ()
    scene_cuts: tuple[float, ...] = ()
    width: int = 1080
    turns: tuple[Turn, ...] = ()
    later: bool = False


@dataclass(frozen=True)
class CutResult(Message):
    """A clip as it was cut.

    :param media: the clip as it was probed, :param kept: stretches of the source that it shows, at exact frame times.
    :param poster_key: object of a still of it. :param copied_frames: how many are the source's own packets.
    :param encoded_because: why none is: ``framed`` anew, or what is wrong with the packets.
    """

    object_key: str
    media: MediaInfo
    frame_count: int
    kept: tuple[Stretch, ...]
    framing: Framing | None = None
    poster_key: str = ""
    copied_frames: int = 0
    encoded_because: str = ""

    @property
    def is_unframed(self) -> bool:
        """Tell whether its picture was copied and is yet to be framed."""
        return self.framing is not None and self.copied_frames > 0
