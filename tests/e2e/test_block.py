"""An order with mode ``block`` over footage that swallows its captions: nothing is drawn until the flaw is mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.client import ApiClient
from tests.e2e.stack import Stack, caption, quota, transcribed
from tests.render.test_checks import apply


def order_blocked(client: ApiClient, asset_id: str, scenario: dict[str, Any]) -> dict[str, Any]:
    body = {"source_asset_id": asset_id, "scenario": scenario, "mode": "block", "output": {"preset": "ultrafast"}}
    render: dict[str, Any] = client.call("POST", "/renders", json=body)
    return render


def test_a_block_stops_what_only_a_look_at_the_picture_finds_until_it_is_mended(
    stack: Stack, client: ApiClient, clips: Path
) -> None:
    asset_id, _ = transcribed(stack, client, clips / "silent.mp4")
    scenario = caption("Too low", width=320, height=568)
    scenario["tracks"][0]["cues"][0]["style"] = {"position": {"x": 0.5, "y": 1.0, "anchor": "bottom"}}
    credits = client.call("GET", "/credits")

    flawed = order_blocked(client, asset_id, scenario)
    job = stack.wait_ended(client, flawed["job_id"])

    assert (flawed["findings"], job["state"], job["error"]["code"]) == ([], "failed", "render.has_findings")
    steps = {step["name"]: (step["state"], step["attempt"]) for step in job["steps"]}
    assert steps == {"check": ("failed", 1), "render": ("cancelled", 0)}
    [found] = job["error"]["details"]["findings"]
    assert (found["code"], found["cue_id"]) == ("caption.outside_safe_area", scenario["tracks"][0]["cues"][0]["id"])
    assert (quota(client, "daily_renders"), quota(client, "concurrent_renders")) == (0, 0)
    assert client.call("GET", "/credits") == credits

    mended = order_blocked(client, asset_id, apply(scenario, found["fix"]))
    job = stack.wait_ended(client, mended["job_id"])
    assert job["state"] == "succeeded", job["error"]
    assert quota(client, "daily_renders") == 1
