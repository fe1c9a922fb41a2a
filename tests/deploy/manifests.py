"""Reads deploy/kubernetes as ``kubectl apply -k`` would put it together."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import yaml

from deploy.dockerfile import Image, apply, begin, read_stages

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
OVERLAYS = ("cpu", "gpu")
ALIVE_COMMAND = ["python", "-m", "tasks.alive"]
FOLDERS = ("base", *OVERLAYS, "migrate", "walled")

Document = dict[str, Any]


def read_kustomization(folder: str) -> Document:
    """Return what names a folder's resources and images."""
    document: Document = yaml.safe_load((KUBERNETES / folder / "kustomization.yaml").read_text())
    return document


def read_folder(folder: str) -> list[Document]:
    """Return a folder's own documents, without those of its base."""
    names = [name for name in read_kustomization(folder)["resources"] if not name.startswith("../")]
    return [document for name in names for document in yaml.safe_load_all((KUBERNETES / folder / name).read_text())]


def read_overlay(folder: str) -> list[Document]:
    """Return everything that applying a folder makes."""
    kustomization = read_kustomization(folder)
    bases = [name[3:] for name in kustomization["resources"] if name.startswith("../")]
    documents = [document for name in (*bases, folder) for document in read_folder(name)]
    for component in kustomization.get("components", ()):
        documents += read_folder(component.removeprefix("../"))
        add_to_environments(documents, read_kustomization(component.removeprefix("../")))
    return documents


def add_to_environments(documents: list[Document], component: Document) -> None:
    """Do what a component's patches do: each adds variables to a deployment's container."""
    for patch in component["patches"]:
        for name, pod in pods(documents).items():
            if re.fullmatch(patch["target"]["name"], name):
                for line in yaml.safe_load(patch["patch"]):
                    assert (line["op"], line["path"]) == ("add", "/spec/template/spec/containers/0/env/-")
                    container(pod)["env"].append(line["value"])


def of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    """Return documents of one kind by name."""
    return {document["metadata"]["name"]: document for document in documents if document["kind"] == kind}


def pods(documents: list[Document]) -> dict[str, Document]:
    """Return the pod of each deployment and job."""
    workloads = {**of_kind(documents, "Deployment"), **of_kind(documents, "Job")}
    return {name: workload["spec"]["template"]["spec"] for name, workload in workloads.items()}


def container(pod: Document) -> Document:
    """Return a pod's only container."""
    (only,) = pod["containers"]
    found: Document = only
    return found


def read_image(dockerfile: Path, **arguments: str) -> Image:
    """Return what a Dockerfile says of the process that its image starts."""
    images = dict[str, Image]()
    for stage in read_stages(dockerfile, **arguments):
        image = images[stage.name] = begin(stage, images, {})
        for word, rest in stage.instructions:
            apply(image, word, rest)
    return image


def queues_of(command: list[str]) -> set[str]:
    """Return the queues that a worker's command line consumes."""
    return {
        queue for flag, value in itertools.pairwise(map(str, command)) if flag == "-Q" for queue in value.split(",")
    }


def queues_by_pod(documents: list[Document]) -> dict[str, set[str]]:
    """Return the queues that each worker consumes."""
    found = {name: queues_of(container(pod).get("args", [])) for name, pod in pods(documents).items()}
    return {name: queues for name, queues in found.items() if queues}


def secret_keys(path: Path) -> set[str]:
    """Return the names that an example of an environment file lists."""
    lines = path.read_text().splitlines()
    return {line.split("=", 1)[0] for line in lines if line and not line.startswith("#")}
