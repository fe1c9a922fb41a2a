"""Holds commands that a page shows against the programs that they call, without running them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from _pytest.mark.expression import Expression

from tasks.environment import VARIABLES
from tests.docs import calls
from tests.docs.blocks import ROOT
from tests.docs.shell import Command

WELL_KNOWN = frozenset(
    {"cat", "cd", "echo", "export", "git", "head", "jq", "npm", "npx", "openssl", "pip", "read", "sleep", "source"}
) | {"wc", "finish", "send"}
"""Programs of the system (and ``finish`` and ``send``, functions of the tutorial) whose arguments nobody judges."""
WITH_VALUE = {"-X": "method", "-H": "header", "-d": "body", "--upload-file": "file", "--output": "", "-o": ""}
KUBECTL_WORDS = frozenset({"apply", "create", "delete", "generic", "job", "kustomize", "wait"})
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


def faults_of(command: Command, *, strict: bool) -> Iterator[str]:
    """Say what is wrong with a command; not strictly, what has to follow may be left out."""
    if not command.words:
        return
    name, *arguments = command.words
    program = name.removeprefix(".venv/bin/")
    for variable in command.environ:
        if not (variable in VARIABLES or variable in ("API", "TOKEN") or is_read(variable)):
            yield f"nothing reads {variable}"
    judge = PROGRAMS.get(program)
    if judge is not None:
        found = judge(arguments)
        yield from found if strict else (fault for fault in found if "required" not in fault)
    elif "/" in program:
        yield from faults_of_script(program, arguments)
    elif program not in WELL_KNOWN:
        yield f"nobody knows the program {program}"


@cache
def is_read(variable: str) -> bool:
    """Tell whether Compose, the command's own code, a test or a bench reads a variable."""
    if f"${{{variable}" in (ROOT / "docker-compose.yml").read_text():
        return True
    folders = ("cli", "tests", "bench")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.parent.name != "docs")
    return any(f'"{variable}"' in path.read_text() for path in paths)


def faults_of_reelyard(arguments: list[str]) -> Iterator[str]:
    """Have the command's own parser read its arguments."""
    from cli.main import build_parser

    if "--url $API" in " ".join(arguments):
        yield "the command wants the address of the system, $API is that of its operations"
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            build_parser().parse_args(arguments)
        except SystemExit as ended:
            if ended.code:
                yield said.getvalue().strip().rpartition("\n")[2]


@cache
def makefile() -> tuple[frozenset[str], str]:
    """Return the Makefile's targets and its text."""
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([\w.$()/-]+):(?!=)", text, re.MULTILINE)
    return frozenset(target.replace("$(VENV)", ".venv") for target in targets), text


def faults_of_make(arguments: list[str]) -> Iterator[str]:
    """Look for targets, for variables that a recipe uses, and for options that the program behind it knows."""
    targets, text = makefile()
    goals = [word for word in arguments if "=" not in word and not word.startswith("-")]
    yield from (f"make has no {goal}" for goal in goals if goal not in targets)
    if not goals or goals[0] not in targets:
        return
    rule = re.search(rf"^{re.escape(goals[0].replace('.venv', '$(VENV)'))}:.*\n((?:\t.*\n)*)", text, re.MULTILINE)
    recipe = rule[1] if rule else ""
    for word in arguments:
        name, is_value, value = word.partition("=")
        if not is_value:
            continue
        if not re.search(rf"\$\((?:or \$\()?{name}\)", recipe):
            yield f"make {goals[0]} uses no {name}"
        elif name == "ARGS" and "python -m pytest" in recipe:
            yield from faults_of_pytest(shlex.split(value))
        elif name == "ARGS" and (module := re.search(r"python (?:-m )?(bench[\w./]*|deploy\.\w+)", recipe)):
            yield from faults_of_module(module[1], shlex.split(value))


def faults_of_python(arguments: list[str]) -> Iterator[str]:
    """Look for the module or the file, and for the options that it knows."""
    if arguments[:1] == ["-m"] and arguments[1] == "pytest":
        yield from faults_of_pytest(arguments[2:])
    elif arguments[:1] == ["-m"]:
        yield from faults_of_module(arguments[1], arguments[2:])
    else:
        yield from faults_of_module(arguments[0], arguments[1:])


def faults_of_pytest(arguments: list[str]) -> Iterator[str]:
    """Look for the files, and for tests in them that ``-k`` selects."""
    paths = [word.partition("::")[0] for word in arguments if word.startswith("tests/")]
    yield from (missing := [f"there is no {path}" for path in paths if not is_there(path)])
    wanted = next((value for flag, value in pairwise(arguments) if flag == "-k"), "")
    if wanted and not missing:
        names = [name for path in paths or ["tests"] for name in names_of_tests(path)]
        expression = Expression.compile(wanted)
        if not any(expression.evaluate(lambda word, name=name: word.lower() in name.lower()) for name in names):
            yield f"-k {wanted} selects nothing"


