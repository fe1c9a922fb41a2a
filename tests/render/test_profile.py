"""What a render node tells of itself: encoders, browser and fonts as they really are, and every card that it has."""

from __future__ import annotations

import time
from typing import Any

import pytest
from celery import Celery

from render_node.profile import describe_beside
from tasks.config import read_worker_settings
from tasks.gpu import read_gpus
from tasks.node import NodeAgent, Profile
from tests.farm.nvml import SimulatedNvml
from tests.integration.control_server import SECRET, ControlServer, control_server


def test_a_nodes_report_holds_encoders_browser_fonts_class_and_cards(
    chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with control_server() as server:
        environ = {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "REELYARD_CALLBACK_SECRET": SECRET,
            "REELYARD_API_URL": server.url,
            "REELYARD_CHROMIUM": chromium,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        profile = Profile("render", describe_beside, gpus=lambda: read_gpus(SimulatedNvml(2)))
        agent = NodeAgent(Celery("test"), profile, lambda: read_worker_settings(environ))
        agent.start("render@test")
        try:
            about = wait_for_about(server)
        finally:
            agent.say_goodbye()
        beat = server.bodies("node")[-1]

    assert about["encoders"]["libx264"] == {"ok": True}
    assert about["encoders"]["h264_nvenc"].keys() >= {"ok"}
    assert about["browser"]["ok"]
    assert about["browser"]["path"] == chromium
    assert {"Inter", "Anton"} <= set(about["fonts"])
    assert len(about["class"]) == 16
    assert [card["uuid"] for card in beat["gpus"]] == ["GPU-0000", "GPU-0001"]


def wait_for_about(server: ControlServer) -> dict[str, Any]:
    """Wait until the node has told what it is made of."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for beat in server.bodies("node"):
            if beat["about"]:
                found: dict[str, Any] = beat["about"]
                return found
        time.sleep(0.1)
    raise TimeoutError("the node has not told")
