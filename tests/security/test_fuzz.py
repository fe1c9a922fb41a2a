"""S-17: the fuzzer's own tools work; ``make fuzz-api`` is the whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.security.fuzz import try_api
from tests.security.fuzz_faults import FAULTS, LEAST_FOUND, Faulty
from tests.security.running import running_api

pytestmark = pytest.mark.security("S-17")


def test_there_are_twenty_seeded_faults() -> None:
    assert len({fault.name for fault in FAULTS}) == 20
    assert LEAST_FOUND >= 18


def test_a_healthy_operation_passes_and_a_faulty_one_is_found(app: Any, database_environ: dict[str, str]) -> None:
    layers: list[Faulty] = []

    def wrap(application: Any) -> None:
        layers.append(Faulty(application.wsgi_app))
        application.wsgi_app = layers[0]

    fault = next(one for one in FAULTS if one.name == "a field that leaks")
    with running_api(database_environ, wrap=wrap) as running:
        options = ("--include-path-regex", fault.try_paths, "--phases", "coverage,fuzzing")
        healthy = try_api(running, *options, examples=3)
        layers[0].fault = fault
        faulty = try_api(running, *options, examples=3)

    assert healthy.returncode == 0, healthy.stdout[-3000:] + healthy.stderr[-3000:]
    assert faulty.returncode == 1
    assert "password_hash" in faulty.stdout


def test_every_operation_that_makes_something_leads_on(application: Any) -> None:
    document = application.test_client().get("/api/openapi.json").get_json()

    links = document["paths"]["/api/v1/organisations"]["post"]["responses"]["201"]["links"]
    target = "#/paths/~1api~1v1~1organisations~1{organisation_id}/get"
    assert {"operationRef": target, "parameters": {"organisation_id": "$response.body#/id"}} in links.values()
    for path in ("uploads", "renders", "tokens", "stills"):
        answers = document["paths"][f"/api/v1/{path}"]["post"]["responses"].values()
        assert any("links" in answer for answer in answers), path
