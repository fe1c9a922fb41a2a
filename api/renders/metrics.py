"""Gauges over the renders of the last hour, asked of the database at each scrape."""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import ColumnElement, Float, func, select
from sqlalchemy.orm import Session

from api.assets.models import Asset
from api.jobs.models import Job
from api.jobs.states import TERMINAL, JobState
from api.metrics import register_gauges
from api.renders.models import OutputOfRender, Render

CACHED = "cached"
"""Counted apart: what was drawn before ends at once, and would make renders look quick."""
QUANTILES = (0.5, 0.95)


@register_gauges
def render_gauges(session: Session) -> list[Metric]:
    """Return how the renders of the last hour ended, what they took and what they wrote."""
    recent = Job.finished_at > func.now() - func.make_interval(0, 0, 0, 0, 1)
    drawn = recent & (Job.state == JobState.SUCCEEDED.value) & Render.cached.is_(False)
    return [count_ends(session, recent), measure_seconds(session, drawn), add_up_outputs(session, drawn)]


def count_ends(session: Session, recent: ColumnElement[bool]) -> Metric:
    """Return how many ended in each way."""
    ends = GaugeMetricFamily("reelyard_renders", "Renders that ended within an hour", labels=["state"])
    query = select(Job.state, Render.cached, func.count()).join(Render, Render.job_id == Job.id).where(recent)
    counts = dict.fromkeys([*sorted(state.value for state in TERMINAL), CACHED], 0)
    for state, cached, count in session.execute(query.group_by(Job.state, Render.cached)):
        counts[CACHED if cached and state == JobState.SUCCEEDED.value else state] += count
    for state, count in counts.items():
        ends.add_metric([state], count)
    return ends


def measure_seconds(session: Session, drawn: ColumnElement[bool]) -> Metric:
    """Return the quantiles of the seconds from order to end; none where nothing was drawn."""
    seconds = GaugeMetricFamily(
        "reelyard_render_seconds", "From order to end of the renders drawn within an hour", labels=["quantile"]
    )
    took_s = func.extract("epoch", Job.finished_at - Job.created_at)
    asked = [func.percentile_cont(share).within_group(took_s) for share in QUANTILES]
    row = session.execute(select(*asked).join(Render, Render.job_id == Job.id).where(drawn)).one()
    for share, value in zip(QUANTILES, row, strict=True):
        if value is not None:
            seconds.add_metric([str(share)], float(value))
    return seconds


def add_up_outputs(session: Session, drawn: ColumnElement[bool]) -> Metric:
    """Return the seconds of video that were written."""
    length_s = Asset.media["duration_s"].astext.cast(Float)
    query = select(func.coalesce(func.sum(length_s), 0.0)).select_from(Job).join(Render, Render.job_id == Job.id)
    query = query.join(OutputOfRender, OutputOfRender.render_id == Render.id)
    total_s = session.scalar(query.join(Asset, Asset.id == OutputOfRender.asset_id).where(drawn)) or 0.0
    told = "Seconds of media that renders wrote within an hour"
    return GaugeMetricFamily("reelyard_render_output_seconds", told, value=float(total_s))
