"""Use cases of validations: what can be told at once, what a render node must look at."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.fonts.library import named_fonts
from api.ids import get_visible, new_id
from api.images.library import named_images
from api.jobs.service import create_job
from api.jobs.states import JobState
from api.renders.pricing import output_size
from api.scenarios.service import find_problems
from api.stills.answers import find_answer, hash_question
from api.users.models import User
from api.validations.models import Validation
from tasks.contracts import RenderOutput
from tasks.contracts.check import CheckOrder, CheckResult
from tasks.errors import InvalidInputError
from tasks.fonts import faces_of, find_substitutes
from tasks.names import Priority
from tasks.scenario import parse
from tasks.scenario.quality import ERROR, Finding, find_flaws
from tasks.scenario.safe_areas import USUAL, find_safe_area
from tasks.workflows.captions import build_check_steps

JOB_KIND = "check"
RECIPE = "check/3"
EMPTY = {"severity": ERROR, "cue_id": None, "word_id": None, "t": None, "box": None, "suggestion": None, "fix": None}


def find_errors(scenario: dict[str, Any]) -> list[Finding]:
    """Return why the scenario cannot be rendered at all, as findings; none when it can."""
    return [{**EMPTY, **problem} for problem in find_problems(scenario)]


def find_cheap(scenario: dict[str, Any], source: Asset | None, output: RenderOutput) -> list[Finding]:
    """Return what can be said of a scenario that can be rendered, without a browser."""
    media = source.media_info if source else None
    size = output_size(media, output) if media and media.video else None
    parsed = parse(scenario)
    flaws = find_flaws(parsed, duration_s=media.duration_s if media else None, size=size)
    return [*flaws, *find_substitutes(parsed)]


def build_order(
    scenario: dict[str, Any], source: Asset | None, *, output: RenderOutput, safe_area: str, samples: int
) -> CheckOrder:
    """Return the order; raise ``scenario.unknown_safe_area`` or ``render.no_video``."""
    area = find_safe_area(safe_area or str(scenario.get("safeArea") or USUAL))
    media = source.media_info if source else None
    if source is not None and (media is None or media.video is None):
        raise InvalidInputError("render.no_video", "The source has no picture to draw captions over")
    key, sha256 = (source.object_key, source.sha256) if source else ("", "")
    fonts, images = named_fonts(scenario), named_images(scenario)
    return CheckOrder(scenario, area.name, key, sha256, media, output, samples, fonts, images)


def ask_validation(session: Session, user: User, order: CheckOrder, source: Asset | None) -> tuple[Validation, bool]:
    """Return the answer to the same question, there or on its way, or a new one; and whether it is new."""
    content_hash = hash_order(order)
    found = find_answer(session, Validation, user.id, source, content_hash=content_hash)
    if found is not None:
        return found, False
    validation_id = new_id()
    subject = {"validation_id": str(validation_id)} | ({"source_asset_id": str(source.id)} if source else {})
    job = create_job(
        session,
        owner_id=user.id,
        organisation_id=source.organisation_id if source else None,
        kind=JOB_KIND,
        steps=build_check_steps(order),
        priority=Priority.HIGH,
        subject=subject,
    )
    validation = Validation(
        id=validation_id,
        owner_id=user.id,
        organisation_id=job.organisation_id,
        job_id=job.id,
        source_asset_id=source.id if source else None,
        content_hash=content_hash,
    )
    session.add(validation)
    session.flush()
    return validation, True


def hash_order(order: CheckOrder) -> str:
    """Name a validation by everything that decides its findings."""
    asked = order.to_json()
    for where in ("source_key", "fonts"):
        del asked[where]
    fonts = [face.sha256 for face in faces_of(parse(order.scenario))]
    area = find_safe_area(order.safe_area)
    return hash_question(recipe=RECIPE, fonts=fonts, area=list(area.within(10_000, 10_000)), **asked)


def get_validation(validation_id: UUID) -> Validation:
    """Return the caller's validation; raise ``validation.not_found``."""
    return get_visible(Validation, validation_id)


def describe(validation: Validation, *, cached: bool) -> dict[str, Any]:
    """Return what a validation looks like from outside."""
    job = f"/api/v1/jobs/{validation.job_id}"
    told: dict[str, Any] = {
        "id": validation.id,
        "job_id": validation.job_id,
        "state": validation.job.state,
        "cached": cached,
        "error": validation.job.error,
        "links": {"self": f"/api/v1/validations/{validation.id}", "job": job, "events": f"{job}/events"},
    }
    if validation.result is None:
        return told
    result = CheckResult.from_json(validation.result)
    looked_at = {
        "width": result.width,
        "height": result.height,
        "cues": result.cues,
        "samples": result.samples,
        "safe_area": result.safe_area,
    }
    return {**told, "valid": not result.findings, "findings": list(result.findings), "looked_at": looked_at}


def refuse_at_once(findings: list[Finding]) -> dict[str, Any]:
    """Return the answer to a scenario that no node needs to look at."""
    return {"state": JobState.SUCCEEDED.value, "cached": False, "valid": False, "findings": findings}
