"""The examples of both clients caption a video on a running system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.client import ApiClient
from cli.verify import check_render
from tests.clients.building import CLIENTS, built_typescript, node
from tests.e2e.stack import Stack


def run_python(*arguments: str) -> None:
    program = str(CLIENTS / "python/examples/caption.py")
    environ = {"PYTHONPATH": str(CLIENTS / "python"), "NO_PROXY": "127.0.0.1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, program, *arguments], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def run_typescript(*arguments: str) -> None:
    node(str(built_typescript() / "examples/caption.js"), *arguments)


@pytest.mark.parametrize("run", [run_python, run_typescript])
def test_the_example_captions_a_video(
    stack: Stack, client: ApiClient, clips: Path, tmp_path: Path, run: Callable[..., None]
) -> None:
    scopes = ["read", "upload", "render"]
    token = client.call("POST", "/tokens", json={"name": "example", "scopes": scopes})["token"]
    target = tmp_path / "captioned.mp4"

    run(stack.system.layout.api_url, token, str(clips / "spoken.mp4"), str(target))

    assert check_render(clips / "spoken.mp4", target).width == 320
