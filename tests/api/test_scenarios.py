"""Scenario tools: public, cacheable, and as strict as a render."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.farm import Caller, Farm, ingest
from tests.unit.motiontext import documents as motiontext


@pytest.mark.parametrize(
    "path", ["/api/v1/scenario/schema", "/api/v1/scenario/presets", "/api/v1/scenario/motions", "/api/v1/fonts"]
)
def test_public_documents_can_be_kept_by_anybody(app: Any, path: str) -> None:
    client = app.test_client()

    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert first.status_code == 200
    assert "public" in first.headers["Cache-Control"]
    assert (again.status_code, again.get_data()) == (304, b"")


def test_the_schema_is_json_schema_2020_12(app: Any) -> None:
    schema = app.test_client().get("/api/v1/scenario/schema").get_json()

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_presets_and_fonts_name_what_the_demo_uses(app: Any) -> None:
    client = app.test_client()

    assert "pop" in str(client.get("/api/v1/scenario/presets").get_json()["items"])
    assert "Montserrat" in str(client.get("/api/v1/fonts").get_json()["items"])


def test_validation_tells_what_a_render_would_refuse(user: Caller, farm: Farm) -> None:
    asset_id = ingest(user, farm, words=("It", "was"))
    [transcript] = user.get(f"/transcripts?asset_id={asset_id}")["items"]
    scenario = user.get(f"/transcripts/{transcript['id']}/scenario")

    good = user.post("/scenario/validate", {"scenario": scenario}, expect=200)
    bad = user.post("/scenario/validate", {"scenario": {**scenario, "trakcs": []}}, expect=200)

    assert good == {"valid": True, "findings": [], "unmapped": []}
    assert bad["valid"] is False
    assert [finding["pointer"] for finding in bad["findings"]] == ["/trakcs"]


def test_validation_wants_a_signed_in_user(app: Any) -> None:
    assert app.test_client().post("/api/v1/scenario/validate", json={"scenario": {}}).status_code == 401


def test_a_motiontext_document_is_taken_as_it_is(user: Caller, farm: Farm) -> None:
    document = motiontext.document(motiontext.cue(style={"fontFamily": "Inter"}))

    fine = user.post("/scenario/validate", {"scenario": document}, expect=200)
    wrong = user.post("/scenario/validate", {"scenario": {**document, "tracks": []}}, expect=200)

    assert fine == {"valid": True, "findings": [], "unmapped": []}
    assert [finding["pointer"] for finding in wrong["findings"]] == ["/tracks"]


def test_what_of_a_motiontext_document_is_lost_is_listed_or_refused(user: Caller, farm: Farm) -> None:
    node = motiontext.text("t", "hello", pluginChain=[{"name": "flames"}])
    document = motiontext.document(motiontext.cue(node))

    listed = user.post("/scenario/validate", {"scenario": document}, expect=200)
    refused = user.post("/scenario/validate", {"scenario": document, "strict": True}, expect=200)

    place = "/cues/0/root/children/0/pluginChain/0/name"
    assert (listed["valid"], [note["pointer"] for note in listed["unmapped"]]) == (True, [place])
    assert (refused["valid"], [finding["pointer"] for finding in refused["findings"]]) == (False, [place])
