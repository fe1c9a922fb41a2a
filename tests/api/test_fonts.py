"""Uploaded fonts: sent, made safe by the worker's own code, kept, counted against the quota, one's own alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fontTools.ttLib import TTFont

from api.assets.cleanup import find_orphans
from api.extensions import db, get_storage
from api.fonts import service
from api.fonts.models import Font
from render_node.uploaded_fonts import with_uploaded_fonts
from tasks.attempt import StepContext, describe_failure
from tasks.contracts import Claim
from tasks.errors import PermanentError
from tasks.fonts import check_scenario, faces_of, find_face
from tasks.ingest.fonts import sanitize_font
from tasks.scenario import parse
from tests.api.farm import Caller, Farm, find_step, send, sha256_of, storage_used
from tests.api.test_renders import scenario, source

__all__ = ["scenario", "source"]


@pytest.fixture
def brand(tmp_path: Path) -> bytes:
    """A real font under a name of its own."""
    face = find_face("Bebas Neue", weight=400, style="normal")
    assert face is not None
    path = tmp_path / "Brand.woff2"
    with TTFont(face.path) as font:
        for name in (1, 16):
            font["name"].setName("Brand Neue", name, 3, 1, 0x409)
        font.flavor = "woff2"
        font.save(path)
    return path.read_bytes()


def announce(user: Caller, data: bytes) -> dict[str, Any]:
    body = {"filename": "Brand.woff2", "size_bytes": len(data)}
    ticket: dict[str, Any] = user.post("/fonts/uploaded", body, expect=201)
    return ticket


def work(farm: Farm, job_id: str, scratch: Path) -> None:
    """Do what a worker does with the step: its real body, over the real storage."""
    told = farm.claim(job_id, "font")
    try:
        outcome: dict[str, Any] = {"result": sanitize_font(context_of(told, scratch))}
    except PermanentError as error:
        outcome = {"failure": describe_failure(error)}
    assert farm.report(told, **outcome).status_code == 200


def context_of(claimed: dict[str, Any], scratch: Path) -> StepContext:
    """Return what a body works with: the real storage, a folder of its own."""
    claim = Claim.from_json({name: value for name, value in claimed.items() if name != "task"})
    scratch.mkdir(exist_ok=True)
    settings = SimpleNamespace(sandbox="auto", source_cache_bytes=0)
    return StepContext(claim, scratch, get_storage(), settings)  # type: ignore[arg-type]


def bring(user: Caller, farm: Farm, data: bytes, scratch: Path) -> dict[str, Any]:
    """Bring a font all the way in; return what the API then says of it."""
    ticket = announce(user, data)
    assert [answer.status_code for answer in send(ticket, data)] == [200]
    completed = user.post(f"/fonts/uploaded/{ticket['id']}/complete", expect=202)
    assert completed["state"] == "checking"
    work(farm, completed["job_id"], scratch)
    told: dict[str, Any] = user.get(f"/fonts/uploaded/{ticket['id']}")
    return told


def test_a_font_is_checked_by_the_worker_and_known_by_its_own_name(
    user: Caller, farm: Farm, brand: bytes, tmp_path: Path
) -> None:
    told = bring(user, farm, brand, tmp_path / "scratch")

    assert (told["state"], told["family"], told["style"], told["error"]) == ("ready", "Brand Neue", "normal", None)
    assert (told["weight_min"], told["weight_max"]) == (400, 400)
    assert told["characters"] > 200
    assert [font["id"] for font in user.get("/fonts/uploaded")["items"]] == [told["id"]]
    font = db.session.get_one(Font, told["id"])
    assert font.object_key is not None
    stored = get_storage().get_bytes(font.object_key)
    assert (sha256_of(stored), len(stored), stored[:4]) == (font.sha256, told["size_bytes"], b"\0\1\0\0")
    assert get_storage().head(font.source_key) is None
    assert storage_used(user) == len(brand)


def test_what_is_no_font_is_refused_and_takes_no_storage(user: Caller, farm: Farm, tmp_path: Path) -> None:
    told = bring(user, farm, b"<svg onload=alert(1)>" * 20, tmp_path / "scratch")

    assert (told["state"], told["error"]["code"], told["family"]) == ("refused", "font.unreadable", "")
    assert storage_used(user) == 0
    assert get_storage().head(db.session.get_one(Font, told["id"]).source_key) is None
    user.post(f"/jobs/{told['job_id']}/retry", expect=404)


def test_deleting_a_font_frees_its_storage_and_removes_it(
    user: Caller, farm: Farm, brand: bytes, tmp_path: Path
) -> None:
    told = bring(user, farm, brand, tmp_path / "scratch")
    key = db.session.get_one(Font, told["id"]).object_key
    db.session.rollback()
    assert key is not None

    user.delete(f"/fonts/uploaded/{told['id']}", expect=204)

    assert storage_used(user) == 0
    assert get_storage().head(key) is None
    assert user.get("/fonts/uploaded")["items"] == []
    user.get(f"/fonts/uploaded/{told['id']}", expect=404)


def test_fonts_are_ones_own(user: Caller, other: Caller, brand: bytes) -> None:
    font_id = announce(user, brand)["id"]

    assert other.get("/fonts/uploaded")["items"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/complete")):
        answer = other.call(method, f"/fonts/uploaded/{font_id}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "font.not_found")
    assert user.get(f"/fonts/uploaded/{font_id}")["state"] == "pending"


def test_a_font_is_completed_once_and_only_when_it_was_sent(user: Caller, brand: bytes) -> None:
    ticket = announce(user, brand)
    path = f"/fonts/uploaded/{ticket['id']}/complete"

    assert user.post(path, expect=409)["code"] == "font.not_sent"
    send(ticket, brand)
    user.post(path, expect=202)
    assert user.post(path, expect=409)["code"] == "font.closed"


def test_too_large_and_too_many_fonts_are_refused(user: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    large = user.post("/fonts/uploaded", {"filename": "a.ttf", "size_bytes": 8 * 1024 * 1024 + 1}, expect=422)
    monkeypatch.setattr(service, "MAX_FONTS", 1)
    announce(user, b"0")
    many = user.post("/fonts/uploaded", {"filename": "a.ttf", "size_bytes": 1}, expect=409)

    assert (large["code"], many["code"]) == ("font.too_large", "font.too_many")
    assert storage_used(user) == 1


def test_the_sweep_leaves_a_font_that_is_kept(user: Caller, farm: Farm, brand: bytes, tmp_path: Path) -> None:
    told = bring(user, farm, brand, tmp_path / "scratch")
    key = db.session.get_one(Font, told["id"]).object_key
    objects = list(get_storage().list(str(key)))

    assert len(objects) == 1
    assert find_orphans(db.session(), objects) == []
    user.delete(f"/fonts/uploaded/{told['id']}", expect=204)
    assert find_orphans(db.session(), objects) == [key]


def test_a_worker_can_name_no_other_object(user: Caller, farm: Farm, brand: bytes) -> None:
    ticket = announce(user, brand)
    send(ticket, brand)
    job_id = user.post(f"/fonts/uploaded/{ticket['id']}/complete", expect=202)["job_id"]
    claim = farm.claim(job_id, "font")
    found = {"family": "X", "style": "normal", "weight_min": 400, "weight_max": 400, "glyphs": 1, "may_subset": True}
    stolen = {**found, "characters": [], "sha256": "0" * 64, "size_bytes": 1, "object_key": "uploads/other/source"}
    farm.report(claim, result=stolen)

    assert find_step(job_id, "font").state == "failed"
    assert user.get(f"/fonts/uploaded/{ticket['id']}")["state"] == "refused"


def in_brand(scenario: dict[str, Any], **style: Any) -> dict[str, Any]:
    """Return a scenario whose captions are drawn in the uploaded font."""
    track = {**scenario["tracks"][0], "style": {"fontFamily": "Brand Neue", "fontWeight": 400, **style}}
    return {**scenario, "tracks": [track]}


def test_a_scenario_names_ones_own_font_and_the_node_draws_with_that_very_file(
    user: Caller, farm: Farm, scenario: dict[str, Any], source: str, brand: bytes, tmp_path: Path
) -> None:
    told = bring(user, farm, brand, tmp_path / "scratch")
    font = db.session.get_one(Font, told["id"])
    order = {"source_asset_id": source, "scenario": in_brand(scenario)}
    render = user.post("/renders", order, expect=202)

    claim = farm.claim(render["job_id"], "render")
    (ordered,) = claim["input"]["fonts"]
    assert (ordered["family"], ordered["object_key"], ordered["sha256"]) == ("Brand Neue", font.object_key, font.sha256)
    drawn = with_uploaded_fonts(draw_with)(context_of(claim, tmp_path / "node"))
    assert drawn == {"Brand Neue": font.sha256}


def draw_with(context: StepContext) -> dict[str, Any]:
    """Return which faces the step's scenario is drawn with; stands where the renderer stands."""
    parsed = parse(context.input["scenario"])
    check_scenario(parsed)
    return {face.family: sha256_of(face.path.read_bytes()) for face in faces_of(parsed)}


