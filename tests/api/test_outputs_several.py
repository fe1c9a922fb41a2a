"""Several outputs of one order over HTTP: listed, stored, priced and found again together."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.extensions import get_storage
from tests.api.farm import CLIP, HTTP, Caller, Farm, receipt_of, sha256_of, storage_used
from tests.api.test_renders import counts, order, scenario, source

__all__ = ["order", "scenario", "source"]  # fixtures

TALL, SQUARE = {"aspect": "9:16"}, {"aspect": "1:1", "width": 1080}
MOVING, STILLS = {"container": "gif", "fps": "10", "width": 540}, {"container": "png", "fps": "1/5"}
ALONE = {"container": "webm", "layer": "captions"}
ASKED = [TALL, SQUARE, MOVING, STILLS, ALONE]
SIZES = [(1080, 1920), (1080, 1080), (540, 960), (1080, 1920), (1080, 1920)]
NAMES = [
    "holiday-captioned-1-1080x1920.mp4",
    "holiday-captioned-2-1080x1080.mp4",
    "holiday-captioned-3-540x960.gif",
    "holiday-captioned-4-1080x1920.zip",
    "holiday-captioned-5-1080x1920.webm",
]


@pytest.fixture
def several(order: dict[str, Any]) -> dict[str, Any]:
    return {**order, "outputs": ASKED}


def content(number: int) -> bytes:
    """What is written into an output: of another length for each."""
    return b"x" * (10 + number)


def finish(farm: Farm, job_id: str, *, count: int = 5) -> Any:
    """Report outputs that really lie in the storage and return the API's answer."""
    claim = farm.claim(job_id, "render")
    results = []
    for number in range(count):
        key, poster = f"{claim['output_prefix']}video-{number}", f"{claim['output_prefix']}poster-{number}.png"
        get_storage().put_bytes(key, content(number), content_type="video/mp4")
        get_storage().put_bytes(poster, b"png %d" % number, content_type="image/png")
        width, height = SIZES[number]
        receipt = {**receipt_of(), "width": width, "height": height}
        told = {"size_bytes": len(content(number)), "sha256": sha256_of(content(number)), "receipt": receipt}
        results.append({"object_key": key, "poster_key": poster, **told})
    return farm.report(claim, result={"outputs": results})


def test_each_output_is_an_asset_of_its_own_with_receipt_and_links(
    user: Caller, farm: Farm, several: dict[str, Any]
) -> None:
    render = user.post("/renders", several, expect=202)
    assert [one["number"] for one in render["outputs"]] == [0, 1, 2, 3, 4]
    assert [one["output"]["container"] for one in render["outputs"]] == ["mp4", "mp4", "gif", "png", "webm"]
    assert {(one["state"], one["asset_id"]) for one in render["outputs"]} == {("queued", None)}

    assert finish(farm, render["job_id"]).status_code == 200

    done = user.get(f"/renders/{render['id']}")
    assert [(one["receipt"]["width"], one["receipt"]["height"]) for one in done["outputs"]] == SIZES
    assert {one["state"] for one in done["outputs"]} == {"succeeded"}
    assert (done["asset_id"], done["receipt"]) == (done["outputs"][0]["asset_id"], done["outputs"][0]["receipt"])
    downloads = [user.get(one["links"]["download"].removeprefix("/api/v1")) for one in done["outputs"]]
    assert [download["filename"] for download in downloads] == NAMES
    assert [HTTP.get(download["url"]).content for download in downloads] == [content(number) for number in range(5)]
    poster = user.get(f"/renders/{render['id']}/outputs/3/poster")
    assert HTTP.get(poster["url"]).content == b"png 3"
    assert user.get(f"/renders/{render['id']}/download")["filename"] == NAMES[0]
    assert storage_used(user) == len(CLIP) + sum(len(content(number)) for number in range(5))
    assert counts(user) == (1, 1, 1, 0)


def test_a_worker_is_ordered_all_of_them_in_one_step(user: Caller, farm: Farm, several: dict[str, Any]) -> None:
    render = user.post("/renders", several, expect=202)

    [step] = user.get(f"/jobs/{render['job_id']}")["steps"]
    given = farm.claim(render["job_id"], "render")["input"]
    assert step["name"] == "render"
    assert (given["version"], [one["container"] for one in given["outputs"]]) == (
        2,
        ["mp4", "mp4", "gif", "png", "webm"],
    )


def test_one_output_is_ordered_as_it_always_was(user: Caller, farm: Farm, order: dict[str, Any]) -> None:
    render = user.post("/renders", {**order, "outputs": [SQUARE]}, expect=202)

    given = farm.claim(render["job_id"], "render")["input"]
    assert (given["version"], given["output"]["aspect"], "outputs" in given) == (1, "1:1", False)
    assert (render["output"]["aspect"], len(render["outputs"])) == ("1:1", 1)


