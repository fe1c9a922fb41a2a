"""Deaths and cuts in the middle of work: nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from cli.client import ApiClient
from cli.services.process import is_alive
from cli.verify import check_render
from tests.e2e.stack import Stack, caption, order, quota, results_of, transcribed

REDIS_DOWN_S = float(os.environ.get("E2E_REDIS_DOWN_S", "8"))


def wait_drawing(stack: Stack, client: ApiClient, job_id: str) -> dict[str, Any]:
    """Wait until a render is well on its way."""
    return stack.wait_for(
        lambda: (job := client.job(job_id))["state"] == "running" and job["progress"]["percent"] > 3 and job,
        f"progress of {job_id}",
    )


def test_a_worker_killed_in_the_middle_of_a_render_costs_nothing(
    stack: Stack, client: ApiClient, clips: Path, tmp_path: Path
) -> None:
    asset_id, _ = transcribed(stack, client, clips / "long.mp4")
    text = "It was the best of times it was the worst of times " * 4  # enough to keep the browser busy
    scenario = caption(text, width=720, height=1280, start=0.5, end=9.5)
    render = order(client, asset_id, scenario, preset="slow")
    wait_drawing(stack, client, render["job_id"])

    killed = stack.kill_worker("render")
    assert len(killed) >= 2  # the worker, its pool child, and the browser while it still draws
    stack.wait_for(lambda: not any(is_alive(pid) for pid in killed), "the end of everything killed", timeout_s=5)
    assert client.job(render["job_id"])["state"] == "running"
    job = stack.wait_ended(client, render["job_id"], timeout_s=120)

    assert job["state"] == "succeeded", job["error"]
    assert len(results_of(client, asset_id)) == 1
    assert (quota(client, "daily_renders"), quota(client, "concurrent_renders")) == (1, 0)
    video = client.download(f"/renders/{render['id']}/download", tmp_path / "after.mp4")
    check_render(clips / "long.mp4", video)


def test_a_cancelled_render_ends_at_once_and_gives_everything_back(
    stack: Stack, client: ApiClient, clips: Path
) -> None:
    asset_id, _ = transcribed(stack, client, clips / "long.mp4")
    stored = quota(client, "storage_bytes")
    stack.wait_worker("render")
    scenario = caption("Never to be seen", width=720, height=1280, start=0.5, end=9.0)
    render = order(client, asset_id, scenario, preset="veryslow")
    wait_drawing(stack, client, render["job_id"])

    asked_at = time.monotonic()
    client.call("POST", f"/renders/{render['id']}/cancel")
    job = stack.wait_ended(client, render["job_id"], timeout_s=5)
    stack.wait_for(lambda: not stack.browsers(), "the end of its browser", timeout_s=5 - (time.monotonic() - asked_at))

    assert job["state"] == "cancelled"
    assert results_of(client, asset_id) == []
    used = {kind: quota(client, kind) for kind in ("daily_renders", "concurrent_renders", "storage_bytes")}
    assert used == {"daily_renders": 0, "concurrent_renders": 0, "storage_bytes": stored}


def test_work_is_accepted_while_redis_is_down_and_done_when_it_is_back(
    stack: Stack, client: ApiClient, clips: Path
) -> None:
    asset_id, _ = transcribed(stack, client, clips / "silent.mp4")
    scenario = caption("Later", width=320, height=568)

    stack.wait_idle()  # a slot that ends something could ask for this without Redis
    stack.system.services.children["valkey"].stop()
    try:
        started = time.monotonic()
        render = order(client, asset_id, scenario, preset="ultrafast")
        took_s = time.monotonic() - started
        time.sleep(REDIS_DOWN_S)
        job = client.job(render["job_id"])
        assert job["state"] == "queued", json.dumps(job)  # its attempts say who had it
    finally:
        stack.system.services.start_one("valkey")
    job = stack.wait_ended(client, render["job_id"], timeout_s=60)

    assert took_s < 2
    assert job["state"] == "succeeded", job["error"]
    assert len(results_of(client, asset_id)) == 1
