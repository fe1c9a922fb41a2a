"""Outputs as ordered over HTTP: every container, music that is one's own, what cannot be."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import Caller, Farm, ingest
from tests.api.test_renders import counts, finish, order, scenario, source

__all__ = ["order", "scenario", "source"]  # fixtures


def music_of(asset_id: str) -> dict[str, Any]:
    return {"sound": {"loudness_lufs": -16.0, "music": {"asset_id": asset_id}}}


@pytest.mark.parametrize(
    ("container", "codec", "name", "content_type"),
    [
        ("webm", "vp9", "holiday-captioned.webm", "video/webm"),
        ("mov", "prores", "holiday-captioned.mov", "video/quicktime"),
        ("png", "png", "holiday-captioned.zip", "application/zip"),
    ],
)
def test_a_container_brings_its_codec_its_name_and_its_type(
    user: Caller, farm: Farm, order: dict[str, Any], container: str, codec: str, name: str, content_type: str
) -> None:
    render = user.post("/renders", {**order, "output": {"container": container}}, expect=202)
    assert render["output"]["codec"] == codec

    finish(farm, render["job_id"])

    asset_id = user.get(f"/renders/{render['id']}")["asset_id"]
    assert user.get(f"/assets/{asset_id}")["content_type"] == content_type
    assert user.get(f"/renders/{render['id']}/download")["filename"] == name


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"container": "webm", "codec": "h264"}, "render.unsupported_output"),
        ({"crf": 20, "quality": "high"}, "render.quality_conflict"),
        ({"fps": "1/0"}, "render.invalid_fps"),
        ({"layer": "captions"}, "render.alpha_unsupported"),
        ({"container": "gif", "sound": {"loudness_lufs": -14.0}}, "render.sound_unsupported"),
    ],
    ids=str,
)
def test_an_impossible_output_is_refused_and_nothing_is_kept(
    user: Caller, order: dict[str, Any], output: dict[str, Any], code: str
) -> None:
    answer = user.call("POST", "/renders", {**order, "output": output})

    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert counts(user) == (0, 0, 0, 0)


def test_music_is_an_asset_of_ones_own(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    music = ingest(user, farm, words=("la",), filename="song.mp4")

    render = user.post("/renders", {**order, "output": music_of(music)}, expect=202)

    given = farm.claim(render["job_id"], "render")["input"]
    assert given["music_key"] and given["music_key"] != given["source_key"]
    assert render["output"]["sound"]["music"] == {"asset_id": music, "gain_db": -12.0, "duck_db": 12.0, "loop": True}


def test_foreign_music_is_not_found(user: Caller, order: dict[str, Any]) -> None:
    answer = user.call("POST", "/renders", {**order, "output": music_of(str(uuid4()))})

    assert (answer.status_code, answer.get_json()["code"]) == (404, "asset.not_found")
    assert counts(user) == (0, 0, 0, 0)
    user.post("/renders", {**order, "output": music_of("song")}, expect=422)
