"""The manifests are what Kubernetes takes, serve every queue, and let every step end."""

from __future__ import annotations

import importlib
import ipaddress
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml

from api.config import read_api_settings
from tasks.alive import VARIABLE, WITHIN_S
from tasks.config import read_worker_settings
from tasks.environment import VARIABLES
from tasks.names import POLICY, Queue
from tests.deploy.fetchers import fetches
from tests.deploy.manifests import (
    ALIVE_COMMAND,
    FOLDERS,
    KUBERNETES,
    OVERLAYS,
    ROOT,
    Document,
    container,
    of_kind,
    pods,
    queues_by_pod,
    read_folder,
    read_image,
    read_kustomization,
    read_overlay,
    secret_keys,
)
from tests.deploy.values import FILLED

VERSIONS = ("1.31", "1.37")
OURS = {"keda.sh/v1alpha1"}
"""Kinds that an operator adds: Kubernetes' own schemas do not know them."""
BROWSERS = {"render", "transcription", "ingest", "analysis", "generation", "compose"}
"""Workers that make namespaces for bubblewrap or Chromium."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_manifest_is_what_the_schemas_of_kubernetes_say(folder: str, version: str) -> None:
    known = [document for document in read_folder(folder) if document["apiVersion"] not in OURS]

    assert known
    for document in known:
        kubernetes_validate.validate(document, version, strict=True)


def test_a_manifest_with_a_wrong_field_would_be_found() -> None:
    document = read_folder("migrate")[0]
    document["spec"]["template"]["spec"]["terminationGraceSeconds"] = 5

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[0], strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_named_and_every_image_has_a_place(folder: str) -> None:
    kustomization = read_kustomization(folder)
    files = {path.name for path in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"}
    named = {image["name"] for image in kustomization["images"]}

    assert set(kustomization["resources"]) - {"../base"} == files
    assert {container(pod)["image"] for pod in pods(read_folder(folder)).values()} == named
    assert all(image.get("newTag", "latest") != "latest" or "digest" in image for image in kustomization["images"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_queue_has_a_consumer_that_has_its_tasks(overlay: str) -> None:
    documents = read_overlay(overlay)
    found = queues_by_pod(documents)

    assert sorted(queue for queues in found.values() for queue in queues) == sorted(queue.value for queue in Queue)
    apps = {name: command[command.index("-A") + 1] for name, command in commands(documents).items() if "-A" in command}
    assert apps["render"] == "render_node.worker"
    assert apps["control"] == "api.control.worker"
    assert {apps[name] for name in found if name not in ("render", "control")} == {"tasks.worker"}


def commands(documents: list[Document]) -> dict[str, list[str]]:
    return {name: container(pod).get("args", []) for name, pod in pods(documents).items()}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_may_end_its_longest_step_after_sigterm(overlay: str) -> None:
    documents = read_overlay(overlay)
    for name, queues in queues_by_pod(documents).items():
        longest_s = max(policy.hard_limit_s for policy in POLICY.values() if policy.queue.value in queues)

        grace_s = pods(documents)[name]["terminationGracePeriodSeconds"]
        assert longest_s < grace_s <= longest_s + 300, name


def ours(documents: list[Document]) -> dict[str, Document]:
    """Return the pods that read our settings."""
    return {name: pod for name, pod in pods(documents).items() if name not in ("flower", "wall")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_api_side_has_its_secrets(overlay: str) -> None:
    for name, pod in ours(read_overlay(overlay)).items():
        secrets = {source["secretRef"]["name"] for source in container(pod)["envFrom"] if "secretRef" in source}
        api_side = name in ("api", "engine", "control")

        assert secrets == ({"reelyard-api", "reelyard-worker"} if api_side else {"reelyard-worker"}), name


def environment_of(documents: list[Document], name: str) -> dict[str, str]:
    """Return the environment of a pod's container, secrets filled in."""
    maps, found = of_kind(documents, "ConfigMap"), {}
    only = container(pods(documents)[name])
    for source in only["envFrom"]:
        if "configMapRef" in source:
            found |= maps[source["configMapRef"]["name"]]["data"]
        else:
            short = source["secretRef"]["name"].removeprefix("reelyard-")
            found |= {key: FILLED[key] for key in secret_keys(KUBERNETES / f"secrets-{short}.env.example")}
    return found | {entry["name"]: entry["value"] for entry in only["env"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_process_starts_with_its_environment(overlay: str) -> None:
    documents = read_overlay(overlay)
    for name in ours(documents):
        environ = environment_of(documents, name)
        walled = {"HTTPS_PROXY", "NO_PROXY"} if name in walled_pods() else set()
        assert {key for key in environ if key not in VARIABLES} == {"HOME", *walled}, name
        if name in ("api", "engine", "control"):
            assert read_api_settings(environ).env == "production"
        else:
            assert read_worker_settings(environ).scratch_dir == "/scratch"


def test_flower_is_where_the_api_looks_for_it_and_knows_two_secrets() -> None:
    documents = read_folder("base")
    flower, maps = container(pods(documents)["flower"]), of_kind(documents, "ConfigMap")
    image = (ROOT / "deploy/docker/flower.Dockerfile").read_text()
    told = {
        entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in flower["env"] if "secretKeyRef" in str(entry)
    }

    (port,) = of_kind(documents, "Service")["flower"]["spec"]["ports"]
    assert maps["reelyard-api"]["data"]["REELYARD_FLOWER_URL"] == f"http://flower:{port['port']}/flower"
    assert port["targetPort"] == flower["ports"][0]["containerPort"]
    assert f"--port={port['targetPort']}" in image
    assert "--url_prefix=flower" in image
    assert flower["readinessProbe"]["httpGet"]["path"] == "/flower/healthcheck"
    assert told == {
        "REDIS_URL": {"name": "reelyard-worker", "key": "REDIS_URL"},
        "FLOWER_BASIC_AUTH": {"name": "reelyard-api", "key": "REELYARD_FLOWER_AUTH"},
    }
    for source in told.values():
        example = KUBERNETES / f"secrets-{source['name'].removeprefix('reelyard-')}.env.example"
        assert source["key"] in secret_keys(example)


def test_no_secret_is_written_down() -> None:
    maps = of_kind(read_folder("base"), "ConfigMap")
    plain = {key for document in maps.values() for key in document["data"]}

    assert plain
    assert [key for key in plain if VARIABLES[key].secret] == []
    assert of_kind([*read_overlay("cpu"), *read_overlay("gpu")], "Secret") == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_runs_as_root_writes_its_image_or_gains_rights(folder: str) -> None:
    for name, pod in pods(read_folder(folder)).items():
        only, security = container(pod), pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == 10001
        profile = "Localhost" if name in BROWSERS else "RuntimeDefault"
        assert security["seccompProfile"]["type"] == profile, name
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(only["resources"]["requests"])
        assert "memory" in only["resources"]["limits"]
        assert pod["enableServiceLinks"] is False
        mounted = {mount["name"] for mount in only.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in pod.get("volumes", [])}


def test_the_api_is_probed_where_it_tells_the_truth() -> None:
    api = container(pods(read_folder("base"))["api"])

    assert api["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    deadline_s = importlib.import_module("api.health.routes").DEADLINE_S
    assert api["readinessProbe"]["timeoutSeconds"] > deadline_s


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_only_works_is_asked_for_a_sign_of_it(overlay: str) -> None:
    asked = {name: container(pod) for name, pod in ours(read_overlay(overlay)).items() if name != "api"}

    assert {*queues_by_pod(read_overlay(overlay)), "engine"} == set(asked)
    for name, only in asked.items():
        for probe in (only["startupProbe"], only["livenessProbe"]):
            assert probe["exec"] == {"command": ALIVE_COMMAND}, name
            assert probe["timeoutSeconds"] == 10, "a busy host takes long to start Python"
        live = only["livenessProbe"]
        assert live["periodSeconds"] * live["failureThreshold"] >= WITHIN_S, "one more chance than the sign's age"
        image = read_image(ROOT / f"deploy/docker/{only['image'].removeprefix('reelyard/')}.Dockerfile")
        mounted = {mount["mountPath"] for mount in only["volumeMounts"]}
        assert str(Path(image.environ[VARIABLE]).parent) in mounted, "its image cannot be written"


def test_every_server_is_probed() -> None:
    for folder in FOLDERS:
        for name, pod in pods(read_folder(folder)).items():
            probes = {key for key in container(pod) if key.endswith("Probe")}
            assert probes or name == "migrate", name


def test_gpu_workers_go_where_gpus_are() -> None:
    for name, pod in pods(read_folder("gpu")).items():
        terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert terms[0]["matchExpressions"][0]["key"] == "nvidia.com/gpu.present", name
        assert container(pod)["resources"]["limits"]["nvidia.com/gpu"] == 1
    encoder = {"name": "REELYARD_ENCODER", "value": "h264_nvenc"}
    assert encoder in container(pods(read_folder("gpu"))["render"])["env"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_worker_grows_by_the_seconds_of_work_that_wait(overlay: str) -> None:
    documents = read_overlay(overlay)
    scaled = of_kind(documents, "ScaledObject")

    assert set(scaled) == set(queues_by_pod(documents)) - {"control"}
    for name, document in scaled.items():
        (trigger,) = document["spec"]["triggers"]
        query = trigger["metadata"]["query"]
        promql_parser.parse(query)
        assert document["spec"]["scaleTargetRef"] == {"name": name}
        assert trigger["metricType"] == "AverageValue"
        assert float(trigger["metadata"]["threshold"]) > 0
        assert query == f'max(reelyard_queue_predicted_seconds{{queue="{name}"}})'
        assert document["spec"]["minReplicaCount"] < document["spec"]["maxReplicaCount"]
        assert "replicas" not in of_kind(documents, "Deployment")[name]["spec"], "two would decide"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_hosts_can_be_emptied_and_something_stays(overlay: str) -> None:
    documents = read_overlay(overlay)
    budgets, deployments = of_kind(documents, "PodDisruptionBudget"), of_kind(documents, "Deployment")

    assert set(budgets) == set(deployments)
    for name, budget in budgets.items():
        spec = budget["spec"]
        assert spec["selector"] == deployments[name]["spec"]["selector"]
        assert deployments[name]["spec"].get("replicas", 1) > spec.get("minAvailable", 0), f"{name} could never go"


def test_the_wall_is_put_around_networks_that_one_file_names() -> None:
    component, documents = read_kustomization("walled"), read_folder("walled")
    networks = of_kind(documents, "ConfigMap")["walled-networks"]["data"]
    told = {}
    for replacement in component["replacements"]:
        (target,) = replacement["targets"]
        (path,) = target["fieldPaths"]
        policy = of_kind(documents, target["select"]["kind"])[target["select"]["name"]]
        told[replacement["source"]["fieldPath"].removeprefix("data.")] = at(policy, path)

    assert told == networks
    assert all(ipaddress.ip_network(cidr).is_private for cidr in networks.values())


def at(document: Document, path: str) -> object:
    """Return what stands at a path of kustomize's."""
    found: Any = document
    for part in path.split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return found


def walled_pods() -> set[str]:
    """Return the pods that the wall is put around."""
    (patch,) = read_kustomization("walled")["patches"]
    return set(patch["target"]["name"].split("|"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_fetches_is_walled_without_being_asked(overlay: str) -> None:
    documents = read_overlay(overlay)
    policies = of_kind(documents, "NetworkPolicy")
    fetching = {name for name, pod in pods(documents).items() if fetches(container(pod).get("args", []))}

    assert fetching == walled_pods()
    for way, policy in (("podSelector", policies["walled"]["spec"]), ("from", policies["wall"]["spec"]["ingress"][0])):
        (chosen,) = (policy if way == "podSelector" else policy["from"][0])["podSelector"]["matchExpressions"]
        assert (chosen["key"], chosen["operator"]) == ("app.kubernetes.io/name", "In")
        assert set(chosen["values"]) == fetching
    for name in fetching:
        environ = environment_of(documents, name)
        assert environ["REELYARD_FETCH_PROXY"] == environ["HTTPS_PROXY"] == "http://wall:3128"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize_puts_the_wall_where_this_reads_it(overlay: str) -> None:
    program = shutil.which("kubectl")
    if not program:
        pytest.skip("kubectl is not installed here")
    done = subprocess.run(
        [program, "kustomize", str(KUBERNETES / overlay)], capture_output=True, text=True, check=True, timeout=60
    )
    made, read = list(yaml.safe_load_all(done.stdout)), read_overlay(overlay)

    assert {(one["kind"], one["metadata"]["name"]) for one in made} == {
        (one["kind"], one["metadata"]["name"]) for one in read
    }
    for name, pod in pods(read).items():
        assert container(pods(made)[name]).get("env") == container(pod).get("env"), name
    for name in ("walled", "wall"):
        assert of_kind(made, "NetworkPolicy")[name]["spec"] == of_kind(read, "NetworkPolicy")[name]["spec"]


def test_comments_tell_the_limits_that_are() -> None:
    text = "\n".join(path.read_text() for path in KUBERNETES.glob("*/*.yaml"))
    limits = {policy.hard_limit_s for policy in POLICY.values()}

    told = {int(number) for number in re.findall(r"tasks\.names: at most (\d+) s", text)}
    assert told
    assert told <= limits
