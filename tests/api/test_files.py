"""Files and thumbnails: named, in ranges, with ETags, asked for again only when they changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.extensions import get_storage
from tests.api.farm import CLIP, HTTP, Caller, Farm, announce, media_of, send, transcript_of
from tests.api.test_sounds import MP3, bring_sound, make_sound

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def bring_video(user: Caller, farm: Farm, filename: str) -> str:
    """Bring a clip with a poster in; return its asset's id."""
    ticket = announce(user, CLIP, filename=filename)
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    farm.succeed(job_id, "probe", media_of())
    farm.succeed(job_id, "transcribe", transcript_of("Hello"))
    claim = farm.claim(job_id, "poster")
    key = f"{claim['output_prefix']}poster.png"
    get_storage().put_bytes(key, PNG, content_type="image/png")
    assert farm.report(claim, result={"object_key": key}).status_code == 200
    return str(ticket["asset_id"])


@pytest.fixture
def video(user: Caller, farm: Farm) -> str:
    """A clip with a still picture."""
    return bring_video(user, farm, "Ünser Urlaub.mp4")


@pytest.fixture(params=["asset", "sound", "waveform"])
def stored(request: Any, user: Caller, farm: Farm) -> Iterator[tuple[str, bytes, str, str]]:
    """A URL of a file in the storage, its bytes, its type and how it is to be named."""
    if request.param == "asset":
        asset = bring_video(user, farm, "Ünser Urlaub.mp4")
        told = user.get(f"/assets/{asset}/download")
        named = "attachment; filename=\"Unser Urlaub.mp4\"; filename*=UTF-8''%C3%9Cnser%20Urlaub.mp4"
        yield told["url"], CLIP, "video/mp4", named
        return
    sound = make_sound(user, farm, title='Horn "1"')
    if request.param == "sound":
        url = user.get(f"/sounds/{sound['id']}/file")["url"]
        yield url, MP3, "audio/mpeg", 'inline; filename="Horn _1_.mp3"'
    else:
        yield sound["waveform_url"], MP3, "application/json", 'inline; filename="waveform.json"'


def test_files_are_named_and_sent_in_ranges_and_only_when_changed(stored: tuple[str, bytes, str, str]) -> None:
    url, data, kind, named = stored
    whole = HTTP.get(url)
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, data, kind)
    assert (whole.headers["Content-Disposition"], whole.headers["Accept-Ranges"]) == (named, "bytes")
    part = HTTP.get(url, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, data[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(data)}"
    tail = HTTP.get(url, headers={"Range": "bytes=-3", "If-Range": whole.headers["ETag"]})
    assert (tail.status_code, tail.content) == (206, data[-3:])
    beyond = HTTP.get(url, headers={"Range": f"bytes={len(data) + 5}-"})
    assert beyond.status_code == 416
    same = HTTP.get(url, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    later = {"If-Modified-Since": (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")}
    assert HTTP.get(url, headers=later).status_code == 304


def test_thumbnails_are_remembered_for_an_hour(user: Caller, video: str) -> None:
    answer = user.call("GET", f"/assets/{video}/poster?redirect=1")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "private, max-age=3600")
    shown = HTTP.get(answer.headers["Location"])
    assert (shown.content, shown.headers["Cache-Control"]) == (PNG, "private, max-age=3600")
    assert shown.headers["Content-Disposition"].startswith('inline; filename="Unser Urlaub.png"')
    assert HTTP.get(answer.headers["Location"], headers={"If-None-Match": shown.headers["ETag"]}).status_code == 304
    told = user.get(f"/assets/{video}/poster")
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=50) < left <= timedelta(hours=2)


def test_the_way_to_other_files_is_kept_by_no_cache(user: Caller, farm: Farm, video: str) -> None:
    sound = make_sound(user, farm)
    for path in (f"/assets/{video}/download", f"/sounds/{sound['id']}/file"):
        answer = user.call("GET", f"{path}?redirect=1")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")


def test_files_that_are_written_on_the_spot_have_etags_and_ranges(user: Caller, farm: Farm) -> None:
    asset = bring_sound(user, farm)
    transcript = user.get(f"/transcripts?asset_id={asset}")["items"][0]["id"]
    path = f"/transcripts/{transcript}/export?format=srt"
    whole = user.call("GET", path)
    assert whole.headers["Content-Disposition"] == 'attachment; filename="transcript.srt"'
    assert (whole.headers["Cache-Control"], whole.headers["Accept-Ranges"]) == ("private, no-cache", "bytes")
    same = user.call("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    part = user.call("GET", path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, whole.data[:4])
    other = user.call("GET", f"/transcripts/{transcript}/export?format=vtt")
    assert other.headers["ETag"] != whole.headers["ETag"]
