"""Gauges over credits, asked of the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.credits.models import CreditAccount
from api.metrics import register_gauges


@register_gauges
def credit_gauges(session: Session) -> Iterable[Metric]:
    """Yield what all accounts have and owe."""
    sums = select(func.coalesce(func.sum(CreditAccount.balance), 0), func.coalesce(func.sum(CreditAccount.debt), 0))
    balance, debt = session.execute(sums).one()
    yield GaugeMetricFamily("reelyard_credits_balance", "Credits that accounts have", value=float(balance))
    yield GaugeMetricFamily("reelyard_credits_debt", "Credits that accounts owe", value=float(debt))
