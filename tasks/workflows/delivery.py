"""A clip is sent to where it is shown, at once or at a set time."""

from __future__ import annotations

from datetime import datetime

from tasks.contracts.delivery import SendOrder
from tasks.names import TaskName
from tasks.workflows.plan import StepSpec

SEND = "send"


def build_delivery_steps(order: SendOrder, *, due_at: datetime | None) -> list[StepSpec]:
    """Plan one delivery; those to the same kind of target take a slot of its named limit."""
    limits = (f"provider:{order.kind}",)
    return [StepSpec(SEND, TaskName.DELIVERY_SEND, order.to_json(), limits=limits, not_before=due_at)]
