"""Projects and their shorts: made of uploads, analysed by the farm, adjusted, deleted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tasks.contracts.music import Curve
from tasks.contracts.shorts import AnalyzeOrder, AnalyzeResult, Evidence, Highlight, MediaFeatures
from tests.api.farm import Caller, Farm, ingest

EVIDENCE = Evidence(0.5, 0.4, 0.3, 0.2, 1.0, 0.1, ("opens with a question",))


def found(*spans: tuple[float, float]) -> dict[str, Any]:
    """Return what a worker reports of highlights at these times."""
    highlights = tuple(Highlight(start, end, 0.5, EVIDENCE, f"At {start:g}") for start, end in spans)
    return AnalyzeResult(highlights, MediaFeatures(2.0, Curve(0.1, (0.5,)), (1.0,))).to_json()


def analyse(user: Caller, farm: Farm, project_id: str, *spans: tuple[float, float]) -> dict[str, Any]:
    """Search and play the worker that finds; return what it was asked for."""
    told = user.post(f"/projects/{project_id}/jobs", {"type": "analysis"}, expect=202)
    claim = farm.claim(told["job_id"], "analyze")
    answer = farm.report(claim, result=found(*spans))
    assert answer.status_code == 200, answer.get_json()
    asked: dict[str, Any] = claim["input"]
    return asked


@pytest.fixture
def project(user: Caller, farm: Farm) -> dict[str, Any]:
    """A project of a video that was transcribed."""
    made: dict[str, Any] = user.post("/projects", {"asset_id": ingest(user, farm), "name": " Talk "}, expect=201)
    return made


def test_a_project_is_made_renamed_listed_and_deleted(user: Caller, project: dict[str, Any]) -> None:
    assert (project["name"], project["shortsCount"], project["hasTranscription"]) == ("Talk", 0, True)
    assert user.get("/projects")["items"] == [project]

    renamed = user.expect(200, "PATCH", f"/projects/{project['id']}", {"name": "Episode 12"})
    assert renamed["name"] == user.get(f"/projects/{project['id']}")["name"] == "Episode 12"

    user.delete(f"/projects/{project['id']}", expect=204)
    assert user.get(f"/projects/{project['id']}", expect=404)["code"] == "project.not_found"
    user.get(f"/assets/{project['asset_id']}")


def test_a_search_brings_shorts_with_evidence_and_a_second_one_replaces_them(
    user: Caller, farm: Farm, project: dict[str, Any]
) -> None:
    order = AnalyzeOrder.from_json(analyse(user, farm, project["id"], (1.0, 1.9), (0.0, 0.9)))
    shorts = user.get(f"/projects/{project['id']}/shorts")["items"]

    assert order.transcript.segments[0].words
    assert (order.count, order.shortest_s, order.longest_s) == (5, 15.0, 90.0)
    assert [(short["start_s"], short["title"], short["state"]) for short in shorts] == [
        (0.0, "At 0", "found"), (1.0, "At 1", "found"),
    ]  # fmt: skip
    assert shorts[0]["evidence"]["reasons"] == ["opens with a question"]
    assert shorts[0]["evidence"]["scorer"] == "evidence"

    analyse(user, farm, project["id"], (0.2, 1.5))
    told = user.get(f"/projects/{project['id']}")
    assert (told["shortsCount"], told["isBusy"]) == (1, False)


def test_one_search_at_a_time_and_none_without_words(user: Caller, farm: Farm, project: dict[str, Any]) -> None:
    told = user.post(f"/projects/{project['id']}/jobs", {"type": "analysis"}, expect=202)

    again = user.post(f"/projects/{project['id']}/jobs", {"type": "analysis"}, expect=409)
    assert (again["code"], again["details"]) == ("project.busy", {"job_id": told["job_id"]})
    assert user.call("DELETE", f"/projects/{project['id']}").get_json()["code"] == "project.busy"
    farm.fail(told["job_id"], "analyze", "media.damaged")
    assert user.get(f"/projects/{project['id']}")["isBusy"] is False
    wrong = {"type": "analysis", "shortest_s": 50, "longest_s": 20}
    assert user.post(f"/projects/{project['id']}/jobs", wrong, expect=422)["code"] == "shorts.invalid_wish"


def test_an_end_that_cuts_a_word_snaps_into_a_pause(user: Caller, farm: Farm, project: dict[str, Any]) -> None:
    order = AnalyzeOrder.from_json(analyse(user, farm, project["id"], (0.0, 1.9)))
    [short] = user.get(f"/projects/{project['id']}/shorts")["items"]
    path = f"/projects/{project['id']}/shorts/{short['id']}"
    words = [word for segment in order.transcript.segments for word in segment.words]
    inside = round((words[0].start + words[0].end) / 2, 3)

    snapped = user.expect(200, "PATCH", path, {"start_s": inside, "title": "Mine"})
    kept = user.expect(200, "PATCH", path, {"start_s": inside, "snap": False})

    assert not words[0].start < snapped["start_s"] < words[0].end
    assert snapped["title"] == "Mine"
    assert kept["start_s"] == inside == user.get(path)["start_s"]
    assert user.expect(422, "PATCH", path, {"end_s": 500.0})["code"] == "short.invalid_times"
    assert user.get(f"/projects/{project['id']}/shorts/{uuid4()}", expect=404)["code"] == "short.not_found"


def test_a_project_is_nobody_elses(user: Caller, other: Caller, project: dict[str, Any]) -> None:
    assert other.get(f"/projects/{project['id']}", expect=404)["code"] == "project.not_found"
    assert other.get("/projects")["items"] == []
