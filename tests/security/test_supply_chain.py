"""S-16: what is installed is exactly what was pinned, new enough, and our code calls nothing dangerous."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.security("S-16")
ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
FLOORS = {"celery": (5, 7, 0), "kombu": (5, 7, 0), "pyjwt": (2, 13, 0), "flask-jwt-extended": (4, 7, 4)}
"""The first versions without known holes that reach us."""
WORKER_FLOORS = {"yt-dlp": (2026, 7, 4)}
DANGEROUS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.loads", "pickle.load"}
DANGEROUS |= {"marshal.loads", "yaml.load", "shelve.open", "tempfile.mktemp", "subprocess.getoutput"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().replace("\\\n", " ").strip())
    entries = [entry for entry in entries if not entry.startswith(("#", "--"))]

    assert entries
    for entry in entries:
        assert re.match(r"[\w.\[\],-]+ ?(==[\w.+]+|@ https://\S+)", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_what_had_holes_is_new_enough() -> None:
    api, workers = ((ROOT / f"requirements/{name}.txt").read_text() for name in ("api", "cpu"))
    floors = [(api, *pair) for pair in FLOORS.items()] + [(workers, *pair) for pair in WORKER_FLOORS.items()]

    for text, name, floor in floors:
        found = re.search(rf"^{name}==([\d.]+)", text, re.MULTILINE | re.IGNORECASE)
        assert found, name
        assert tuple(int(part) for part in found[1].split(".")) >= floor, (name, found[1])


def test_holed_packages_are_not_installed() -> None:
    text = "\n".join(lock.read_text() for lock in LOCKS).lower()

    assert not re.search(r"^(python-jose|pycrypto|pyyaml-include|flask-cors==[0-4])\b", text, re.MULTILINE)


def test_installers_ask_for_hashes() -> None:
    texts = [(ROOT / "Makefile").read_text()]
    texts += [path.read_text() for path in (ROOT / "deploy/docker").glob("*.Dockerfile")]
    lines = [line for text in texts for line in text.splitlines() if re.search(r"install\b.* -r ", line)]

    assert len(lines) >= 2
    assert [line for line in lines if "--require-hashes" not in line] == []


def dangerous_calls() -> list[str]:
    """Find calls by name, and processes started through a shell."""
    found = []
    for package in ("api", "tasks", "render_node", "cli", "migrations"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    shell = any(
                        word.arg == "shell" and getattr(word.value, "value", True) is not False
                        for word in node.keywords
                    )
                    if ast.unparse(node.func) in DANGEROUS or shell:
                        found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node.func)}")
    return found


def test_our_code_evaluates_nothing_and_starts_no_shell() -> None:
    assert dangerous_calls() == []
