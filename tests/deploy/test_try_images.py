"""What tries images reads every Dockerfile as an engine would, and refuses what it does not know."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.dockerfile import read_stages
from deploy.try_images import NAMES, TRIALS
from tests.deploy.manifests import ROOT, read_image

DOCKERFILES = sorted((ROOT / "deploy/docker").glob("*.Dockerfile"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_every_dockerfile_is_read_image(path: Path) -> None:
    image = read_image(path)

    assert image.command[0] in ("gunicorn", "celery")
    assert (image.folder, image.user) == ("/app", "10001:10001")
    assert ":" in image.base


def test_every_image_is_tried() -> None:
    assert set(NAMES) == set(TRIALS) == {path.name.removesuffix(".Dockerfile") for path in DOCKERFILES}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_has_the_python_that_its_lock_is_made_for(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (pythons,) = re.findall(r"^PYTHONS := (.+)$", makefile, re.MULTILINE)

    assert read_image(path).base == f"python:{pythons.split()[0]}-slim-bookworm"
    assert makefile.count("--python-version $(firstword $(PYTHONS))") == makefile.count("pip compile ")


def test_whisperx_finds_the_parts_of_cuda_that_its_lock_brings() -> None:
    image, lock = (
        read_image(ROOT / "deploy/docker/whisperx.Dockerfile"),
        (ROOT / "requirements/whisperx.txt").read_text(),
    )
    python = image.base.removeprefix("python:").partition("-")[0]
    folders = image.environ["LD_LIBRARY_PATH"].split(":")

    packages = f"/usr/local/lib/python{python}/site-packages/nvidia"
    assert folders == [f"{packages}/cublas/lib", f"{packages}/cudnn/lib"]
    assert all(f"\nnvidia-{name}-cu12==" in lock for name in ("cublas", "cudnn"))


def test_arguments_and_variables_are_put_in(tmp_path: Path) -> None:
    path = tmp_path / "x.Dockerfile"
    path.write_text(
        '# a comment\nARG BASE=debian\nFROM ${BASE}\nENV A=1 B="two words"\nENV C=$A/x\nCMD ["a", \\\n  "b"]\n'
    )

    image = read_image(path)

    assert (image.base, image.command) == ("debian", ["a", "b"])
    assert image.environ == {"A": "1", "B": "two words", "C": "1/x"}
    assert read_image(path, BASE="debian@sha256:1").base == "debian@sha256:1"


def test_a_stage_over_another_goes_on_from_it(tmp_path: Path) -> None:
    path = tmp_path / "x.Dockerfile"
    path.write_text(
        "ARG BASE=debian\nFROM ${BASE} AS code\nWORKDIR /app\nENV A=1\n"
        "FROM code AS built\nUSER 5\nENV A=2\nFROM code\nCOPY --from=built /app/x x\n"
    )

    stages, image = read_stages(path), read_image(path)

    assert [(stage.name, stage.base, stage.over) for stage in stages] == [
        ("code", "debian", ""), ("built", "debian", "code"), ("", "debian", "code"),
    ]  # fmt: skip
    assert stages[2].instructions == [("COPY", "--from=built /app/x x")]
    assert (image.base, image.folder, image.user, image.environ) == ("debian", "/app", "0:0", {"A": "1"})


def test_the_apis_image_takes_the_studio_from_the_stage_that_builds_it() -> None:
    _, built, last = read_stages(ROOT / "deploy/docker/api.Dockerfile")

    assert ("RUN", "python -m cli.studio") in built.instructions
    assert ("COPY", f"--from={built.name} /app/studio/dist studio/dist") in last.instructions
    assert not any("studio.txt" in rest for _, rest in last.instructions)


def test_an_instruction_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.Dockerfile"
    path.write_text("FROM debian\nVOLUME /data\n")

    with pytest.raises(ValueError, match="VOLUME"):
        read_image(path)
