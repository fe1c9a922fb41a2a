"""Playing the farm for samples and extractions: what services and workers would tell."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api.extensions import get_storage
from tasks.contracts import AudioInfo, MediaInfo
from tasks.contracts.music import Key, Loudness, Tempo
from tasks.contracts.samples import (
    CreatorFound,
    CreatorInfo,
    LinkInfo,
    LinkMedia,
    Loop,
    SampleDrawn,
    SampleExtracted,
    SampleHeard,
    SampleLooped,
    SampleSaved,
    StoredFile,
)
from tasks.contracts.sounds import SoundReady
from tests.api.farm import Caller, Farm

BYTES = b"not really media"
LOUD = Loudness(-14.0, 3.0, -1.2)
LOOP = Loop(0.5, 2.5, 24_000, 120_000, 4, 1.0, 0.93)


def info_of(**said: Any) -> LinkInfo:
    """What a service tells; by default of media that nothing else is."""
    told = {
        "service": "tiktok",
        "media_ref": uuid4().hex,
        "url": "https://www.tiktok.com/@drummer/video/7",
        "title": "Big drum",
        "fetcher": "yt-dlp 2026.10.26",
        "creator": CreatorInfo("u1", "drummer", "The Drummer", "https://www.tiktok.com/@drummer"),
        "description": "Recorded in a barn",
        "views": 1000,
        "likes": 50,
        "comments": 4,
        "shares": 3,
    }
    return LinkInfo(**{**told, **said})


def media_of(sha256: str = "") -> MediaInfo:
    return MediaInfo("mp3", 12.0, len(BYTES), sha256 or uuid4().hex * 2, None, AudioInfo("mp3", 44_100, 2))


def put(claim: dict[str, Any], name: str) -> str:
    """Store an object as the worker of a claim."""
    key = f"{claim['output_prefix']}{name}"
    get_storage().put_bytes(key, BYTES, content_type="application/octet-stream")
    return key


def report(farm: Farm, claim: dict[str, Any], result: Any) -> None:
    answer = farm.report(claim, result=result.to_json())
    assert answer.status_code == 200, answer.get_json()


def resolve(farm: Farm, job_id: str, **said: Any) -> LinkInfo:
    """Tell what the link leads to."""
    info = info_of(**said)
    report(farm, farm.claim(job_id, "resolve"), info)
    return info


def fetch(farm: Farm, job_id: str, *, sha256: str = "") -> LinkMedia:
    """Bring the media."""
    claim = farm.claim(job_id, "download")
    media = LinkMedia(
        put(claim, "media"), "Big drum.mp3", "audio/mpeg", media_of(sha256), put(claim, "thumbnail.png"), 16
    )
    report(farm, claim, media)
    return media


def make(
    farm: Farm,
    job_id: str,
    *,
    bpm: float | None = 128.0,
    key: str = "A minor",
    sha256: str = "",
    fingerprint: bytes = b"",
    **said: Any,
) -> None:
    """Play every worker of a sample."""
    info = resolve(farm, job_id, **said)
    looking = farm.claim(job_id, "creator")
    report(farm, looking, CreatorFound(info.creator if looking["input"]["look"] else None))
    media = fetch(farm, job_id, sha256=sha256)
    claim = farm.claim(job_id, "extract")
    size = len(BYTES)
    sound = SampleExtracted(put(claim, "sample.wav"), size, put(claim, "sample.mp3"), size, 12.0, fingerprint.hex())
    report(farm, claim, sound)
    claim = farm.claim(job_id, "waveform")
    drawn = SampleDrawn(put(claim, "waveform.png"), size, put(claim, "peaks.json"), size)
    report(farm, claim, drawn)
    tempo = Tempo(bpm, 0.9, "onsets-viterbi", is_steady=True)
    report(farm, farm.claim(job_id, "analyze"), SampleHeard(12.0, "librosa", tempo, Key(key, 0.8, "chroma"), LOUD))
    claim = farm.claim(job_id, "loops")
    looped = SampleLooped((LOOP,), put(claim, "loop.wav"), size) if bpm else SampleLooped(reason="There is no beat")
    report(farm, claim, looped)
    files = {
        "wav": sound.wav_key,
        "mp3": sound.mp3_key,
        "loop": looped.loop_key,
        "waveform": drawn.waveform_key,
        "peaks": drawn.peaks_key,
        "thumbnail": media.thumbnail_key,
    }
    saved = SampleSaved({name: StoredFile(file, size) for name, file in files.items() if file})
    report(farm, farm.claim(job_id, "save"), saved)


def make_sample(user: Caller, farm: Farm, *, url: str = "", **made: Any) -> dict[str, Any]:
    """Make a sample that is ready."""
    body = {"url": url or f"https://media.example.com/{uuid4().hex}"}
    told = user.post("/samples", body, expect=202)
    make(farm, told["job_id"], **made)
    ready: dict[str, Any] = user.get(f"/samples/{told['id']}")
    assert ready["status"] == "ready", ready
    return ready


def level(farm: Farm, job_id: str) -> SoundReady:
    """Play the worker that levels the sound behind a link."""
    claim = farm.claim(job_id, "level")
    told = SoundReady(put(claim, "sound.mp3"), put(claim, "waveform.json"), 16, 12.0, LOUD, LOUD, 0.0, limited=False)
    report(farm, claim, told)
    return told


def make_extraction(user: Caller, farm: Farm) -> str:
    """Bring an extraction to an end, though not a good one; return its id."""
    told = user.post("/extractions", {"url": f"https://vimeo.com/{uuid4().int % 10**12}"}, expect=202)
    farm.fail(told["job_id"], "resolve", "link.dead")
    return str(told["id"])
