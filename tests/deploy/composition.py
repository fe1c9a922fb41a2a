"""Reads the Compose files as Compose would: variables filled in from an environment file, one file over the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.manifests import ROOT
from tests.deploy.values import FILLED

EXAMPLE = ROOT / "deploy/env.example"
FILES = ("docker-compose.yml", "docker-compose.gpu.yml")
OPEN = "docker-compose.open.yml"
"""Laid over the others, it takes the wall away."""
PROXIES = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}
"""What libraries read of their way out."""
CARDS = ("render", "render-1", "render-2", "render-3")
"""Render services, in the order of the cards that they have."""
OURS = {"api", "engine", "control", "migrate", "cpu", "flower", "transcription", "wall", *CARDS}
"""Services that run our own images."""
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def example() -> dict[str, str]:
    """Return the lines of the example environment file."""
    lines = EXAMPLE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def fill_in(part: Any, environ: dict[str, str]) -> Any:
    """Put values in the place of variables in every text; a variable that must be set and is not raises KeyError."""
    if isinstance(part, dict):
        return {key: fill_in(value, environ) for key, value in part.items()}
    if isinstance(part, list):
        return [fill_in(value, environ) for value in part]
    return fill_in_text(part, environ) if isinstance(part, str) else part


def fill_in_text(text: str, environ: dict[str, str]) -> str:
    """Put values in the place of variables."""

    def value(found: re.Match[str]) -> str:
        name, how, default = found.groups()
        given = environ.get(name, "")
        if not given and how != "-":
            raise KeyError(name)
        return given or default

    return VARIABLE.sub(value, text)


def read_compose(name: str, environ: dict[str, str] | None = None) -> dict[str, Any]:
    """Return one file, filled in as an operator fills the example in."""
    given = {key: value or FILLED.get(key, "") for key, value in example().items()} if environ is None else environ
    document: dict[str, Any] = fill_in(yaml.safe_load((ROOT / name).read_text()), given)
    return document


def services(*names: str) -> dict[str, dict[str, Any]]:
    """Return the services of files laid one over the other; mappings are joined, all else is replaced."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        for service, wanted in read_compose(name)["services"].items():
            found[service] = lay_over(extended(wanted) or found.get(service, {}), wanted)
    return found


def extended(service: dict[str, Any]) -> dict[str, Any]:
    """Return the service that one is made from."""
    source = service.get("extends")
    found: dict[str, Any] = read_compose(source["file"])["services"][source["service"]] if source else {}
    return found


def lay_over(before: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Join two descriptions of a service."""
    joined = {
        key: {**before[key], **value} if isinstance(value, dict) and isinstance(before.get(key), dict) else value
        for key, value in wanted.items()
    }
    return {**before, **joined}


def networks_of(service: dict[str, Any]) -> set[str]:
    """Return the networks that a service is on."""
    return set(service.get("networks", ["default"]))


def seconds_of(period: str) -> int:
    """Read a period like ``45s``."""
    found = re.fullmatch(r"(\d+)s", period)
    assert found, period
    return int(found[1])


def variables_of(name: str) -> set[str]:
    """Return the variables that a file asks for, but for those in comments."""
    lines = [line for line in Path(ROOT / name).read_text().splitlines() if not line.lstrip().startswith("#")]
    return {found[1] for found in VARIABLE.finditer("\n".join(lines))}
