"""What an unfinished job needs stays: music, pictures, fonts; afterwards it can go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.extensions import db
from api.fonts.models import Font
from tests.api.farm import Caller, Farm, ingest
from tests.api.test_fonts import brand, bring
from tests.api.test_images import bring_picture, scenario_with
from tests.api.test_renders import order, scenario, source

__all__ = ["brand", "order", "scenario", "source"]  # fixtures


def refused(user: Caller, path: str, code: str, job_id: str) -> bool:
    answer = user.delete(path, expect=409)
    return bool((answer["code"], answer["details"]) == (code, {"job_ids": [job_id]}))


@pytest.mark.parametrize("number", [0, 1], ids=["first output", "second output"])
def test_music_stays_while_a_render_needs_it(user: Caller, farm: Farm, order: dict[str, Any], number: int) -> None:
    song = ingest(user, farm, filename="song.mp4")
    outputs: list[dict[str, Any]] = [{"crf": 20}, {"crf": 21}]
    outputs[number]["sound"] = {"music": {"asset_id": song}}
    render = user.post("/renders", {**order, "outputs": outputs}, expect=202)

    assert refused(user, f"/assets/{song}", "asset.in_use", render["job_id"])

    user.post(f"/renders/{render['id']}/cancel", expect=202)
    user.delete(f"/assets/{song}", expect=204)


@pytest.mark.parametrize(("path", "more"), [("/renders", {}), ("/stills", {"t": 0.5, "wait_s": 0})])
def test_a_picture_and_the_footage_stay_while_a_job_needs_them(
    user: Caller, farm: Farm, source: str, path: str, more: dict[str, Any]
) -> None:
    picture, _ = bring_picture(user, farm)
    spare, _ = bring_picture(user, farm)
    body = {"source_asset_id": source, "scenario": scenario_with(f"asset:{picture}"), **more}
    made = user.post(path, body, expect=202)

    assert refused(user, f"/assets/{picture}", "asset.in_use", made["job_id"])
    assert refused(user, f"/assets/{source}", "asset.in_use", made["job_id"])
    user.delete(f"/assets/{spare}", expect=204)

    user.post(f"/jobs/{made['job_id']}/cancel", expect=202)
    user.delete(f"/assets/{picture}", expect=204)


def test_a_font_stays_while_a_render_needs_it(
    user: Caller, farm: Farm, brand: bytes, order: dict[str, Any], tmp_path: Path
) -> None:
    font = bring(user, farm, brand, tmp_path / "scratch")
    for style in order["scenario"]["styles"].values():
        style.update(fontFamily="Brand Neue", fontWeight=400)
    render = user.post("/renders", {**order, "mode": "off"}, expect=202)

    assert refused(user, f"/fonts/uploaded/{font['id']}", "font.in_use", render["job_id"])

    user.post(f"/renders/{render['id']}/cancel", expect=202)
    user.delete(f"/fonts/uploaded/{font['id']}", expect=204)
    assert db.session.query(Font).count() == 0
