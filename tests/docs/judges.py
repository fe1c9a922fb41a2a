"""Judges what a page shows, by language: each judge yields what is wrong, and nothing when it is well."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from tasks.environment import VARIABLES
from tests.docs import calls, programs, shell
from tests.docs.blocks import ROOT, Block

SETTING = re.compile(r"^[A-Z][A-Z0-9_]+=")
OF_OTHERS = frozenset({"OTEL_EXPORTER_OTLP_ENDPOINT"})
"""What libraries read by themselves."""


def judge_shell(block: Block) -> Iterator[str]:
    """Judge a script or a console: its form, its settings, each command."""
    script = shell.typed(block.text) if block.language == "console" else block.text
    if fault := shell.fault_of(script) if block.language != "inline" else "":
        yield fault
        return
    told = list(shell.commands(script))
    if block.language != "inline" and not told:
        yield "nothing is typed here"
    if all(not command.words for command in told):
        for command in told:
            yield from faults_of_settings(command.environ)
    for command in told:
        yield from programs.faults_of(command, strict=block.language != "inline")
        if command.words[:1] == ["export"]:
            yield from faults_of_settings(dict([command.words[1].split("=", 1)]))
    if block.language == "console":
        shown = [line for line in block.text.splitlines() if SETTING.match(line)]
        yield from faults_of_settings(dict(line.split("=", 1) for line in shown))


def faults_of_settings(environ: dict[str, str]) -> Iterator[str]:
    """Say which variables there are not, and which values they do not take."""
    for name, value in environ.items():
        if name in ("API", "TOKEN") or name in OF_OTHERS:
            continue
        if name not in VARIABLES:
            yield f"{name} is no setting"
        elif value and "…" not in value and value != "...":
            try:
                VARIABLES[name].parse(value)
            except ValueError as error:
                yield f"{name} does not take {value}: {error}"


def judge_settings(block: Block) -> Iterator[str]:
    """Judge lines of an environment file."""
    yield from faults_of_settings(dict(line.split("=", 1) for line in block.text.splitlines() if line))


def judge_json(block: Block) -> Iterator[str]:
    """Judge a scenario, an output, a message of a webhook or a model's description by what it has."""
    try:
        value = json.loads(calls.filled(block.text))
    except ValueError as error:
        yield f"no JSON: {error}"
        return
    kinds = [judge for field, judge in DOCUMENTS.items() if field in value]
    if not kinds:
        yield "it is unknown what this JSON is"
    for judge in kinds[:1]:
        yield from judge(value)


def judge_scenario(value: Any) -> Iterator[str]:
    """Judge a scenario as orders are."""
    from tasks.errors import InvalidInputError
    from tasks.scenario.parse import parse

    try:
        parse(value)
    except InvalidInputError as error:
        yield str(error)


def judge_output(value: Any) -> Iterator[str]:
    """Judge an output by the schema of orders."""
    schema = calls.document()["components"]["schemas"]["RenderRequest"]["properties"]["output"]
    yield from calls.faults_of_json(value, schema, "output")


def judge_message(value: Any) -> Iterator[str]:
    """Judge a webhook's message by the list of events."""
    from api.webhooks.names import EVENTS

    if value["type"] not in EVENTS:
        yield f"there is no event {value['type']}"


def judge_description(value: Any) -> Iterator[str]:
    """Judge what describes a genre model (``tests/media/test_music_model.py`` has workers read one)."""
    if set(value) != {"name", "frames", "labels", "genres", "moods"}:
        yield f"a model is not described by {sorted(value)}"
    elif unknown := {*value["genres"], *value["moods"]} - set(value["labels"]):
        yield f"no label is {sorted(unknown)}"


DOCUMENTS: dict[str, Callable[[Any], Iterator[str]]] = {
    "tracks": judge_scenario,
    "container": judge_output,
    "timestamp": judge_message,
    "labels": judge_description,
}


def judge_python(block: Block) -> Iterator[str]:
    """Judge a program: it compiles, its imports are there, its calls name operations and methods."""
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        yield f"no Python: {error}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from faults_of_import(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from faults_of_python_call(node, node.func)


