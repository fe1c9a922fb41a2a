"""The Dockerfiles pass hadolint, are held still by a digest, end as nobody, and copy what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.composition import FILES, services
from tests.deploy.manifests import ROOT, queues_of
from tests.deploy.programs import judge

DOCKERFILES = sorted((ROOT / "deploy/docker").glob("*.Dockerfile"))
CONFIG = ROOT / "deploy/docker/hadolint.yaml"
each = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)


@each
def test_hadolint_finds_no_fault(path: Path) -> None:
    done = judge("hadolint", "--config", str(CONFIG), str(path))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_hadolint_judges(tmp_path: Path) -> None:
    wrong = tmp_path / "Dockerfile"
    wrong.write_text("FROM debian\nRUN cd /tmp && sudo ls\n")

    assert judge("hadolint", "--config", str(CONFIG), str(wrong)).returncode == 1


@each
def test_the_base_is_a_variable_that_takes_a_digest(path: Path) -> None:
    text = path.read_text()
    base = re.search(r"^ARG (\w+_IMAGE)=(\S+)\nFROM \$\{(\w+)\}(?: AS \w+)?$", text, re.MULTILINE)

    assert base
    assert base[1] == base[3]
    assert ":" in base[2]
    built = [service for service in services(*FILES).values() if path.name in str(service.get("build"))]
    assert built
    assert {service["build"]["args"][base[1]] for service in built} == {base[2]}


@each
def test_it_ends_as_nobody_and_starts_one_program(path: Path) -> None:
    instructions = [line.split(" ", 1)[0] for line in path.read_text().replace("\\\n", " ").splitlines()]
    lines = path.read_text().replace("\\\n", " ").splitlines()

    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert instructions.index("USER") > max(i for i, word in enumerate(instructions) if word in ("RUN", "COPY"))
    (command,) = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    assert isinstance(json.loads(command), list)


@each
def test_what_it_copies_is_there_and_is_sent_to_the_builder(path: Path) -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in path.read_text().splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert any(Path(source).match(pattern) for pattern in sent), source


@each
def test_the_image_serves_what_compose_has_it_serve(path: Path) -> None:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    (command,) = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD ")]
    queues = queues_of(command)
    for files in (FILES[:1], FILES):
        for name, service in services(*files).items():
            if path.name in str(service.get("build")) and queues:
                if "tasks.fetching.wall" in service["command"]:
                    continue  # the way out has the same image and serves no queue
                elsewhere = {"transcription"} if name == "cpu" and files == FILES else set()
                assert queues_of(service["command"]) == queues - elsewhere, name


def test_workers_have_what_builds_walls_and_ends_orphans() -> None:
    for name in ("cpu", "render", "whisperx"):
        text = (ROOT / f"deploy/docker/{name}.Dockerfile").read_text()
        assert 'ENTRYPOINT ["tini", "--"]' in text
        assert "tini" in text.split("install -y", 1)[1].splitlines()[0]
        assert "install -d -o reelyard -g reelyard /scratch" in text
    assert "bubblewrap" in (ROOT / "deploy/docker/cpu.Dockerfile").read_text()


def test_only_one_rule_is_left_out() -> None:
    assert yaml.safe_load(CONFIG.read_text())["ignored"] == ["DL3008"]


def test_what_is_built_here_is_not_sent_to_the_builder() -> None:
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    made = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("studio/")]

    assert [path for path in [*made, "studio/node_modules"] if path not in kept[kept.index("!studio") :]] == []
