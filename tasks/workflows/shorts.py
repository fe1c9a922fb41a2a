"""A long video becomes shorts: its highlights are found, then each wanted one is cut and framed."""

from __future__ import annotations

from tasks.contracts.shorts import AnalyzeOrder, CutOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

ANALYZE, CUT = "analyze", "cut"


def build_highlight_steps(order: AnalyzeOrder) -> list[StepSpec]:
    """Plan the search for highlights."""
    return [StepSpec(ANALYZE, TaskName.SHORTS_ANALYZE, order.to_json())]


def build_cut_steps(order: CutOrder) -> list[StepSpec]:
    """Plan the cut of one short."""
    return [StepSpec(CUT, TaskName.SHORTS_CUT, order.to_json())]
