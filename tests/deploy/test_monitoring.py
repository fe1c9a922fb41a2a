"""Alerts and dashboard read what the API really exports, fire when they should, and lead to pages that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tasks.names import Queue
from tests.conftest import require
from tests.deploy.manifests import OVERLAYS, ROOT, of_kind, read_overlay
from tests.deploy.metrics import exported, selectors, unknown

PROMETHEUS = ROOT / "deploy/prometheus"
GROUPS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "rules.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/reelyard.json").read_text())
SHOWN = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TRIALS = sorted(path.name for path in PROMETHEUS.glob("*.test.yml"))
SHARED = re.compile(r"reelyard_(?!http_)\w+")
"""Gauges over the database: every API process tells the same, so they must not be added up."""


def test_the_names_are_read_from_the_source() -> None:
    found = exported()

    assert found["reelyard_queue_predicted_seconds"] == {"queue"}
    assert found["reelyard_http_request_seconds_bucket"] == {"method", "route", "le"}
    assert found["reelyard_gpu_temperature_celsius"] == {"host", "gpu"}
    assert len(found) >= 20


def test_a_name_or_label_that_nothing_exports_would_be_found() -> None:
    wrong = ["max(reelyard_queue_length)", 'sum(reelyard_nodes{status="online"})', "max(reelyard_jobs)"]

    assert unknown(wrong, set()) == ["reelyard_queue_length []", "reelyard_nodes ['status']"]


def test_every_rule_reads_what_is_exported() -> None:
    assert len(ALERTS) >= 12
    assert unknown([rule["expr"] for rule in RULES], RECORDED) == []


def test_every_panel_reads_what_is_exported() -> None:
    expressions = [target["expr"] for panel in SHOWN for target in panel["targets"]]

    assert len(expressions) >= 20
    assert unknown(expressions, RECORDED) == []
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["API", "Queues", "Nodes", "GPUs", "Renders", "Money"]


def test_everything_that_is_exported_is_on_the_dashboard() -> None:
    read = {name for panel in SHOWN for target in panel["targets"] for name, _ in selectors(target["expr"])}

    assert {name for name in exported() if not name.startswith("reelyard_http_request_seconds")} - read == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_autoscaler_reads_what_is_exported(overlay: str) -> None:
    scaled = of_kind(read_overlay(overlay), "ScaledObject")
    queries = [document["spec"]["triggers"][0]["metadata"]["query"] for document in scaled.values()]

    assert unknown(queries, set()) == []
    asked = set(re.findall(r'queue="(\w+)"', " ".join(queries)))
    assert asked == {queue.value for queue in Queue} - {"control"}


def test_what_every_process_tells_is_never_added_up() -> None:
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in SHOWN for target in panel["targets"]]

    added = [text for text in expressions if re.search(r"\b(sum|count|avg)\b", text) and SHARED.search(text)]
    assert added == []


def test_panels_lie_side_by_side_and_have_numbers_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert {target["datasource"]["uid"] for panel in SHOWN for target in panel["targets"]} == {"${datasource}"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_says_how_grave_it_is_and_leads_to_a_page(alert: dict[str, Any]) -> None:
    page, _, heading = alert["annotations"]["runbook"].partition(", ")
    lines = (ROOT / page).read_text().splitlines()

    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    assert not heading or heading in lines


def test_every_alert_is_tried_by_promtool_in_the_files_beside_the_rules() -> None:
    tests = [test for path in TRIALS for test in yaml.safe_load((PROMETHEUS / path).read_text())["tests"]]
    firing = {
        tried["alertname"] for test in tests for tried in test.get("alert_rule_test", ()) if tried.get("exp_alerts")
    }

    assert {alert["alert"] for alert in ALERTS} == firing


@pytest.mark.parametrize("arguments", [("check", "rules", "rules.yml"), *(("test", "rules", path) for path in TRIALS)])
def test_promtool_finds_no_fault(arguments: tuple[str, ...]) -> None:
    program = shutil.which("promtool")
    require(program, "promtool (make packages)")
    done = subprocess.run(
        [str(program), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_scrapes_the_api_as_the_alerts_name_it() -> None:
    (scrape,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]

    assert scrape["metrics_path"] == "/metrics"
    assert scrape["authorization"]["type"] == "Bearer"
    assert "credentials" not in scrape["authorization"]
    assert all('job="reelyard-api"' in rule["expr"] for rule in RULES if re.search(r"\bup\{", rule["expr"]))
    assert scrape["job_name"] == "reelyard-api"
