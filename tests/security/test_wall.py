"""S-1: the second wall. A worker whose network leads to the wall alone fetches, and reaches nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import require
from tests.deploy.composition import FILES, read_compose, services
from tests.deploy.programs import judge

pytestmark = pytest.mark.security("S-1")
ROOT = Path(__file__).parents[2]
WALLED_FILE = "docker-compose.walled.yml"
KUBERNETES = ROOT / "deploy/kubernetes/walled"
WALLED = ("cpu", "engine")
"""Services that fetch what users name: links and deliveries, webhooks."""


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    require(os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"), "network namespaces")
    command = ["unshare", "-n", sys.executable, "-m", "tests.security.walled_fetch"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_there_is_no_way_around_the_wall(seen: dict[str, Any]) -> None:
    assert set(seen["straight"].values()) == {"Network is unreachable"}
    assert len(seen["straight"]) == 4


def test_a_public_host_is_fetched_from_through_the_wall_which_also_looks_its_name_up(seen: dict[str, Any]) -> None:
    assert seen["fetched"] == ["hello", 5]


def test_names_that_lead_inside_are_refused_by_the_fetcher(seen: dict[str, Any]) -> None:
    assert set(seen["names"].values()) == {"url.refused"}


@pytest.mark.parametrize("checks", ["guarded", "unguarded"])
def test_no_entry_point_leads_inside_even_where_the_wall_alone_checks(seen: dict[str, Any], checks: str) -> None:
    told = seen["entries"][checks]

    assert told["forms_not_refused"] == []
    assert set(told["entry_points"]) >= {"link", "webhook", "upload", "delivery to a bucket", "program behind the gate"}
    assert told["public"] == 5
    assert seen["canary_hits"] == 0


def test_the_canaries_sing_when_touched(seen: dict[str, Any]) -> None:
    assert seen["canary_hits_of_an_unguarded_client"] == 5


def test_the_wall_lets_nobody_inside_who_checks_nothing(seen: dict[str, Any]) -> None:
    assert seen["forms"] >= 250
    assert seen["let_through"] == []
    assert seen["canary_hits"] == 0


def test_the_wall_opens_the_usual_ports_alone_and_understands_nothing_strange(seen: dict[str, Any]) -> None:
    assert seen["usual_port"] == 200
    assert seen["other_ports"] == [403] * 4
    assert 200 not in seen["strange"]


def test_the_schema_of_compose_accepts_the_file() -> None:
    done = judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / WALLED_FILE))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_compose_gives_what_fetches_no_network_but_an_inner_one() -> None:
    plain, walled = services(FILES[0]), services(FILES[0], WALLED_FILE)
    networks = read_compose(WALLED_FILE)["networks"]
    inner = {name for name, wanted in networks.items() if (wanted or {}).get("internal")}

    assert inner == {"inner"}
    for name in WALLED:
        assert walled[name]["networks"] == ["inner"], name
        environment = walled[name]["environment"]
        assert environment["REELYARD_FETCH_PROXY"] == environment["HTTPS_PROXY"] == "http://wall:3128"
        assert set(environment["NO_PROXY"].split(",")) >= {"redis", "storage", "api", "postgres"}
        assert environment["REDIS_URL"] == plain[name]["environment"]["REDIS_URL"]
    assert set(walled["wall"]["networks"]) == {"inner", "default"}
    for name in ("postgres", "redis", "storage", "api"):
        assert "inner" in walled[name]["networks"], name
    assert "ports" not in walled["wall"]
    assert walled["wall"]["command"][:3] == ["python", "-m", "tasks.fetching.wall"]
    assert not [name for name in walled["wall"].get("environment", {}) if "SECRET" in name or "KEY" in name]


def test_kubernetes_lets_what_fetches_call_the_wall_and_its_services_alone() -> None:
    files = [path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml"]
    documents = [document for path in files for document in yaml.safe_load_all(path.read_text())]
    [policy] = [one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "walled"]
    spec = policy["spec"]

    assert spec["policyTypes"] == ["Egress"]
    [chosen] = spec["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {"engine", "ingest"}
    blocks = [to["ipBlock"]["cidr"] for rule in spec["egress"] for to in rule["to"] if "ipBlock" in to]
    assert "0.0.0.0/0" not in blocks and "::/0" not in blocks
    [own] = [one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "wall"]
    [outside, _] = [to["ipBlock"] for rule in own["spec"]["egress"] for to in rule["to"] if "ipBlock" in to]
    assert set(outside["except"]) >= {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}


@pytest.mark.parametrize("unit", ["reelyard-cpu.service.d", "reelyard-engine.service.d"])
def test_systemd_denies_what_fetches_every_address_that_is_not_named(unit: str) -> None:
    text = (ROOT / "deploy/systemd" / unit / "walled.conf").read_text()

    assert "\nIPAddressDeny=any\n" in text
    assert "REELYARD_FETCH_PROXY=http://" in text
