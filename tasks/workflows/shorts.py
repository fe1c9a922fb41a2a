"""A long video becomes shorts: its highlights are found, then each wanted one is cut, framed and captioned."""

from __future__ import annotations

from tasks.contracts.shorts import AnalyzeOrder, CutOrder
from tasks.names import TaskName
from tasks.workflows.captions import RENDER
from tasks.workflows.plan import StepSpec

ANALYZE, CUT = "analyze", "cut"


def build_highlight_steps(order: AnalyzeOrder) -> list[StepSpec]:
    """Plan the search for highlights."""
    return [StepSpec(ANALYZE, TaskName.SHORTS_ANALYZE, order.to_json())]


def build_cut_steps(order: CutOrder, *, is_captioned: bool) -> list[StepSpec]:
    """Plan the cut of one short.

    :param is_captioned: captions are drawn over the clip; that step's order is written when the clip is known.
    """
    cut = StepSpec(CUT, TaskName.SHORTS_CUT, order.to_json())
    return [cut, StepSpec(RENDER, TaskName.RENDER_VIDEO, after=(CUT,))] if is_captioned else [cut]
