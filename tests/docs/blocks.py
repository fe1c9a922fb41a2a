"""Finds what a page has its reader type or copy: code blocks, literal blocks, and commands within sentences."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
INDENTED = r"((?:\1 +\S.*\n|[ \t]*\n)+)"
DIRECTIVE = re.compile(r"^( *)\.\. code-block::[ ]*(\S*)[ ]*\n(?:\1 +:.*\n)*[ \t]*\n" + INDENTED, re.MULTILINE)
LITERAL = re.compile(r"^( *)(?!\.\. )\S.*::\n[ \t]*\n" + INDENTED, re.MULTILINE)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(
    r"``((?:[A-Z_]+=\S+ )?(?:\.venv/bin/|sudo )?(?:reelyard|make|python|curl|kubectl|docker|systemctl) [^`]+)``"
)


@dataclass(frozen=True)
class Block:
    """One block of a page, without its indentation."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Say where it stands."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return every page that people wrote."""
    own = [path for path in (ROOT / "docs").rglob("*.rst") if path.relative_to(ROOT / "docs").parts[0][0] != "_"]
    clients = [ROOT / "clients/python/README.rst", ROOT / "clients/typescript/README.md"]
    return [*sorted(ROOT.glob("*.rst")), *sorted(own), *clients]


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """Yield a page's blocks: the language of literal ones is guessed, that of commands in sentences is ``inline``."""
    if page.endswith(".md"):
        for found in FENCE.finditer(text):
            yield Block(page, line_of(text, found), found[1], found[2])
        return
    for found in DIRECTIVE.finditer(text):
        yield Block(page, line_of(text, found), found[2], textwrap.dedent(found[3]).strip("\n"))
    for found in LITERAL.finditer(text):
        yield Block(page, line_of(text, found), "sh", textwrap.dedent(found[2]).strip("\n"))
    for found in INLINE.finditer(text.replace("\n     ", " ")):
        yield Block(page, 0, "inline", " ".join(found[1].split()))


def line_of(text: str, found: re.Match[str]) -> int:
    """Return the line on which something stands."""
    return text.count("\n", 0, found.start()) + 1
