"""Reads shell as far as documentation goes: simple commands, also within loops, functions, pipes and ``$(…)``."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

KEYWORDS = frozenset({"while", "until", "if", "then", "else", "do", "{", "!", "sudo", "exec"})
ENDS = frozenset({"done", "fi", "esac", "}", ":", "return", "case", "for", "continue"})
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
PATTERN = re.compile(r"(^|\s)[\w*|]+\)(?=\s)")
REDIRECTION = re.compile(r"\d?(?:>>|>|<<<|<)")
TOKEN = re.compile(
    r"""(?P<comment>(?:(?<=\s)|(?<=^))\#[^\n]*)
      | (?P<end>&&|\|\||[;|\n])
      | (?P<redirect>\d?(?:>>|>|<<<|<))
      | (?P<space>[ \t]+)""",
    re.VERBOSE,
)


@dataclass
class Command:
    """A simple command: what it is told by the environment, and its words."""

    environ: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


def fault_of(script: str) -> str:
    """Return what Bash says against a script's form; nothing when it is well."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    return done.stderr.strip()


def typed(text: str) -> str:
    """Return what is typed in a console: lines after a prompt with those that go on from them."""
    lines, goes_on = [], False
    for line in text.splitlines():
        if line.startswith(("$ ", "# ")) or goes_on:
            lines.append(line if goes_on else line[2:])
            goes_on = line.endswith("\\")
    return "\n".join(lines)


def commands(script: str) -> Iterator[Command]:
    """Yield every simple command of a script, those inside ``$(…)`` too."""
    script = script.replace("\\\n", " ")
    if re.search(r"\bcase\b", script):
        script = PATTERN.sub(r"\1;", script)
    script = re.sub(r"^\w+\(\) \{", "{", script, flags=re.MULTILINE)
    for tokens in split(script):
        command = simple(tokens)
        if command.words and command.words[0] in ENDS:
            continue
        if command.words or command.environ:
            yield command
        for token in tokens:
            for inner in substitutions(token):
                yield from commands(inner)


def split(script: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, as they are written."""
    words, word, place = list[str](), "", 0
    while place < len(script):
        found = TOKEN.match(script, place)
        if found is None or (found["comment"] is not None and word):
            end = after_word_part(script, place)
            word, place = word + script[place:end], end
            continue
        if word:
            words, word = [*words, word], ""
        if found["redirect"]:
            words.append(found["redirect"])
        elif found["end"] and words:
            yield words
            words = []
        place = found.end()
    if last := [*words, *([word] if word else [])]:
        yield last


def after_word_part(script: str, place: int) -> int:
    """Return where the quotation, the substitution or the character ends that begins here."""
    if script[place] == "\\":
        return place + 2
    if script[place] == "'":
        return script.index("'", place + 1) + 1
    if script.startswith("$(", place):
        return after_brackets(script, place + 1)
    if script[place] != '"':
        return place + 1
    place += 1
    while script[place] != '"':
        place = after_word_part(script, place) if script[place] in "\\$" else place + 1
    return place + 1


def after_brackets(script: str, place: int) -> int:
    """Return where the bracket that opens here is closed."""
    depth = 0
    while True:
        depth += {"(": 1, ")": -1}.get(script[place], 0)
        place = place + 1 if script[place] in "()" else after_word_part(script, place)
        if depth == 0:
            return place


def substitutions(token: str) -> Iterator[str]:
    """Yield the commands within ``$(…)``."""
    place = 0
    while token[:1] != "'" and (place := token.find("$(", place)) != -1:
        end = after_brackets(token, place + 1)
        yield token[place + 2 : end - 1]
        place = end


def simple(tokens: list[str]) -> Command:
    """Return a command without keywords before it and redirections after it."""
    command, rest = Command(), list(tokens)
    while rest and (rest[0] in KEYWORDS or ASSIGNMENT.match(rest[0])):
        word = rest.pop(0)
        if word not in KEYWORDS:
            name, _, value = word.partition("=")
            command.environ[name] = unquote(value)
    while rest:
        word = rest.pop(0)
        if REDIRECTION.fullmatch(word):
            rest = rest[1:]
        else:
            command.words.append(unquote(word))
    return command


def unquote(word: str) -> str:
    """Take the quotation marks away; a substitution becomes ``$(…)``."""
    plain, place = "", 0
    while place < len(word):
        end = after_word_part(word, place)
        part = word[place:end]
        if part.startswith("'"):
            part = part[1:-1]
        elif part.startswith('"'):
            part = unquote_double(part[1:-1])
        elif part.startswith("$("):
            part = "$(…)"
        plain, place = plain + part, end
    return plain


def unquote_double(text: str) -> str:
    """Return what double quotation marks hold."""
    plain, place = "", 0
    while place < len(text):
        end = after_word_part(text, place) if text[place] in "\\$" else place + 1
        part = text[place:end]
        plain += part[1:] if part[0] == "\\" else "$(…)" if part.startswith("$(") else part
        place = end
    return plain
