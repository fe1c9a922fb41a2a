"""A song becomes a music video: heard once, its clips made side by side, joined, its words drawn on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tasks.contracts.clips import ClipPlan
from tasks.contracts.making import OFFLINE, ComposeOrder, ListenOrder, MakeOrder
from tasks.names import TaskName
from tasks.workflows.captions import CHUNK
from tasks.workflows.chunks import Span
from tasks.workflows.plan import StepSpec

LEAST_PIECE_S = 6.0
"""Seconds of a film that are worth a browser of their own."""
LISTEN, MAKE, SHEET, COMPOSE, CAPTION = "listen", "make", "sheet", "compose", "caption"


def build_make_steps(
    orders: Sequence[MakeOrder], listening: ListenOrder | None = None, *, sheet: bool = True
) -> list[StepSpec]:
    """Plan clips or stills: a step for each, side by side, and then one sheet of all.

    :param listening: how the song is heard first, None where that was done before or nobody draws.
    """
    steps = [StepSpec(LISTEN, TaskName.CLIPS_LISTEN, listening.to_json())] if listening else []
    after = (LISTEN,) if listening else ()
    steps += [
        StepSpec(MAKE, TaskName.CLIPS_MAKE, order.to_json(), part=part, after=after, limits=limits_of(order))
        for part, order in enumerate(orders)
    ]
    return [*steps, StepSpec(SHEET, TaskName.CLIPS_SHEET, after=(MAKE,))] if sheet else steps


def limits_of(order: MakeOrder) -> tuple[str, ...]:
    """Return the named limits that making a clip keeps to: a provider takes only so many orders at a time."""
    return () if order.provider == OFFLINE else (f"provider:{order.provider}",)


def build_compose_steps(order: ComposeOrder, *, captions: bool, after: tuple[str, ...] = ()) -> list[StepSpec]:
    """Plan the film of clips, and with ``captions`` its words; what they are drawn over is known when it is there.

    Words are drawn in pieces of whole clips: when some become others later, the other pieces are taken as they are.
    """
    steps = [StepSpec(COMPOSE, TaskName.CLIPS_COMPOSE, order.to_json(), after=after)]
    if not captions:
        return steps
    spans = spans_of(order.plan)
    if len(spans) == 1:
        return [*steps, StepSpec(CAPTION, TaskName.RENDER_VIDEO, after=(COMPOSE,))]
    steps += [StepSpec(CHUNK, TaskName.RENDER_CHUNK, part=part, after=(COMPOSE,)) for part in range(len(spans))]
    return [*steps, StepSpec(CAPTION, TaskName.RENDER_JOIN, after=(CHUNK,))]


def spans_of(plan: ClipPlan) -> list[Span]:
    """Return the pieces of a film that captions are drawn on: whole clips, together as long as is worth a piece."""
    starts = [0]
    for clip in plan.clips:
        is_long = clip.start_frame - starts[-1] >= LEAST_PIECE_S * plan.fps
        if is_long and plan.frame_count - clip.start_frame >= LEAST_PIECE_S * plan.fps:
            starts.append(clip.start_frame)
    cuts = [math.floor(1000 * start / plan.fps) for start in starts]
    return [Span(start, end) for start, end in zip(cuts, [*cuts[1:], None], strict=True)]
