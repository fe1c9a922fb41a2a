"""A gauge over what providers were paid, asked of the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.metrics import register_gauges
from api.videos.models import MusicVideo


@register_gauges
def provider_gauges(session: Session) -> Iterable[Metric]:
    """Yield what the clips of kept music videos cost at providers, in dollars."""
    dollars = session.scalar(select(func.coalesce(func.sum(MusicVideo.spent_usd), 0.0)))
    yield GaugeMetricFamily(
        "reelyard_provider_dollars", "Paid for the music videos that are kept", value=float(dollars or 0.0)
    )
