"""S-18: rules of the standard about how code is written, read from the code itself."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from api.identities.schemas import CodeRequest
from api.mail.models import EmailProof, Purpose
from api.mail.proofs import arm
from api.videos.shares import SECRET_BYTES
from cli.services.vault import _GENERATED

pytestmark = pytest.mark.security("S-18")
ROOT = Path(__file__).parents[2]
OURS = ("api", "tasks", "render_node", "cli")
HASHES = {"sha256", "sha384", "sha512"}
FOREIGN = {
    "Crypto",
    "Cryptodome",
    "nacl",
    "pyaes",
    "rsa",
    "ecdsa",
    "passlib",
    "bcrypt",
    "scrypt",
    "OpenSSL",
    "M2Crypto",
}
LEAST_BYTES = 16
NO_SECRETS = {("cli/demo.py", "token_hex", "4"), ("cli/commands/user.py", "token_urlsafe", "15")}
"""A name of a demonstration's account; a first password of 20 letters, which is to be typed."""
SHUFFLED = {"api/jobs/attempts.py", "api/webhooks/line.py", "api/player/machine.py"}
"""Who may use random numbers that can be guessed: pauses before the next try, and the order of songs."""
OUR_FORMATS = {
    ("api/idempotency/__init__.py", "endpoint.format(**kwargs)"),
    ("tasks/client.py", "path.value.format(step_id=step_id)"),
}
"""Formats that are handed on as arguments: of a decorator, and a member of an enumeration."""
PAGES = ("api/pages", "api/docs_pages", "studio/src", "studio/index.html", "tasks/scenario/stage")
DEAD = re.compile(
    r"<(applet|embed|object|bgsound|marquee|frameset)\b|\.swf\b|ActiveXObject|showModalDialog|NPAPI", re.I
)
NO_PASTE = re.compile(r"onpaste|onPaste|[\"']paste[\"']|[\"']beforeinput[\"']|autocomplete=[\"']off[\"']")


@cache
def modules() -> list[tuple[str, ast.Module]]:
    paths = [path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text())) for path in paths]


@cache
def calls() -> list[tuple[str, ast.Call]]:
    return [(name, node) for name, module in modules() for node in ast.walk(module) if isinstance(node, ast.Call)]


def attribute_calls(owner: str) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield file, name and call of what is called on a module of this name."""
    for name, call in calls():
        target = call.func
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == owner:
            yield name, target.attr, call


def imported() -> dict[str, set[str]]:
    """Return the top-level packages that our code imports, each with the files."""
    found: dict[str, set[str]] = {}
    for name, module in modules():
        for node in ast.walk(module):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for one in names:
                found.setdefault(one.partition(".")[0], set()).add(name)
    return found


def is_for_safety(call: ast.Call) -> bool:
    told = {one.arg: one.value for one in call.keywords}.get("usedforsecurity")
    return not (isinstance(told, ast.Constant) and told.value is False)


def test_only_hashes_of_256_bits_and_more_are_used_for_safety() -> None:
    """V11.4.1, V11.4.3."""
    used = [(name, called, call) for name, called, call in attribute_calls("hashlib")]
    weak = [(name, called) for name, called, call in used if called not in HASHES and is_for_safety(call)]

    assert len(used) > 10
    assert [one for one in weak if one[1] not in ("file_digest",)] == []


def test_every_signature_of_ours_is_hmac_sha256() -> None:
    """V11.4.3."""
    signed = [(name, ast.unparse(call.args[-1])) for name, called, call in attribute_calls("hmac") if called == "new"]

    assert len(signed) >= 3
    assert [one for one in signed if one[1] not in ("hashlib.sha256", "'sha256'", "sha256")] == []


def test_cryptography_comes_from_known_libraries() -> None:
    """V11.2.1."""
    found = imported()

    assert {"argon2", "hashlib", "hmac", "jwt", "joserfc"} <= set(found)
    assert FOREIGN & set(found) == set()
    assert {"crypt", "md5", "sha"} & set(found) == set()


def test_what_must_not_be_guessed_comes_from_the_operating_system() -> None:
    """V6.5.3, V6.5.4, V11.5.1."""
    named = {
        "SECRET_BYTES": SECRET_BYTES,
        "size": min(size for name, size in _GENERATED.items() if name != "s3_access_key"),
    }
    sizes = {}
    for name, called, call in attribute_calls("secrets"):
        if called in ("token_bytes", "token_hex", "token_urlsafe"):
            [size] = call.args
            sizes[name, called, ast.unparse(size)] = (
                size.value if isinstance(size, ast.Constant) else named[ast.unparse(size)]
            )

    assert len(sizes) > 8
    assert {one for one, size in sizes.items() if size < LEAST_BYTES} == NO_SECRETS
    assert {file for file in imported().get("random", ()) if file.startswith("api/")} == SHUFFLED


def test_codes_in_letters_have_256_bits_and_never_repeat() -> None:
    """V6.5.3, V6.5.4."""
    made = {arm(EmailProof(purpose=Purpose.RESET.value)) for _ in range(1000)}

    assert len(made) == 1000
    assert {len(one) for one in made} == {43}


def test_templates_are_files_of_the_package() -> None:
    """V1.3.7."""
    made = [
        (name, ast.unparse(call.func))
        for name, call in calls()
        if re.search(r"render_template_string|\bfrom_string$|\bTemplate$", ast.unparse(call.func))
    ]

    assert made == []


def test_no_text_from_outside_is_a_format() -> None:
    """V1.3.10: what is formatted is written in the code; the linter holds log messages to constants."""
    rules = tomllib.loads((ROOT / "ruff.toml").read_text())["lint"]
    foreign = []
    for name, call in calls():
        target = call.func
        if isinstance(target, ast.Attribute) and target.attr in ("format", "format_map"):
            source = target.value
            constant = isinstance(source, ast.Constant) or re.search(
                r"(^|\.)_?[A-Z][A-Z0-9_]*(\.value|\[.*\])?$", ast.unparse(source)
            )
            if not constant:
                foreign.append((name, ast.unparse(call)[:80]))

    assert "G" in rules["select"]
    assert "G" not in "".join(rules["ignore"])
    assert set(foreign) == OUR_FORMATS


def sources() -> Iterator[tuple[str, str]]:
    for place in PAGES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in (".html", ".js", ".ts", ".tsx", ".css"):
                yield str(file.relative_to(ROOT)), file.read_text()


def test_pages_use_what_browsers_still_have() -> None:
    """V3.7.1."""
    texts = list(sources())

    assert len(texts) > 50
    assert [name for name, text in texts if DEAD.search(text)] == []


def test_no_form_keeps_a_password_from_being_pasted_or_remembered() -> None:
    """V6.2.7."""
    forms = [(name, text) for name, text in sources() if "password" in text]

    assert len(forms) >= 3
    assert [name for name, text in forms if NO_PASTE.search(text)] == []


def test_our_code_becomes_tokens_by_one_grant() -> None:
    """V10.4.4."""
    assert set(CodeRequest().fields) == {"code", "verifier"}
