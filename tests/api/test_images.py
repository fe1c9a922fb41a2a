"""Pictures of one's own in scenarios: resolved by the API, named by their clean copies in orders."""

from __future__ import annotations

from typing import Any

import pytest

from api.extensions import db
from api.jobs.models import Step
from tasks.contracts import ImageInfo, MediaInfo
from tests.api.farm import CLIP, Caller, Farm, announce, ingest, send, sha256_of

CLEAN = "ab" * 32


@pytest.fixture
def source(user: Caller, farm: Farm) -> str:
    return ingest(user, farm, words=("It", "was"), filename="holiday.mp4")


def bring_picture(user: Caller, farm: Farm) -> tuple[str, str]:
    """Upload a picture; return its asset's id and its clean copy's key."""
    ticket = announce(user, CLIP, content_type="image/png", filename="logo.png")
    send(ticket, CLIP)
    job_id = user.post(f"/uploads/{ticket['id']}/complete", expect=202)["job_id"]
    claim = farm.claim(job_id, "image")
    key = f"{claim['output_prefix']}image.png"
    media = MediaInfo("png", 0.0, len(CLIP), sha256_of(CLIP), image=ImageInfo("png", 64, 32, True, CLEAN))
    farm.report(claim, result={"object_key": key, "media": media.to_json()})
    return ticket["asset_id"], key


def scenario_with(asset: str) -> dict[str, Any]:
    item = {"id": "i", "start": 0, "end": 2, "image": "logo"}
    return {
        "version": "1",
        "canvas": {"width": 1080, "height": 1920},
        "images": {"logo": {"source": asset}},
        "tracks": [{"id": "p", "type": "image", "items": [item]}],
    }


def test_an_order_carries_the_clean_copy_and_its_hash(user: Caller, farm: Farm, source: str) -> None:
    picture, key = bring_picture(user, farm)
    body = {"source_asset_id": source, "scenario": scenario_with(f"asset:{picture}")}
    render = user.post("/renders", body, expect=202)
    order = db.session.query(Step.input).filter_by(job_id=render["job_id"], name="render").scalar()
    (image,) = order["images"]
    assert (image["name"], image["object_key"], image["sha256"]) == ("logo", key, CLEAN)


@pytest.mark.parametrize("named", ["asset:not-an-id", "https://example.com/a.png", "/etc/passwd", "asset:{video}"])
def test_what_is_no_picture_of_the_caller_is_refused(user: Caller, source: str, named: str) -> None:
    scenario = scenario_with(named.format(video=source))
    refused = user.post("/renders", {"source_asset_id": source, "scenario": scenario}, expect=422)
    assert refused["code"] == "scenario.image_unknown"
    (finding,) = refused["details"]["findings"]
    assert finding["pointer"] == "/images/logo/source"


def test_pictures_of_others_are_not_found(user: Caller, other: Caller, farm: Farm, source: str) -> None:
    picture, _ = bring_picture(other, farm)
    body = {"source_asset_id": source, "scenario": scenario_with(f"asset:{picture}")}
    assert user.post("/renders", body, expect=422)["code"] == "scenario.image_unknown"
