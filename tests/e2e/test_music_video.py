"""A song in, a finished music video out, through HTTP alone: its cuts are seen in the pixels, on planned beats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from bench.songs import Song, compose, play, write_wav
from cli.client import ApiClient, ApiProblemError
from cli.verify import check_captions
from tests.e2e.stack import Stack
from tests.media.test_clips import find_cuts

FPS = 30
LINE = "1\n00:00:01,000 --> 00:00:02,400\nAll the lights are on\n"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of 11 s in MP3, whose packets can lie in an MP4 as they are."""
    folder = tmp_path_factory.mktemp("song")
    wav = write_wav(folder / "song.wav", play(compose(Song("s", ((0, 126.0),), "E minor", form=(("verse", 6),)))))
    out = folder / "song.mp3"
    with av.open(str(wav)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream("libmp3lame", rate=44100, layout="mono")
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out


def succeeded(stack: Stack, client: ApiClient, job_id: str) -> None:
    job = stack.wait_ended(client, job_id, timeout_s=240.0)
    assert job["state"] == "succeeded", job["error"]


def ends_of(path: Path) -> tuple[int, float, float]:
    """Frames of a film, and where picture and sound end, in seconds."""
    with av.open(str(path)) as container:
        frames = sum(1 for _ in container.decode(video=0))
        container.seek(0)
        packets = [packet for packet in container.demux(audio=0) if packet.pts is not None and packet.duration]
        end = max((packet.pts or 0) + (packet.duration or 0) for packet in packets) * packets[0].time_base
    return frames, frames / FPS, float(end)


def bring_song(stack: Stack, client: ApiClient, path: Path) -> str:
    """Upload a song, have it analysed, and write a line of words into its transcript; return its id."""
    upload = client.upload(path, content_type="audio/mpeg")
    succeeded(stack, client, upload["job"]["id"])
    asset_id = upload["asset"]["id"]
    song_id = client.call("POST", "/songs", json={"asset_id": asset_id})["id"]
    succeeded(stack, client, client.call("POST", f"/songs/{song_id}/analyze", json={})["job_id"])
    [transcript] = client.call("GET", "/transcripts", params={"asset_id": asset_id})["items"]
    client.call(
        "POST",
        f"/transcripts/{transcript['id']}/file",
        json={"format": "srt", "content": LINE},
        headers={"If-Match": '"1"'},
    )
    return str(song_id)


def test_a_song_becomes_a_finished_video_cut_on_its_beats(
    stack: Stack, client: ApiClient, song: Path, tmp_path: Path
) -> None:
    song_id = bring_song(stack, client, song)
    wish: dict[str, Any] = {"width": 160, "height": 90, "fps": str(FPS), "video_type": "dance"}
    video = client.call("POST", f"/songs/{song_id}/clips/generate", json=wish)
    succeeded(stack, client, video["job_id"])
    made = client.call("GET", f"/songs/{song_id}/generation/status")
    assert (made["percent"], made["spent_usd"]) == (80.0, 0.0)

    worded = join(stack, client, song_id, tmp_path / "worded.mp4", captions="pop")
    film_id = client.call("GET", "/renders")["items"][0]["source_asset_id"]
    plain = client.download(f"/assets/{film_id}/download", tmp_path / "plain.mp4")
    clips = client.call("GET", f"/videos/{video['id']}/clips")["items"]
    beats = client.call("GET", f"/songs/{song_id}/analysis")["analysis"]["beats"]
    check_film(plain, clips, beats)

    check_captions(plain, worded, quiet_s=0.5, spoken_s=1.6)
    assert abs(ends_of(worded)[1] - ends_of(worded)[2]) <= 1 / FPS

    again = client.call("POST", f"/videos/{video['id']}/regenerate/clip/{clips[1]['id']}", json={})
    succeeded(stack, client, again["job_id"])
    done = client.call("POST", f"/videos/{video['id']}/finalize")
    final = client.download(f"/videos/{video['id']}/download", tmp_path / "final.mp4")
    assert (done["state"], done["percent"], done["film"]["audio"]) == ("finalized", 100.0, "copy")
    assert len(find_cuts(final, len(clips) - 1)) == len(clips) - 1
    with pytest.raises(ApiProblemError) as refused:
        client.call("POST", f"/videos/{video['id']}/regenerate/clip/{clips[0]['id']}", json={})
    assert refused.value.code == "video.finalized"


def join(stack: Stack, client: ApiClient, song_id: str, out: Path, **wish: Any) -> Path:
    """Have the film joined, and fetch it."""
    composing = client.call("POST", f"/songs/{song_id}/compose", json=wish)["job_id"]
    succeeded(stack, client, composing)
    assert client.call("GET", f"/songs/{song_id}/compose/{composing}/status")["percent"] == 100.0
    return client.download(f"/songs/{song_id}/compose/{composing}/result", out)


def check_film(film: Path, clips: list[dict[str, Any]], beats: list[float]) -> None:
    """Hold the cuts in the pixels against plan and beats, and the ends of picture and sound against each other."""
    planned = [clip["start_frame"] for clip in clips[1:]]
    seen = find_cuts(film, len(planned))
    assert len(planned) >= 2
    assert all(abs(frame - wanted) <= 1 for frame, wanted in zip(seen, planned, strict=True))
    assert all(min(abs(frame / FPS - beat) for beat in beats) <= 1 / FPS for frame in planned)
    frames, picture_s, sound_s = ends_of(film)
    assert frames == sum(clip["frame_count"] for clip in clips)
    assert abs(picture_s - sound_s) <= 1 / FPS