def test_a_node_refuses_a_font_whose_bytes_are_others(
    user: Caller, farm: Farm, scenario: dict[str, Any], source: str, brand: bytes, tmp_path: Path
) -> None:
    bring(user, farm, brand, tmp_path / "scratch")
    render = user.post("/renders", {"source_asset_id": source, "scenario": in_brand(scenario)}, expect=202)
    claim = farm.claim(render["job_id"], "render")
    get_storage().put_bytes(claim["input"]["fonts"][0]["object_key"], b"other", content_type="font/ttf")

    with pytest.raises(PermanentError) as refused:
        with_uploaded_fonts(draw_with)(context_of(claim, tmp_path / "node"))
    assert refused.value.code == "font.source_changed"


def test_nobody_elses_font_can_be_named_nor_what_it_does_not_draw(
    user: Caller, other: Caller, farm: Farm, scenario: dict[str, Any], source: str, brand: bytes, tmp_path: Path
) -> None:
    bring(user, farm, brand, tmp_path / "scratch")
    bold = user.post(
        "/renders", {"source_asset_id": source, "scenario": in_brand(scenario, fontWeight=700)}, expect=422
    )
    theirs = other.post("/scenario/validate", {"scenario": in_brand(scenario)}, expect=200)
    mine = user.post("/scenario/validate", {"scenario": in_brand(scenario)}, expect=200)

    assert (bold["code"], bold["details"]["findings"][0]["suggestion"]) == (
        "scenario.font_unknown",
        "it has: normal 400-400",
    )
    assert "font_unknown" in str(theirs)
    assert "font_unknown" not in str(mine)
