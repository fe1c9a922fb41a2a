"""What an order does about flaws of its captions: tells those that are seen at once, or lets none pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from api.assets.models import Asset
from api.validations.service import build_order, find_cheap
from tasks.contracts import RenderOutput
from tasks.contracts.check import MOST_SAMPLES, CheckOrder
from tasks.errors import InvalidInputError, PermanentError
from tasks.scenario.quality import Finding

OFF, BLOCK = "off", "block"
"""Modes besides ``warn``."""
MOST_TOLD = 100
MOST_KEPT = 20
"""Of findings in a job's error, which is read with every list of jobs."""
CODE = "render.has_findings"


def look_over(body: dict[str, Any], source: Asset, outputs: Sequence[RenderOutput]) -> list[Finding] | None:
    """Return what the checks that need no browser find, None with mode ``off``.

    Raises ``render.has_findings`` with mode ``block`` when there are any.
    """
    if body["mode"] == OFF:
        return None
    findings: list[Finding] = []
    for output in outputs:
        findings += [flaw for flaw in find_cheap(body["scenario"], source, output) if flaw not in findings]
    if findings and body["mode"] == BLOCK:
        raise InvalidInputError(CODE, sum_up(findings), tell(findings, MOST_TOLD))
    return findings


def plan_checks(body: dict[str, Any], source: Asset, outputs: Sequence[RenderOutput]) -> list[CheckOrder]:
    """Return the deep validations that a render waits for: with mode ``block`` one for each shape of its outputs.

    Raises ``scenario.unknown_safe_area``, ``render.no_video``.
    """
    if body["mode"] != BLOCK:
        return []
    return [
        build_order(body["scenario"], source, output=shape, safe_area="", samples=MOST_SAMPLES)
        for shape in dict.fromkeys(shapes_of(outputs))
    ]


def shapes_of(outputs: Iterable[RenderOutput]) -> Iterable[RenderOutput]:
    """Return of each output what decides where its captions lie and what is behind them."""
    usual = RenderOutput()
    for output in outputs:
        yield replace(
            usual,
            width=output.width,
            height=output.height,
            aspect=output.aspect,
            fit=output.fit,
            background=output.background,
        )


def require_none(findings: Sequence[Finding]) -> None:
    """Raise ``render.has_findings``, for good, when a deep validation found anything."""
    if findings:
        raise PermanentError(CODE, sum_up(findings), tell(findings, MOST_KEPT))


def sum_up(findings: Sequence[Finding]) -> str:
    """Say in a sentence that there are findings."""
    flaws = "1 flaw" if len(findings) == 1 else f"{len(findings)} flaws; the first"
    return f"The captions have {flaws}: {findings[0]['message']}"


def tell(findings: Sequence[Finding], most: int) -> dict[str, Any]:
    """Return the details of a refusal."""
    return {"findings": list(findings[:most]), "count": len(findings)}
