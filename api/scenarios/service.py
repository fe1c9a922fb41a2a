"""Looking at scenarios without rendering them."""

from __future__ import annotations

from typing import Any

from tasks.errors import InvalidInputError
from tasks.fonts import check_scenario
from tasks.fonts.accept import accept
from tasks.scenario import parse


def find_problems(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the findings for which a render of the scenario would be refused; none when it is fine."""
    findings, _ = look_at(document)
    return findings


def look_at(document: dict[str, Any], *, strict: bool = False) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the findings for which a render would be refused, and what of a document of another format is unmapped."""
    unmapped: list[dict[str, Any]] = []
    try:
        accepted = accept(document, strict=strict)
        unmapped = accepted.unmapped
        check_scenario(parse(accepted.scenario))
    except InvalidInputError as error:
        findings = error.extra.get("findings") or [{"pointer": "", "message": error.detail, "code": error.code}]
        return list(findings), unmapped
    return [], unmapped
