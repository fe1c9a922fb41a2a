"""What is asked and told of media behind links, and of the samples that are made of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasks.contracts.base import Message
from tasks.contracts.media import MediaInfo
from tasks.contracts.music import UNKNOWN, Key, Loudness, Tempo

LINK_EXTRACTORS = (
    *("TikTok", "vm.tiktok", "tiktok:user", "youtube", "YoutubeYtBe", "youtube:tab", "youtube:playlist"),
    *("soundcloud", "soundcloud:set", "soundcloud:user", "vimeo", "vimeo:album", "vimeo:user", "dailymotion"),
    *("dailymotion:playlist", "dailymotion:user", "twitter", "twitter:shortener", "Instagram", "instagram:user"),
    *("Bandcamp", "Bandcamp:album", "mixcloud", "archive.org"),
)
"""What yt-dlp reads unless configured otherwise, by its own names; of lists only to tell that they are lists."""
TITLE_LENGTH, TEXT_LENGTH, NAME_LENGTH, URL_LENGTH = 300, 5000, 200, 2048


@dataclass(frozen=True)
class LinkOrder(Message):
    """Input of the steps that fetch.

    :param max_duration_s: longest media that is taken, :param max_bytes: largest. Media without a length is taken
        as far as its bytes go.
    """

    url: str
    max_duration_s: float = 600.0
    max_bytes: int = 1 << 30


@dataclass(frozen=True)
class CreatorInfo(Message):
    """Who made it, as the service tells. ``ref`` is the service's own name that never changes, empty when untold."""

    ref: str = ""
    handle: str = ""
    name: str = ""
    url: str = ""
    description: str = ""
    followers: int | None = None


@dataclass(frozen=True)
class LinkInfo(Message):
    """What a service tells of what a link leads to; None and empty where it tells nothing.

    :param media_ref: the service's id of it. :param published_at: ISO 8601. :param fetcher: who asked, with version.
    """

    service: str
    media_ref: str
    url: str
    title: str
    fetcher: str
    creator: CreatorInfo = field(default_factory=CreatorInfo)
    description: str = ""
    duration_s: float | None = None
    published_at: str = ""
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    thumbnail_url: str = ""


@dataclass(frozen=True)
class CreatorFound(Message):
    """Result of step ``creator``; None when nobody had to look, since what is known is young enough."""

    creator: CreatorInfo | None = None


@dataclass(frozen=True)
class LinkMedia(Message):
    """Result of step ``download``: the file as it came, what a probe told of it, and a still that is safe to show."""

    object_key: str
    filename: str
    content_type: str
    media: MediaInfo
    thumbnail_key: str = ""
    thumbnail_bytes: int = 0


@dataclass(frozen=True)
class SampleExtracted(Message):
    """Result of step ``extract``. :param fingerprint: hexadecimal, of :mod:`tasks.samples.fingerprint`."""

    wav_key: str
    wav_bytes: int
    mp3_key: str
    mp3_bytes: int
    duration_s: float
    fingerprint: str


@dataclass(frozen=True)
class SampleDrawn(Message):
    """Result of step ``waveform``: a picture, and peaks in audiowaveform's JSON, version 2."""

    waveform_key: str
    waveform_bytes: int
    peaks_key: str
    peaks_bytes: int


@dataclass(frozen=True)
class SampleHeard(Message):
    """Result of step ``analyze``. Times in seconds."""

    duration_s: float
    engine: str
    tempo: Tempo
    key: Key
    loudness: Loudness
    beats: tuple[float, ...] = ()
    downbeats: tuple[float, ...] = ()


@dataclass(frozen=True)
class Loop(Message):
    """A stretch that can be repeated: from beat to beat, cut where the sound crosses zero.

    :param start_sample: at 48 kHz, :param end_sample: one past the last. :param score: 0..1, how well the end leads
        into the start.
    """

    start_s: float
    end_s: float
    start_sample: int
    end_sample: int
    beats: int
    bars: float
    score: float


@dataclass(frozen=True)
class SampleLooped(Message):
    """Result of step ``loops``: stretches, the best first, and that one as a file; no key where there is no beat."""

    loops: tuple[Loop, ...] = ()
    loop_key: str = ""
    loop_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class StoredFile(Message):
    """One object, as it was seen in the storage."""

    key: str
    size_bytes: int


@dataclass(frozen=True)
class SampleSaved(Message):
    """Result of step ``save``: every file of the sample by name (``wav mp3 loop waveform peaks thumbnail``)."""

    files: dict[str, StoredFile]


def tagged_name(title: str, *, bpm: float | None, key: str | None, suffix: str, mark: str = "") -> str:
    """Name a file as samplers sort them: ``Title_128bpm_Am.wav``; what is not known is left out.

    :param mark: what tells files of one sample apart, like ``loop``.
    """
    parts = [re.sub(r"[_\s]+", " ", title).strip()[:120].strip() or "sample"]
    parts += [mark] if mark else []
    parts += [f"{bpm:.0f}bpm"] if bpm else []
    parts += [short_key(key)] if key and key != UNKNOWN else []
    return "_".join(parts) + suffix


def short_key(key: str) -> str:
    """Write ``A minor`` as ``Am`` and ``C major`` as ``C``."""
    note, _, mode = key.partition(" ")
    return note + ("m" if mode == "minor" else "")
