"""Ordering a render: looked at, answered from an earlier one where possible, else made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.assets.service import require_ready
from api.ids import get_owned
from api.jobs.models import Job, Step
from api.renders import service
from api.renders.cache import find_finished, find_twin, reuse_render
from api.renders.estimate import predict_render, remember, work_of
from api.renders.flaws import BLOCK, look_over, plan_checks
from api.renders.models import OutputOfRender, Render
from api.users.models import User
from tasks.contracts import RenderOrder, RenderOutput
from tasks.contracts.outputs import complete_output
from tasks.contracts.shorts import Reframing
from tasks.errors import InvalidInputError
from tasks.fonts.accept import accept
from tasks.workflows.captions import RENDER


def order_render(session: Session, user: User, body: dict[str, Any]) -> Render:
    """Return a render for the order: a new one, or one that has ended already where the result is there.

    :param body: a loaded ``RenderRequest``.
    """
    source = get_owned(Asset, body["source_asset_id"])
    accepted = accept(body["scenario"], strict=body["strict"], aspect=shape_of(source))
    body = {**body, "scenario": accepted.scenario}
    service.check_order(body["scenario"])
    outputs = read_outputs(body["outputs"])
    require_ready(source)
    findings = look_over(body, source, outputs)
    if not body["force"]:
        order_hash = service.hash_order(source.sha256, body["scenario"], outputs)
        done = find_finished(session, user, source, order_hash, is_checked=body["mode"] == BLOCK)
        if done is not None:
            render = reuse_render(session, user, source, done, outputs=outputs)
            render.findings, render.unmapped = findings, accepted.unmapped
            return render
    render = service.create_render(
        session,
        user,
        source,
        scenario=body["scenario"],
        outputs=outputs,
        priority=body["priority"],
        checks=plan_checks(body, source, outputs),
    )
    render.findings, render.unmapped = findings, accepted.unmapped
    with session.no_autoflush:  # the row is written once, with all that there is to say
        render.twin_id = find_twin(session, render, source)
        foresee(session, render, source, outputs)
    session.flush()
    return render


def order_within(
    session: Session,
    job: Job,
    step: Step,
    source: Asset,
    *,
    scenario: dict[str, Any],
    output: RenderOutput,
    reframing: Reframing | None = None,
) -> Render:
    """Order a render over what a job has just made, done by the job's own next step; raise ``scenario.*``.

    :param source: what is drawn over; the render belongs where it does. ``job.subject`` names the render's id.
    :param reframing: how the source is framed while it is drawn on.
    """
    service.check_order(scenario)
    output = complete_output(output)
    render = Render(
        id=UUID(job.subject["render_id"]),
        owner_id=source.owner_id,
        organisation_id=source.organisation_id,
        job_id=job.id,
        source_asset_id=source.id,
        scenario=scenario,
        scenario_hash=service.hash_order(source.sha256, scenario, [output], reframing),
        outputs=[OutputOfRender(number=0, output=output.to_json())],
    )
    session.add(render)
    session.flush()
    order = RenderOrder(source.object_key, scenario, output, source_sha256=source.sha256, reframing=reframing)
    step.input = order.to_json()
    return render


def find_reframing(render: Render) -> Reframing | None:
    """Return how a render frames its source's picture, if it does."""
    told = next((step.input.get("reframing") for step in render.job.steps if step.name == RENDER), None)
    return Reframing.from_json(told) if told else None


def read_outputs(asked: Sequence[dict[str, Any]]) -> tuple[RenderOutput, ...]:
    """Check and complete the outputs of an order.

    Raises ``render.*`` with the number of the output at fault, ``render.same_output`` for two that are equal.
    """
    outputs: list[RenderOutput] = []
    for number, document in enumerate(asked):
        try:
            output = complete_output(RenderOutput.from_json(document))
        except InvalidInputError as error:
            raise InvalidInputError(error.code, error.detail, {**error.extra, "output": number}) from error
        if output in outputs:
            detail = f"Outputs {outputs.index(output)} and {number} are the same"
            raise InvalidInputError("render.same_output", detail, {"output": number})
        outputs.append(output)
    return tuple(outputs)


def foresee(session: Session, render: Render, source: Asset, outputs: Sequence[RenderOutput]) -> None:
    """Write down how long the render will take, as far as anybody knows."""
    media = source.media_info
    if media is not None:
        works = [work_of(media, render.scenario, output) for output in outputs]
        remember(render, works, predict_render(session, works))


def shape_of(source: Asset) -> tuple[int, int] | None:
    """Return width and height of a source's picture as it is shown, None where they are not known."""
    media = source.media_info
    return (media.video.display_width, media.video.display_height) if media and media.video else None
