"""``reelyard nodes`` and ``reelyard queues`` are the looks of ``reelyard farm`` under a name of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.main import main
from tests.farm.conftest import Farm
from tests.farm.test_command import beat, command

__all__ = ["command"]


@pytest.mark.parametrize("words", [("nodes",), ("nodes", "--state", "offline"), ("queues",)], ids=" ".join)
def test_a_look_alone_says_what_it_says_within_farm(
    farm: Farm, command: Any, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    beat(farm, "a@x", ("ingest",))
    name, *options = words
    long = command(*words)

    code = main([name, "--url", farm.environ["REELYARD_API_URL"], *options])

    assert (code, capsys.readouterr().out) == long
    assert (code, "a@x" in long[1]) == (0, words == ("nodes",))


def test_a_look_alone_answers_in_json_too(farm: Farm, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    beat(farm, "a@x", ("ingest",))

    assert main(["nodes", "--json", "--url", farm.environ["REELYARD_API_URL"]]) == 0
    assert [node["id"] for node in json.loads(capsys.readouterr().out)["items"]] == ["a@x"]


@pytest.mark.parametrize("name", ["nodes", "queues"])
def test_a_look_alone_wants_an_administrators_token(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REELYARD_TOKEN", raising=False)

    assert main([name]) == 1
    assert "REELYARD_TOKEN is not set" in capsys.readouterr().err
