"""What tries images reads every Dockerfile as an engine would, and refuses what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.dockerfile import Image, apply, read_instructions
from deploy.try_images import NAMES, TRIALS
from tests.deploy.manifests import ROOT

DOCKERFILES = sorted((ROOT / "deploy/docker").glob("*.Dockerfile"))


def read(path: Path, **arguments: str) -> Image:
    image = Image()
    for word, rest in read_instructions(path):
        apply(image, word, rest, arguments)
    return image


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_every_dockerfile_is_read(path: Path) -> None:
    image = read(path)

    assert image.command[0] in ("gunicorn", "celery")
    assert (image.folder, image.user) == ("/app", "10001:10001")
    assert ":" in image.base


def test_every_image_over_debian_is_tried() -> None:
    debian = {path.name.removesuffix(".Dockerfile") for path in DOCKERFILES if "bookworm" in read(path).base}

    assert set(NAMES) == set(TRIALS) == debian


def test_arguments_and_variables_are_put_in(tmp_path: Path) -> None:
    path = tmp_path / "x.Dockerfile"
    path.write_text(
        '# a comment\nARG BASE=debian\nFROM ${BASE}\nENV A=1 B="two words"\nENV C=$A/x\nCMD ["a", \\\n  "b"]\n'
    )

    image = read(path)

    assert (image.base, image.command) == ("debian", ["a", "b"])
    assert image.environ == {"A": "1", "B": "two words", "C": "1/x"}
    assert read(path, BASE="debian@sha256:1").base == "debian@sha256:1"


def test_an_instruction_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.Dockerfile"
    path.write_text("FROM debian\nVOLUME /data\n")

    with pytest.raises(ValueError, match="VOLUME"):
        read(path)
