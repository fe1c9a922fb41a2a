"""Looking at scenarios without rendering them."""

from __future__ import annotations

from typing import Any

from tasks.errors import InvalidInputError
from tasks.fonts import check_scenario
from tasks.scenario import parse


def find_problems(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the findings for which a render of the scenario would be refused; none when it is fine."""
    try:
        check_scenario(parse(document))
    except InvalidInputError as error:
        return list(error.extra.get("findings") or [{"pointer": "", "message": error.detail, "code": error.code}])
    return []
