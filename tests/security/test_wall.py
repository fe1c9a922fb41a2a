"""S-1: the second wall. A worker whose network leads to the wall alone fetches, and reaches nothing else."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.contracts.shorts import Evidence, Highlight
from tasks.delivery.calls import Caller
from tasks.errors import TransientError
from tasks.fetching.wall import places
from tasks.shorts.judge import LanguageModel
from tests.conftest import require

pytestmark = pytest.mark.security("S-1")
ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes/walled"


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


def test_platforms_and_judges_are_called_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        asked: set[str] = set()
        threading.Thread(target=refuse_all, args=(proxy, asked), daemon=True).start()
        with pytest.raises(TransientError):
            Caller("https://platform.example.com").call("GET", "/")
        judge = LanguageModel("https://judge.example.com", "model", wait=lambda pause_s: None)
        with pytest.raises(TransientError):
            judge.score([Highlight(0, 1, 0.5, Evidence(0, 0, 0, 0, 0, 0), text="A talk")])

    assert asked == {"CONNECT platform.example.com:443", "CONNECT judge.example.com:443"}


def refuse_all(proxy: socket.socket, asked: set[str]) -> None:
    """Be a proxy that writes down what it is asked for, and does none of it."""
    with suppress(OSError):
        while True:
            client, _ = proxy.accept()
            with client, client.makefile("rb") as lines:
                asked.add(lines.readline().decode().rpartition(" ")[0])
                while lines.readline().strip():
                    pass
                client.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")


def test_the_wall_is_told_of_further_places_by_host_and_port_alone() -> None:
    assert places("mail.example.com:587,, :465,10.0.0.5:443") == ["mail.example.com:587", "10.0.0.5:443"]
    for wrong in ("mail.example.com", "mail.example.com:smtp"):
        with pytest.raises(argparse.ArgumentTypeError):
            places(wrong)


def test_kubernetes_lets_what_fetches_call_the_wall_and_its_services_alone() -> None:
    files = [path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml"]
    documents = [document for path in files for document in yaml.safe_load_all(path.read_text())]
    [policy] = [one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "walled"]
    spec = policy["spec"]

    assert spec["policyTypes"] == ["Egress"]
    [chosen] = spec["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {"engine", "ingest", "generation", "compose"}
    blocks = [to["ipBlock"]["cidr"] for rule in spec["egress"] for to in rule["to"] if "ipBlock" in to]
    assert "0.0.0.0/0" not in blocks and "::/0" not in blocks
    [own] = [one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "wall"]
    [outside, _] = [to["ipBlock"] for rule in own["spec"]["egress"] for to in rule["to"] if "ipBlock" in to]
    assert set(outside["except"]) >= {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