def faults_of_import(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Say which modules, and which names of them, are not there."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for name in modules:
        if importlib.util.find_spec(name) is None:
            yield f"there is no module {name}"
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(name)
            yield from (f"{name} has no {alias.name}" for alias in node.names if not hasattr(module, alias.name))


def faults_of_python_call(node: ast.Call, called: ast.Attribute) -> Iterator[str]:
    """Say what is wrong with ``api.post("/…", json={…})`` and with a method of the Python client."""
    if isinstance(called.value, ast.Name) and called.value.id == "client":
        from reelyard_client import Client

        if not hasattr(Client, called.attr):
            yield f"the client has no {called.attr}"
    if not (isinstance(called.value, ast.Name) and called.value.id == "api"):
        return
    arguments = [text_of(one) for one in node.args]
    method = arguments.pop(0) if called.attr == "stream" else called.attr
    body = next((ast.unparse(one.value) for one in node.keywords if one.arg == "json"), None)
    wrong = list(calls.faults_of_call(method.upper(), "$API" + arguments[0], {}, None))
    yield from wrong
    if body and body.startswith("{") and not wrong:
        told = calls.operation(method, calls.PREFIX + arguments[0])
        names = [str(ast.literal_eval(key)) for key in ast.parse(body, mode="eval").body.keys]  # type: ignore[attr-defined]
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        yield from calls.unknown_fields(dict.fromkeys(names), schema, arguments[0])


def text_of(node: ast.expr) -> str:
    """Return a text with a variable where it has something put in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "$X" for part in node.values)
    return str(ast.literal_eval(node))


def judge_script(block: Block) -> Iterator[str]:
    """Judge JavaScript and TypeScript: what they call and import; their form where Node is there."""
    for method, path in re.findall(r'\bapi\.(get|post|put|patch|delete|GET|POST)\("([^"]+)"', block.text):
        url = path if path.startswith("/api/") else calls.PREFIX + path
        yield from calls.faults_of_call(method.upper(), "http://127.0.0.1:8000" + url, {}, None)
    for path in re.findall(r"\$\{host\}(/[^`?]*)", block.text):
        yield from calls.faults_of_call("GET", "http://127.0.0.1:8000" + path, {}, None)
    for names in re.findall(r'import \{([^}]+)\} from "reelyard-client"', block.text):
        wanted = {name.strip() for name in names.split(",")}
        yield from (f"the client has no {name}" for name in sorted(wanted - client_exports()))
    if block.language == "javascript" and (node := shutil.which("node")):
        command = [node, "--input-type=module", "--check", "-"]
        done = subprocess.run(command, input=block.text, capture_output=True, text=True, check=False)
        if done.returncode:
            yield next(line for line in done.stderr.splitlines() if "Error" in line)


@cache
def client_exports() -> frozenset[str]:
    """Return what the TypeScript client hands out."""
    text = "".join(path.read_text() for path in (ROOT / "clients/typescript/src").glob("*.ts"))
    listed = ",".join(re.findall(r"export (?:type )?\{([^}]+)\}", text))
    named = re.findall(r"export (?:async )?(?:class|function|const|interface|type) (\w+)", text)
    return frozenset({*named, *(name.strip() for name in listed.split(","))})


def judge_sql(block: Block) -> Iterator[str]:
    """Judge SQL: its tables and triggers are made by a migration."""
    made = "".join(path.read_text() for path in (ROOT / "migrations").rglob("*.py"))
    for name in re.findall(r"(?:TABLE|FROM|TRIGGER) (\w+)", block.text):
        if name not in made:
            yield f"no migration makes {name}"


JUDGES: dict[str, Callable[[Block], Iterator[str]]] = {
    **dict.fromkeys(("sh", "bash", "console", "shell", "inline"), judge_shell),
    "ini": judge_settings,
    "json": judge_json,
    "python": judge_python,
    **dict.fromkeys(("javascript", "typescript", "ts"), judge_script),
    "sql": judge_sql,
}


def faults_of_block(block: Block) -> list[str]:
    """Return what is wrong with a block; a language that nobody judges is wrong."""
    judge = JUDGES.get(block.language)
    return list(judge(block)) if judge else [f"nobody judges {block.language or 'this'}"]
