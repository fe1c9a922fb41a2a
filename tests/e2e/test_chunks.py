"""A long video on a real system: its pieces survive the death of a worker, and a cancel ends them at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import av
import pytest

from cli.client import ApiClient
from cli.services.process import is_alive
from tests import media_samples
from tests.e2e.stack import Stack, caption, order, quota, results_of

LENGTH_S = 12.0
CANCEL_S = 2.0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for four pieces (tests/e2e/conftest.py sets their length)."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return media_samples.make_video(path, width=360, height=640, duration_s=LENGTH_S, audio="tone")


def brought(stack: Stack, client: ApiClient, film: Path) -> str:
    """Bring the film and return the asset's id."""
    upload = client.upload(film)
    assert stack.wait_ended(client, upload["job"]["id"])["state"] == "succeeded"
    stack.wait_worker("render")
    asset_id: str = upload["asset"]["id"]
    return asset_id


def ordered(client: ApiClient, asset_id: str, *, preset: str) -> dict[str, Any]:
    """Order captions over all of the film."""
    text = "it was the best of times it was the worst of times it was the age of wisdom it was the age of foolishness"
    scenario = caption(text, width=360, height=640, start=0.5, end=LENGTH_S - 0.5)
    return order(client, asset_id, scenario, preset=preset)


def pieces(client: ApiClient, job_id: str) -> list[dict[str, Any]]:
    return [step for step in client.job(job_id)["steps"] if step["name"] == "chunk"]


def in_the_middle(client: ApiClient, job_id: str) -> bool:
    """Tell whether one piece is done and another one is being drawn."""
    steps = pieces(client, job_id)
    told = [step["progress"] for step in steps if step["state"] == "running"]
    is_drawing = any(one["stage"] == "frames" and one["percent"] < 80 for one in told)  # time enough to be struck
    return is_drawing and any(step["state"] == "succeeded" for step in steps)


def test_a_worker_killed_in_the_middle_of_a_piece_costs_only_that_piece(
    stack: Stack, client: ApiClient, film: Path, tmp_path: Path
) -> None:
    asset_id = brought(stack, client, film)
    render = ordered(client, asset_id, preset="slower")
    stack.wait_for(lambda: in_the_middle(client, render["job_id"]), "a piece half done")

    killed = stack.kill_worker("render")
    stack.wait_for(lambda: not any(is_alive(pid) for pid in killed), "the end of everything killed", timeout_s=5)
    lost = {step["part"] for step in pieces(client, render["job_id"]) if step["state"] == "running"}
    job = stack.wait_ended(client, render["job_id"], timeout_s=120)

    assert job["state"] == "succeeded", job["error"]
    assert len(lost) == 1
    attempts = {step["part"]: step["attempt"] for step in pieces(client, render["job_id"])}
    assert attempts == {part: 2 if part in lost else 1 for part in range(4)}
    assert len(results_of(client, asset_id)) == 1
    video = client.download(f"/renders/{render['id']}/download", tmp_path / "out.mp4")
    with av.open(str(video)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([number / 30 for number in range(round(LENGTH_S * 30))], abs=1e-6)


def test_a_cancel_in_the_middle_of_a_piece_ends_it_within_two_seconds(
    stack: Stack, client: ApiClient, film: Path
) -> None:
    asset_id = brought(stack, client, film)
    before = client.call("GET", "/credits")
    render = ordered(client, asset_id, preset="veryslow")
    held = client.call("GET", "/credits")["held"]
    stack.wait_for(lambda: in_the_middle(client, render["job_id"]), "a piece half done")

    asked_at = time.monotonic()
    client.call("POST", f"/renders/{render['id']}/cancel")
    while stack.browsers() and time.monotonic() - asked_at < 10:
        time.sleep(0.02)
    took_s = time.monotonic() - asked_at

    assert took_s < CANCEL_S
    assert client.job(render["job_id"])["state"] == "cancelled"
    assert (quota(client, "daily_renders"), results_of(client, asset_id)) == (0, [])
    after = client.call("GET", "/credits")
    assert (after["held"], 0 <= before["balance"] - after["balance"] < held) == (0, True)  # no more than what was done
