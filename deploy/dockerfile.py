"""Reads a Dockerfile as far as ours go: ARG, FROM, RUN, COPY, WORKDIR, ENV, USER, EXPOSE, ENTRYPOINT, CMD."""

from __future__ import annotations

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


def read_instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each instruction with the rest of its line; raise ValueError for one that is not known here."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word not in KNOWN:
                raise ValueError(f"{path.name}: {word} is not known here")
            yield word, rest.strip()


def apply(image: Image, word: str, rest: str, arguments: dict[str, str]) -> None:
    """Change what is known of the image by an instruction that runs and copies nothing."""
    if word == "ARG":
        name, _, default = rest.partition("=")
        arguments.setdefault(name, default)
    elif word == "FROM":
        image.base = expand(rest, arguments)
    elif word == "ENV":
        for part in shlex.split(rest):
            name, _, value = part.partition("=")
            image.environ[name] = expand(value, image.environ)
    elif word in _PLACES:
        setattr(image, _PLACES[word], json.loads(rest) if word in ("ENTRYPOINT", "CMD") else rest)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put the values of variables in."""
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)
