"""Reads a Dockerfile as far as ours go: stages of ARG, FROM, RUN, COPY, WORKDIR, ENV, USER, EXPOSE, ENTRYPOINT, CMD."""

from __future__ import annotations

import copy
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = frozenset({"ARG", "FROM", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD"})
_PLACES = {"WORKDIR": "folder", "USER": "user", "ENTRYPOINT": "entrypoint", "CMD": "command"}
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass
class Image:
    """What the last instructions say of the process that an image starts."""

    base: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


@dataclass
class Stage:
    """What is done from one FROM to the next: over an image, or over an earlier stage (``over``)."""

    name: str
    base: str
    over: str = ""
    instructions: list[tuple[str, str]] = field(default_factory=list)


def read_stages(path: Path, **arguments: str) -> list[Stage]:
    """Return the stages in their order; a stage over another has that one's image as its base."""
    stages = dict[str, Stage]()
    for word, rest in read_instructions(path):
        if word == "FROM":
            source, _, name = expand(rest, arguments).partition(" AS ")
            earlier = stages.get(source)
            base = earlier.base if earlier else source
            last = stages[name] = Stage(name, base, source if earlier else "")
        elif word == "ARG" and not stages:
            name, _, default = rest.partition("=")
            arguments.setdefault(name, default)
        else:
            last.instructions.append((word, rest))
    return list(stages.values())


def read_instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each instruction with the rest of its line; raise ValueError for one that is not known here."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word not in KNOWN:
                raise ValueError(f"{path.name}: {word} is not known here")
            yield word, rest.strip()


def begin(stage: Stage, images: Mapping[str, Image], environ: Mapping[str, str]) -> Image:
    """Return what is known of a stage's image before its first instruction."""
    if stage.over:
        return copy.deepcopy(images[stage.over])
    return Image(base=stage.base, environ=dict(environ))


def apply(image: Image, word: str, rest: str) -> None:
    """Change what is known of the image by an instruction that runs and copies nothing."""
    if word == "ENV":
        for part in shlex.split(rest):
            name, _, value = part.partition("=")
            image.environ[name] = expand(value, image.environ)
    elif word in _PLACES:
        setattr(image, _PLACES[word], json.loads(rest) if word in ("ENTRYPOINT", "CMD") else rest)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables in."""
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)
