"""Speech video in, captioned video out, through HTTP alone."""

from __future__ import annotations

import secrets
from pathlib import Path

import httpx
import pytest

from cli.client import ApiClient, ApiProblemError
from cli.verify import check_captions, check_render
from tests.e2e.stack import (
    Stack,
    caption,
    descendants,
    listening_addresses,
    order,
    quota,
    results_of,
    transcribed,
    words_of,
)


def test_a_spoken_video_comes_back_captioned(stack: Stack, client: ApiClient, clips: Path, tmp_path: Path) -> None:
    source = clips / "spoken.mp4"

    asset_id, transcript = transcribed(stack, client, source)
    words = words_of(transcript)
    heard = " ".join(word["text"] for word in words).lower().replace(",", "").replace(".", "")
    assert heard == "it was the best of times it was the worst of times"
    assert all(word["start"] < word["end"] for word in words)

    scenario = client.call("GET", f"/transcripts/{transcript['id']}/scenario", params={"preset": "pop"})
    key = secrets.token_hex(8)
    render = order(client, asset_id, scenario, key=key, preset="veryfast", crf=20)
    assert render["state"] in ("queued", "running")
    events = list(client.events(render["job_id"]))

    percents = [event["data"]["progress"]["percent"] for event in events if event["data"].get("progress")]
    assert percents == sorted(percents)
    assert [event["data"]["state"] for event in events if "state" in event["data"]][-1] == "succeeded"
    done = client.call("GET", f"/renders/{render['id']}")
    assert done["state"] == "succeeded"
    assert done["receipt"]["audio"] == "copy"

    video = client.download(f"/renders/{render['id']}/download", tmp_path / "captioned.mp4")
    poster = client.download(f"/renders/{render['id']}/poster", tmp_path / "poster.png")
    measured = check_render(source, video)
    assert (measured.width, measured.height) == (320, 568)
    assert measured.frame_count == done["receipt"]["frame_count"]
    first = words[0]
    check_captions(source, video, quiet_s=first["start"] / 3, spoken_s=(first["start"] + first["end"]) / 2)
    assert poster.read_bytes().startswith(b"\x89PNG")

    replayed = order(client, asset_id, scenario, key=key, preset="veryfast", crf=20)
    assert replayed["id"] == render["id"]
    assert (quota(client, "daily_renders"), quota(client, "concurrent_renders")) == (1, 0)
    assert [asset["id"] for asset in results_of(client, asset_id)] == [done["asset_id"]]


def test_audio_without_speech_gives_an_empty_transcript(stack: Stack, client: ApiClient, clips: Path) -> None:
    _, transcript = transcribed(stack, client, clips / "quiet.mp4")

    assert transcript["document"]["segments"] == []


def test_a_video_without_sound_is_rendered_without_sound(
    stack: Stack, client: ApiClient, clips: Path, tmp_path: Path
) -> None:
    source = clips / "silent.mp4"
    asset_id, transcript = transcribed(stack, client, source)
    assert transcript["document"]["segments"] == []

    render = order(client, asset_id, caption("Not a sound", width=320, height=568), preset="ultrafast")
    job = stack.wait_ended(client, render["job_id"])

    assert job["state"] == "succeeded", job["error"]
    video = client.download(f"/renders/{render['id']}/download", tmp_path / "silent-captioned.mp4")
    assert check_render(source, video).audio_end_s is None
    check_captions(source, video, quiet_s=0.05, spoken_s=0.6)


def test_somebody_elses_things_are_not_found(stack: Stack, client: ApiClient, clips: Path) -> None:
    asset_id, transcript = transcribed(stack, client, clips / "quiet.mp4")
    with ApiClient(stack.system.layout.api_url) as stranger:
        stranger.register(f"stranger-{secrets.token_hex(6)}@example.com", "a long enough password")

        for method, path in (
            ("GET", f"/assets/{asset_id}"),
            ("GET", f"/assets/{asset_id}/download"),
            ("DELETE", f"/assets/{asset_id}"),
            ("GET", f"/transcripts/{transcript['id']}"),
            ("GET", f"/jobs/{transcript['job_id']}"),
            ("GET", f"/jobs/{transcript['job_id']}/events"),
        ):
            with pytest.raises(ApiProblemError) as refused:
                stranger.call(method, path)
            assert refused.value.status == 404, path
            assert refused.value.code.endswith(".not_found"), path


def test_documentation_health_and_flower_answer(stack: Stack) -> None:
    layout = stack.system.layout

    for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json"):
        assert httpx.get(layout.api_url + path, timeout=10).status_code == 200, path
    for page in ("docs", "redoc", "rapidoc", "scalar", "elements"):
        assert httpx.get(f"{layout.api_url}/api/{page}", timeout=10, follow_redirects=True).status_code == 200, page
    assert httpx.get(layout.flower_url, timeout=10).status_code == 401
    password = stack.system.vault["flower_password"]
    assert httpx.get(layout.flower_url, timeout=20, auth=("reelyard", password)).status_code == 200


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    system = stack.system
    roots = [*system.supervisor.children().values(), *system.services.children.values()]
    listening = {address for child in roots for address in listening_addresses([child.pid, *descendants(child.pid)])}

    ports = {port for _, port in listening}
    assert {system.layout.port, system.layout.flower_port, *system.services.ports.values()} & ports
    assert {host for host, _ in listening} == {"127.0.0.1"}
