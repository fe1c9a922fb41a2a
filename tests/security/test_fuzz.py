"""S-17: the fuzzer's own tools work; ``make fuzz-api`` and ``make fuzz-api-faults`` are the whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.farm import HTTP
from tests.security.fuzz import passes, try_api
from tests.security.fuzz_faults import FAULTS, LEAST_FOUND, Faulty
from tests.security.fuzz_reach import UNREACHABLE, operations, unreached
from tests.security.fuzz_signing import BODIES, SIGNERS, signature_for
from tests.security.running import Running, running_api

pytestmark = pytest.mark.security("S-17")


@pytest.fixture
def faulty(app: Any, database_environ: dict[str, str]) -> Iterator[tuple[Running, Faulty]]:
    """The running API, and what puts a fault into it."""
    layers: list[Faulty] = []

    def wrap(application: Any) -> None:
        layers.append(Faulty(application.wsgi_app))
        application.wsgi_app = layers[0]

    with running_api(database_environ, wrap=wrap) as running:
        yield running, layers[0]


def test_there_are_twenty_seeded_faults() -> None:
    assert len({fault.name for fault in FAULTS}) == 20
    assert LEAST_FOUND >= 18


def test_every_fault_sits_in_an_operation_that_is_there(application: Any) -> None:
    document = application.test_client().get("/api/openapi.json").get_json()
    tried = {fault.name: [path for path in document["paths"] if re.search(fault.try_paths, path)] for fault in FAULTS}

    assert [name for name, paths in tried.items() if not paths] == []
    filled = {path: re.sub(r"{\w+}", str(uuid4()), path) for path in document["paths"]}
    assert [one.name for one in FAULTS if not any(re.fullmatch(one.path, path) for path in filled.values())] == []


def test_a_healthy_operation_passes_and_a_faulty_one_is_found(faulty: tuple[Running, Faulty]) -> None:
    running, layer = faulty
    fault = next(one for one in FAULTS if one.name == "a field that leaks")
    options = ("--include-path-regex", fault.try_paths, "--phases", "coverage,fuzzing")

    healthy = try_api(running, *options, examples=3)
    layer.fault = fault
    found = try_api(running, *options, examples=3)

    assert healthy.returncode == 0, healthy.stdout[-3000:] + healthy.stderr[-3000:]
    assert found.returncode == 1
    assert "password_hash" in found.stdout


def test_a_run_passes_when_all_is_green_and_reached_and_most_faults_are_found() -> None:
    assert passes({"green": True, "found": LEAST_FOUND})
    assert not passes({"green": False, "found": 20})
    assert not passes({"green": True, "found": LEAST_FOUND - 1})


def test_every_signed_call_is_signed_and_its_body_is_said(application: Any) -> None:
    document = application.test_client().get("/api/openapi.json").get_json()
    secrets = {who: "whsec_AAAA" for who, _ in SIGNERS.values()}
    wanted = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if isinstance(operation, dict) and {"signature": []} in operation.get("security", [])
    }

    assert len(wanted) == 8
    assert {path for path in document["paths"] if signature_for(path, secrets)} == set(BODIES)
    assert wanted < set(BODIES)


def test_what_others_than_users_call_is_reached_with_its_good_request(faulty: tuple[Running, Faulty]) -> None:
    running, _ = faulty
    document = HTTP.get(f"{running.url}/api/openapi.json").json()
    signed = {f"POST {path}" for path in BODIES}
    assert signed <= set(running.good)

    statuses = {}
    for name in signed:
        good = running.good[name]
        path = name.removeprefix("POST ").format(**good.get("path_parameters", {}))
        data = json.dumps(good["body"]).encode()
        signature = signature_for(path, running.secrets)
        assert signature is not None
        headers = {"Content-Type": "application/json", **signature.sign(signature.secret, path, data)}
        statuses[name] = HTTP.post(running.url + path, content=data, headers=headers).status_code

    assert statuses == dict.fromkeys(signed, 200)
    assert set(UNREACHABLE) < operations(document)


def test_only_a_redirect_by_design_counts_as_reached(tmp_path: Path) -> None:
    answers = {"GET /a": ["200", "302"], "GET /b": ["302", "404"], "GET /c": ["302"], "GET /d": ["200"]}
    paths = {name[4:]: {"get": {"responses": dict.fromkeys(statuses)}} for name, statuses in answers.items()}
    ends = {"/a": (302, "/x"), "/b": (302, "/y#code=1"), "/c": (302, "/z#error=no")}
    recorder = {
        "cases": {path: {"value": {"method": "GET", "path": path}} for path in ends},
        "interactions": {
            path: {"response": {"status_code": status, "headers": {"Location": [location]}}}
            for path, (status, location) in ends.items()
        },
    }
    report = tmp_path / "calls.ndjson"
    report.write_text(json.dumps({"ScenarioFinished": {"recorder": recorder}}))

    assert unreached({"paths": paths}, [report], whole=False) == ["GET /a", "GET /c"]
    assert unreached({"paths": paths}, [report], whole=True) == ["GET /a", "GET /c", "GET /d"]


def test_every_operation_that_makes_something_leads_on(application: Any) -> None:
    document = application.test_client().get("/api/openapi.json").get_json()

    links = document["paths"]["/api/v1/organisations"]["post"]["responses"]["201"]["links"]
    target = "#/paths/~1api~1v1~1organisations~1{organisation_id}/get"
    assert {"operationRef": target, "parameters": {"organisation_id": "$response.body#/id"}} in links.values()
    for path in ("uploads", "renders", "tokens", "stills"):
        answers = document["paths"][f"/api/v1/{path}"]["post"]["responses"].values()
        assert any("links" in answer for answer in answers), path
