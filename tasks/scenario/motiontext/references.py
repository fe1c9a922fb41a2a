"""References into a document's ``define`` section, replaced by what they name."""

from __future__ import annotations

from typing import Any

from tasks.scenario.check import Finding, finding, suggest

MAX_DEPTH = 64
MAX_NAMED = 20_000
MAX_ALL_NAMED = 400_000
"""Values that one reference, and all of them, may stand for: a few can name each other without end."""


class TooLargeError(Exception):
    """Raised when a document grows beyond the limits."""


class References:
    """Replaces ``define.<path>`` (2.0) and ``definitions.<path>`` (1.3) wherever they stand."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.findings: list[Finding] = []
        self._sections = {
            prefix: section if isinstance(section, dict) else {}
            for prefix, section in (("define", document.get("define")), ("definitions", document.get("definitions")))
        }
        self._named = self._all_named = 0

    def resolve(self, value: Any, pointer: str, *, path: tuple[str, ...] = (), depth: int = 0) -> Any:
        """Return a copy without references; what is wrong goes to ``findings``. Raises TooLargeError."""
        self._named = self._named + 1 if path else 0
        self._all_named += bool(path)
        if depth > MAX_DEPTH or self._named > MAX_NAMED or self._all_named > MAX_ALL_NAMED:
            raise TooLargeError
        if isinstance(value, str):
            return self._follow(value, pointer, path, depth)
        if isinstance(value, list):
            return [self.resolve(each, f"{pointer}/{i}", path=path, depth=depth + 1) for i, each in enumerate(value)]
        if isinstance(value, dict):
            return {
                key: self.resolve(each, f"{pointer}/{_escape(key)}", path=path, depth=depth + 1)
                for key, each in value.items()
            }
        return value

    def _follow(self, text: str, pointer: str, path: tuple[str, ...], depth: int) -> Any:
        prefix, dot, rest = text.partition(".")
        if not dot or prefix not in self._sections or not _is_path(rest):
            return text
        if text in path:
            chain = " → ".join((*path, text))
            self.findings.append(finding(pointer, f"the reference leads back to itself: {chain}", "circular_reference"))
            return None
        current: Any = self._sections[prefix]
        for step in rest.split("."):
            if isinstance(current, str):
                current = self.resolve(current, pointer, path=(*path, text), depth=depth + 1)
            if not isinstance(current, dict) or step not in current:
                known = current if isinstance(current, dict) else ()
                message = f"there is no {step} in {text}"
                self.findings.append(finding(pointer, message, "unknown_reference", suggest(step, known)))
                return None
            current = current[step]
        return self.resolve(current, pointer, path=(*path, text), depth=depth + 1)


def _is_path(rest: str) -> bool:
    """Text that merely begins with the word is no reference."""
    return bool(rest) and not any(char.isspace() for char in rest) and all(rest.split("."))


def _escape(key: str) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