@pytest.mark.parametrize(
    ("change", "code", "number"),
    [
        ({"outputs": ASKED, "output": TALL}, "request.invalid", None),
        ({"outputs": []}, "request.invalid", None),
        ({"outputs": [{"crf": crf} for crf in range(9)]}, "request.invalid", None),
        ({"outputs": [TALL, {"container": "webm", "codec": "h264"}]}, "render.unsupported_output", 1),
        ({"outputs": [TALL, SQUARE, {**TALL, "codec": "h264"}]}, "render.same_output", 2),
    ],
    ids=["both", "none", "nine", "impossible", "twice"],
)
def test_outputs_that_cannot_be_ordered_are_named_and_nothing_is_kept(
    user: Caller, order: dict[str, Any], change: dict[str, Any], code: str, number: int | None
) -> None:
    answer = user.post("/renders", {**order, **change}, expect=422)

    assert (answer["code"], answer["details"].get("output")) == (code, number)
    assert counts(user) == (0, 0, 0, 0)


def test_outputs_share_one_piece_of_music(user: Caller, order: dict[str, Any], source: str) -> None:
    songs = [{"sound": {"music": {"asset_id": asset}}} for asset in (source, str(uuid4()))]

    answer = user.post("/renders", {**order, "outputs": songs}, expect=422)

    assert answer["code"] == "render.sound_unsupported"


def test_an_output_that_was_not_ordered_is_not_found(user: Caller, farm: Farm, several: dict[str, Any]) -> None:
    render = user.post("/renders", several, expect=202)

    assert user.get(f"/renders/{render['id']}/outputs/4/download", expect=409)["code"] == "render.not_finished"
    assert user.get(f"/renders/{render['id']}/outputs/5/download", expect=404)["code"] == "render.output_not_found"


def test_a_worker_that_brings_fewer_than_were_ordered_is_refused(
    user: Caller, farm: Farm, several: dict[str, Any]
) -> None:
    render = user.post("/renders", several, expect=202)

    finish(farm, render["job_id"], count=4)

    failed = user.get(f"/renders/{render['id']}")
    assert (failed["state"], failed["error"]["code"], failed["asset_id"]) == ("failed", "contract.invalid", None)
    assert user.get("/assets?kind=render")["items"] == []


def test_the_same_set_is_found_again_in_any_order_as_long_as_all_of_it_is_there(
    user: Caller, farm: Farm, several: dict[str, Any]
) -> None:
    render = user.post("/renders", several, expect=202)
    finish(farm, render["job_id"])
    done = user.get(f"/renders/{render['id']}")

    again = user.post("/renders", {**several, "outputs": ASKED[::-1]}, expect=202)
    part = user.post("/renders", {**several, "outputs": ASKED[:2]}, expect=202)

    assert (again["cached"], again["state"], part["cached"]) == (True, "succeeded", False)
    assert [one["asset_id"] for one in again["outputs"]] == [one["asset_id"] for one in done["outputs"]][::-1]
    assert again["outputs"][0]["output"]["container"] == "webm"

    user.delete(f"/assets/{done['outputs'][2]['asset_id']}", expect=204)

    assert user.post("/renders", several, expect=202)["cached"] is False
    assert user.get(f"/renders/{render['id']}/outputs/2/download", expect=409)["code"] == "render.result_deleted"
    assert user.get(f"/renders/{render['id']}/outputs/1/download")["filename"] == NAMES[1]


def test_the_dearest_output_is_paid_in_full_and_each_other_by_half(
    user: Caller, farm: Farm, several: dict[str, Any]
) -> None:
    """Ten seconds cost 2 credits at 1080 by 1920 and at 1080 by 1080, 1 at 540 by 960."""
    before = user.get("/credits")["balance"]
    question = {name: several[name] for name in ("source_asset_id", "scenario", "outputs")}

    estimate = user.post("/renders/estimate", question, expect=200)
    render = user.post("/renders", several, expect=202)

    assert estimate["credits"] == 2 + 1 + 1 + 1 + 1
    assert [(one["width"], one["height"]) for one in estimate["outputs"]][2] == (540, 960)
    assert (
        estimate["seconds"]["p50_s"]
        > user.post("/renders/estimate", {**question, "outputs": [TALL]}, expect=200)["seconds"]["p50_s"]
    )
    assert user.get("/credits")["held"] == 6
    finish(farm, render["job_id"])
    account = user.get("/credits")
    assert (account["balance"], account["held"]) == (before - 6, 0)
