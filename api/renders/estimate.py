"""Estimates from the service's own rows: what renders took, who waits now, how good estimates were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, not_, select
from sqlalchemy.orm import Session

from api.jobs.engine import database_now
from api.jobs.models import Attempt, Job, Step
from api.jobs.states import Outcome, StepState
from api.renders.estimator import (
    RECENT,
    Accuracy,
    Measured,
    Prediction,
    Told,
    Work,
    judge,
    predict,
    wait_s,
)
from api.renders.models import OutputOfRender, Render
from api.renders.pricing import output_size
from tasks.contracts import MediaInfo, RenderOutput
from tasks.names import TaskName

JUDGED = 100
SEEN = timedelta(minutes=10)
"""A worker that took a step within this time counts as one that is there."""
PICKUP_S = 0.5


def work_of(media: MediaInfo, scenario: dict[str, Any], output: RenderOutput) -> Work:
    """Return what a render of this order has to do."""
    width, height = output_size(media, output)
    return Work(count_frames(media, output), width, height, style_of(scenario), output.codec)


def count_frames(media: MediaInfo, output: RenderOutput) -> int:
    """Return how many frames will be written."""
    video = media.video
    if output.fps:
        return max(1, round(media.duration_s * Fraction(output.fps)))
    if video is None:
        return 1
    return video.frame_count or max(1, round(media.duration_s * video.fps_num / max(1, video.fps_den)))


def style_of(scenario: dict[str, Any]) -> str:
    """Name how the captions of a scenario move, as far as it decides the work."""
    names = set()
    for track in scenario.get("tracks", ()):
        animation = track.get("animation") or {}
        kinds = [(animation.get(axis) or {}).get("type", "") for axis in ("activeWord", "loop")]
        names.add("+".join(kind for kind in kinds if kind and kind != "none") or "plain")
    return ",".join(sorted(names))[:60]


@lru_cache(maxsize=1)
def select_history() -> Select[*tuple[Any, ...]]:
    """Select prediction, receipt and output of the newest finished renders of one output."""
    return (
        select(Render.predicted, OutputOfRender.receipt, OutputOfRender.output)
        .join(OutputOfRender, and_(OutputOfRender.render_id == Render.id, OutputOfRender.number == 0))
        .where(Render.predicted.has_key("actual_s"), OutputOfRender.receipt.is_not(None), Render.cached.is_(False))
        .where(not_(Render.outputs.any(OutputOfRender.number > 0)))
        .order_by(Render.created_at.desc())
        .limit(RECENT)
    )


def read_history(session: Session) -> list[Measured]:
    """Return finished renders of one output, newest first, with the seconds of the attempt that did the work."""
    found = []
    for predicted, receipt, output in session.execute(select_history()):
        size = (receipt["frame_count"], receipt["width"], receipt["height"])
        work = Work(*size, predicted.get("style", ""), output.get("codec", ""))
        found.append(Measured(work, float(predicted["actual_s"])))
    return found


def predict_render(session: Session, works: Sequence[Work]) -> Prediction:
    """Return how long a render will take once a worker has it: several outputs as if made one by one, which is most."""
    history = read_history(session)
    each = [predict(work, history) for work in works]
    p50_s, p90_s = (round(sum(getattr(one, name) for one in each), 2) for name in ("p50_s", "p90_s"))
    return Prediction(p50_s, p90_s, each[0].basis, each[0].n)


def remember(render: Render, works: Sequence[Work], prediction: Prediction) -> None:
    """Write the estimate of the moment of ordering down, to be held against what came of it."""
    render.predicted = {**asdict(prediction), "style": works[0].style, "frames": works[0].frames}


def measure_render(session: Session, job: Job) -> None:
    """Write down what a render really took; called as its job ends."""
    render = session.get(Render, UUID(job.subject["render_id"]))
    query = (
        select(Attempt.started_at, Attempt.ended_at)
        .join(Step, Step.id == Attempt.step_id)
        .where(
            Step.job_id == job.id, Step.task == TaskName.RENDER_VIDEO.value
        )  # pieces tell nothing: many nodes at once
        .where(Attempt.outcome == Outcome.SUCCEEDED.value)
    )
    attempt = session.execute(query.order_by(Attempt.number.desc()).limit(1)).one_or_none()
    if render is None or render.predicted is None or attempt is None or attempt.ended_at is None:
        return
    seconds = (attempt.ended_at - attempt.started_at).total_seconds()
    render.predicted = {**render.predicted, "actual_s": round(seconds, 3)}


def read_accuracy(session: Session) -> Accuracy:
    """Return how good the latest estimates were."""
    query = (
        select(Render.predicted)
        .where(Render.predicted.has_key("actual_s"), Render.cached.is_(False))
        .order_by(Render.created_at.desc())
        .limit(JUDGED)
    )
    rows = [row for row in session.scalars(query) if row is not None]
    return judge([Told(row["p50_s"], row["p90_s"], row["actual_s"]) for row in rows])


def describe_queue(session: Session, usual_s: float) -> dict[str, Any]:
    """Return who waits and works now, and how long the next render would wait.

    :param usual_s: seconds that the renders before it take, as far as anybody knows.
    """
    now = database_now(session)
    is_render = Step.task.in_((TaskName.RENDER_VIDEO.value, TaskName.RENDER_CHUNK.value))
    counts = dict(
        session.execute(
            select(Step.state, func.count())
            .where(is_render, Step.state.in_((StepState.QUEUED.value, StepState.RUNNING.value)))
            .group_by(Step.state)
        ).all()
    )
    seen = select(func.count(func.distinct(Attempt.node))).join(Step, Step.id == Attempt.step_id)
    workers = session.scalar(seen.where(is_render, func.coalesce(Attempt.ended_at, now) > now - SEEN)) or 0
    queued, running = int(counts.get("queued", 0)), int(counts.get("running", 0))
    wait = wait_s(queued=queued, running=running, workers=max(1, workers), usual_s=usual_s, pickup_s=PICKUP_S)
    return {"wait_s": round(wait, 1), "queued": queued, "running": running, "workers": workers}
