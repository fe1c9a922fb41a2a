"""Body of the step that delivers."""

from __future__ import annotations

from typing import Any

from tasks.attempt import StepContext
from tasks.contracts.delivery import SendOrder
from tasks.delivery.parcel import Memory, Parcel
from tasks.delivery.targets import open_target


def send(context: StepContext) -> dict[str, Any]:
    """Fetch the clip and show it at its target; what the target gives is stored before it counts."""
    order = SendOrder.from_json(context.input)
    context.plan_stages(download=20, send=80)
    memory = Memory(dict(order.memory), save=keep(context, "memory"), renew=keep(context, "secrets"))
    with context.source_copy() as path, open_target(order, context.settings) as publisher:
        parcel = Parcel(
            order.delivery_id,
            path,
            order.filename,
            order.content_type,
            path.stat().st_size,
            context.storage.presign_get(order.object_key, filename=order.filename, content_type=order.content_type),
            order.title,
            order.description,
            order.tags,
            order.visibility,
        )
        result = publisher.publish(
            parcel,
            memory,
            lambda sent: context.progress(sent, parcel.size_bytes, stage="send", unit="bytes"),
        )
    return result.to_json()


def keep(context: StepContext, kind: str) -> Any:
    """Return what has the API keep facts of a kind; it raises unless they are kept."""

    def tell(facts: dict[str, Any]) -> None:
        context.tell(kind, facts)

    return tell