@cache
def names_of_tests(path: str) -> list[str]:
    """Return the names of the tests in a file or a folder, each after its file's as pytest matches them."""
    files = [ROOT / path] if path.endswith(".py") else sorted((ROOT / path).rglob("test_*.py"))
    found = re.compile(r"^ *def (test_\w+)", re.MULTILINE)
    return [f"{file.name}::{name}" for file in files for name in found.findall(file.read_text())]


def faults_of_module(name: str, arguments: list[str]) -> Iterator[str]:
    """Look for a module of ours, and for options in its code."""
    path = Path(name) if name.endswith(".py") else Path(*name.split("."))
    found = [one for one in (path, path.with_suffix(".py"), path / "__main__.py") if (ROOT / one).is_file()]
    if not found:
        yield f"there is no {name}"
        return
    code = "".join(one.read_text() for one in (ROOT / found[0]).parent.glob("*.py"))
    options = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    yield from (f"{name} has no {option}" for option in options if f'"{option}"' not in code)


def faults_of_script(name: str, arguments: list[str]) -> Iterator[str]:
    """Look for a script of ours, and for its options."""
    if not is_there(name):
        yield f"there is no {name}"
        return
    text = (ROOT / name).read_text()
    options = [word for word in arguments if word.startswith("--")]
    yield from (f"{name} has no {option}" for option in options if not re.search(rf"{option}(?![\w-])", text))


def faults_of_curl(arguments: list[str]) -> Iterator[str]:
    """Hold a call against the OpenAPI document; what a presigned URL gets is not the API's."""
    told: dict[str, list[str]] = {"method": [], "header": [], "body": [], "file": [], "": [], "url": []}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in WITH_VALUE:
            told[WITH_VALUE[word]].append(rest.pop(0))
        elif not word.startswith("-"):
            told["url"].append(word)
    if len(told["url"]) != 1:
        yield f"curl takes one address, not {told['url']}"
        return
    (url,) = told["url"]
    if url == "$@" or url.rpartition(":8000")[2] in PROBES:
        return
    body = told["body"][0] if told["body"] else None
    method = (told["method"] or ["POST" if told["body"] else "PUT" if told["file"] else "GET"])[0]
    headers = dict(line.partition(":")[::2] for line in told["header"] if not line.startswith("$"))
    yield from calls.faults_of_call(method, url, headers, body)


def faults_of_docker(arguments: list[str]) -> Iterator[str]:
    """Look for Compose files."""
    if arguments[:1] != ["compose"]:
        yield f"docker {' '.join(arguments[:1])} is not judged"
    files = [value for flag, value in pairwise(arguments) if flag == "-f"]
    yield from (f"there is no {path}" for path in files if not is_there(path))
    if not {"up", "build", "down", "logs", "exec", "pull", "ps", "run", "restart"} & set(arguments):
        yield "docker compose is told nothing"


def faults_of_kubectl(arguments: list[str]) -> Iterator[str]:
    """Look for folders of manifests, and for names that manifests have."""
    manifests = "".join(path.read_text() for path in (ROOT / "deploy/kubernetes").rglob("*.yaml"))
    names, rest = list[str](), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "-k":
            folder = rest.pop(0)
            yield from [] if is_there(f"{folder}/kustomization.yaml") else [f"there is no {folder}"]
        elif word == "-n":
            names.append(rest.pop(0))
        elif word.startswith("--from-env-file="):
            example = f"deploy/kubernetes/{word.partition('=')[2]}.example"
            yield from [] if is_there(example) else [f"there is no {example}"]
        elif not word.startswith("-") and (not rest or "/" in word or rest[0].startswith("-")):
            names.append(word.rpartition("/")[2])
    plain = [name for name in names if name not in KUBECTL_WORDS]
    yield from (f"nothing is named {name}" for name in plain if not re.search(rf"\bname(space)?: {name}\b", manifests))


def faults_of_systemctl(arguments: list[str]) -> Iterator[str]:
    """Look for units."""
    for word in arguments[1:]:
        unit = re.sub(r"@.*", "@", word.removesuffix(".service"))
        if not word.startswith("-") and not is_there(f"deploy/systemd/{unit}.service"):
            yield f"there is no unit {unit}"


def faults_of_copying(arguments: list[str]) -> Iterator[str]:
    """Look for what is copied."""
    yield from (f"there is no {path}" for path in arguments[:-1] if not is_there(path))


def faults_of_editing(arguments: list[str]) -> Iterator[str]:
    """Look for a file that the installer makes."""
    made = (ROOT / "deploy/systemd/install-gpu-host.sh").read_text()
    yield from (f"nobody makes {path}" for path in arguments if path not in made)


def is_there(path: str) -> bool:
    """Tell whether the repository has a path."""
    return (ROOT / path).exists()


PROGRAMS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "reelyard": faults_of_reelyard,
    "make": faults_of_make,
    "python": faults_of_python,
    "curl": faults_of_curl,
    "call": faults_of_curl,
    "docker": faults_of_docker,
    "kubectl": faults_of_kubectl,
    "systemctl": faults_of_systemctl,
    "cp": faults_of_copying,
    "sudoedit": faults_of_editing,
}
