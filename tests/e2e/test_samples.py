"""A link in, a WAV out, through HTTP alone: format, loudness, tempo and key of what was downloaded are measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from bench.songs import Song, compose, play, write_wav
from cli.client import ApiClient
from tasks.media.loudness import measure_loudness
from tasks.music.analysis import analyze_song
from tasks.music.options import MusicOptions
from tests.e2e.stack import Stack
from tests.media.link_site import LinkSite

BPM, KEY = 126.0, "E minor"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song of 15 s whose tempo and key are known."""
    notes = compose(Song("s", ((0, BPM),), KEY, form=(("verse", 8),), seed=3))
    return write_wav(tmp_path_factory.mktemp("song") / "song.wav", play(notes))


@pytest.fixture(scope="module")
def site(song: Path) -> Iterator[LinkSite]:
    """A site with the song on it."""
    with LinkSite({"/song.wav": song.read_bytes()}) as running:
        yield running


def brought(stack: Stack, client: ApiClient, path: str, link: str) -> dict[str, Any]:
    """Order what a link leads to, and wait for it."""
    told = client.call("POST", path, json={"url": link})
    job = stack.wait_ended(client, told["job_id"], timeout_s=240.0)
    assert job["state"] == "succeeded", job["error"]
    done: dict[str, Any] = client.call("GET", f"{path}/{told['id']}")
    return done


def test_a_link_becomes_a_wav_that_is_what_it_says(
    stack: Stack, client: ApiClient, site: LinkSite, song: Path, tmp_path: Path
) -> None:
    sample = brought(stack, client, "/samples", f"{site.url}/song.wav")

    download = client.call("POST", f"/samples/{sample['id']}/download", json={"form": "wav"})
    wav = tmp_path / "down.wav"
    wav.write_bytes(httpx.get(download["url"], trust_env=False).content)
    with av.open(str(wav)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("pcm_s24le", 48_000, 2)
    assert wav.stat().st_size == download["size_bytes"]
    assert measure_loudness(wav).integrated_lufs == pytest.approx(measure_loudness(song).integrated_lufs, abs=0.3)
    heard = analyze_song(wav, options=MusicOptions()).analysis
    assert heard.tempo.bpm == pytest.approx(BPM, rel=0.003)
    assert heard.key.name == KEY
    assert (sample["bpm"], sample["key"]) == (pytest.approx(BPM, rel=0.003), KEY)
    assert download["filename"] == "song_126bpm_Em.wav"
    assert httpx.get(sample["waveform_url"], trust_env=False).content[:4] == b"\x89PNG"
    best = sample["loops"][0]
    assert (best["end_s"] - best["start_s"]) * BPM / 60 == pytest.approx(best["beats"], rel=0.005)


def test_a_link_becomes_a_sound_at_the_loudness_of_all(
    stack: Stack, client: ApiClient, site: LinkSite, tmp_path: Path
) -> None:
    extraction = brought(stack, client, "/extractions", f"{site.url}/song.wav?board")
    sound = client.call("GET", f"/sounds/{extraction['sound_id']}")
    assert sound["type"] == "EXT"
    mp3 = tmp_path / "down.mp3"
    mp3.write_bytes(httpx.get(client.call("GET", f"/sounds/{sound['id']}/file")["url"], trust_env=False).content)
    assert measure_loudness(mp3).integrated_lufs == pytest.approx(-14.0, abs=0.3)


def test_a_dead_link_says_so_and_costs_nothing(stack: Stack, client: ApiClient, site: LinkSite) -> None:
    before = client.call("GET", "/credits")["balance"]
    told = client.call("POST", "/samples", json={"url": f"{site.url}/gone.mp3"})
    job = stack.wait_ended(client, told["job_id"], timeout_s=120.0)
    assert (job["state"], job["error"]["code"]) == ("failed", "link.dead")
    assert client.call("GET", "/credits")["balance"] == before
