"""A song becomes a music video: heard once, its clips made side by side, joined, its words drawn on."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.contracts.making import OFFLINE, ComposeOrder, ListenOrder, MakeOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

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
    """Plan the film of clips, and with ``captions`` its words; what they are drawn over is known when it is there."""
    steps = [StepSpec(COMPOSE, TaskName.CLIPS_COMPOSE, order.to_json(), after=after)]
    return [*steps, StepSpec(CAPTION, TaskName.RENDER_VIDEO, after=(COMPOSE,))] if captions else steps
