"""The ScaledObjects are what KEDA 2 takes: its words, a trigger's values all texts, Kubernetes' own scaling policy."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.manifests import FOLDERS, Document, of_kind, read_folder

SCHEMA = json.loads(Path(__file__).with_name("scaledobject.schema.json").read_text())
SCALED = [
    pytest.param(document, id=f"{folder}-{name}")
    for folder in FOLDERS
    for name, document in of_kind(read_folder(folder), "ScaledObject").items()
]
VERSIONS = ("1.31", "1.37")


def judge(document: Document) -> None:
    """Raise what is wrong with a ScaledObject."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)
    for version in VERSIONS:
        kubernetes_validate.validate(autoscaler_of(document), version, strict=True)


def autoscaler_of(document: Document) -> Document:
    """Return the autoscaler that KEDA makes of a ScaledObject: Kubernetes judges what is handed on to it."""
    spec = document["spec"]
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"keda-hpa-{document['metadata']['name']}"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", **spec["scaleTargetRef"]},
            "minReplicas": max(1, spec["minReplicaCount"]),
            "maxReplicas": spec["maxReplicaCount"],
            "behavior": behavior,
        },
    }


@pytest.mark.parametrize("document", SCALED)
def test_keda_takes_every_scaled_object(document: Document) -> None:
    judge(document)

    spec = document["spec"]
    assert spec["minReplicaCount"] < spec["maxReplicaCount"]
    assert set(spec["scaleTargetRef"]) == {"name"}, "a Deployment of apps/v1, by KEDA's own default"


def test_there_are_scaled_objects_in_every_folder_that_has_workers() -> None:
    assert {param.id.split("-")[0] for param in SCALED if param.id} == {"base", "cpu", "gpu"}
    assert len(SCALED) == 8


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("spec", "maxReplicas"), 5),
        (("spec", "maxReplicaCount"), "5"),
        (("spec", "cooldownPeriod"), -1),
        (("spec", "triggers", 0, "metadata", "threshold"), 300),
        (("spec", "triggers", 0, "metadata", "treshold"), "300"),
        (("spec", "triggers", 0, "metadata", "serverAddress"), "prometheus.monitoring:9090"),
        (("spec", "triggers", 0, "metricType"), "Utilization"),
        (("spec", "triggers"), []),
        (("spec", "scaleTargetRef"), {"kind": "Deployment"}),
        (("spec", "advanced", "horizontalPodAutoscalerConfig", "behaviour"), {}),
        (("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown"), {"stabilisation": 1}),
        (
            ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown"),
            {"policies": [{"type": "Pods"}]},
        ),
    ],
)
def test_what_keda_does_not_take_would_be_found(place: tuple[Any, ...], value: object) -> None:
    document = copy.deepcopy(SCALED[0].values[0])
    assert isinstance(document, dict)
    *way, last = place
    part: Any = document
    for step in way:
        part = part[step]
    part[last] = value

    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        judge(document)
