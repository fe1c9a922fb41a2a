"""The studio's pages: one page for all addresses, the stage as renders load it, fonts and scenario of a preview."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fontTools.ttLib import TTFont

import api.studio.routes
from tests.api.farm import Caller, Farm, ingest

PAGE = '<!doctype html><meta property="csp-nonce" nonce="__CSP_NONCE__"><div id="app"></div>'


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as Vite leaves it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "main-1a2b3c.js").write_text("export {}")
    monkeypatch.setattr(api.studio.routes, "BUILT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", ["/studio/", "/studio/edit/7", "/studio/jobs"])
def test_every_address_gets_the_page(app: Any, built: Path, path: str) -> None:
    answer = app.test_client().get(path)

    assert answer.status_code == 200
    assert '<div id="app">' in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-cache"


def test_scripts_come_from_our_files_alone_and_media_from_the_storage(app: Any, built: Path) -> None:
    answer = app.test_client().get("/studio/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))

    assert policy["script-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert app.extensions["settings"].storage.s3_endpoint_url in policy["media-src"]


def test_each_answer_has_a_nonce_of_its_own(app: Any, built: Path) -> None:
    client = app.test_client()
    first, second = client.get("/studio/"), client.get("/studio/")

    assert first.get_data() != second.get_data()
    nonce = first.get_data(as_text=True).split('nonce="')[1].split('"')[0]
    assert f"'nonce-{nonce}'" in first.headers["Content-Security-Policy"]


def test_hashed_files_are_kept_for_ever(app: Any, built: Path) -> None:
    with app.test_client().get("/studio/assets/main-1a2b3c.js") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
        assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))


@pytest.mark.parametrize("path", ["/studio/assets/none.js", "/studio/assets/../index.html", "/studio/stage/x.js"])
def test_nothing_else_is_served(app: Any, built: Path, path: str) -> None:
    assert app.test_client().get(path).status_code == 404


def test_where_nothing_is_built_the_page_says_how(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.studio.routes, "BUILT", tmp_path / "none")
    answer = app.test_client().get("/studio/")

    assert answer.status_code == 404
    assert "make studio" in answer.get_data(as_text=True)


@pytest.mark.parametrize("file", api.studio.routes.STAGE_FILES)
def test_the_stage_is_the_file_that_renders_load(app: Any, file: str) -> None:
    from render_node.frames.stage_page import SERVED, STAGE

    assert file in {name for name, _ in SERVED.values()}
    with app.test_client().get(f"/studio/stage/{file}") as answer:
        assert answer.get_data() == (STAGE / file).read_bytes()
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_scenario_is_resolved_as_the_renderer_resolves_it(user: Caller, farm: Farm) -> None:
    from tasks.fonts import dress, faces_of
    from tasks.scenario import parse

    scenario = scenario_of(user, farm)
    told = user.post("/scenario/stage", {"scenario": scenario}, expect=200)
    parsed = parse(scenario)

    assert told["stage"] == json.loads(json.dumps(dress(parsed, faces_of(parsed)).to_stage()))
    assert [font["family"] for font in told["fonts"]] == ["Montserrat"]


def test_fonts_have_what_is_said_and_what_may_be_typed(user: Caller, farm: Farm) -> None:
    [font] = user.post("/scenario/stage", {"scenario": scenario_of(user, farm)}, expect=200)["fonts"]
    with TTFont(io.BytesIO(base64.b64decode(font["data"]))) as file:
        codes = set(file.getBestCmap())

    assert set(range(0x20, 0x7F)) <= codes
    assert len(codes) < 400


def test_fonts_that_the_page_holds_are_left_out(user: Caller, farm: Farm) -> None:
    scenario = scenario_of(user, farm)
    [font] = user.post("/scenario/stage", {"scenario": scenario}, expect=200)["fonts"]
    again = user.post("/scenario/stage", {"scenario": scenario, "have": [font["key"]]}, expect=200)

    assert again["fonts"] == []


def test_what_a_render_would_refuse_has_no_preview(user: Caller, farm: Farm) -> None:
    refused = user.post("/scenario/stage", {"scenario": {**scenario_of(user, farm), "trakcs": []}}, expect=422)

    assert [finding["pointer"] for finding in refused["details"]["findings"]] == ["/trakcs"]


def scenario_of(user: Caller, farm: Farm) -> dict[str, Any]:
    asset_id = ingest(user, farm, words=("It", "was"))
    [transcript] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    scenario: dict[str, Any] = user.get(f"/transcripts/{transcript['id']}/scenario")
    return scenario
