"""What nodes and administrators are answered, and what administrators send."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class NodeOrderResponse(Schema):
    """An order as ``tasks.contracts.NodeOrder`` has it."""

    class Meta:
        unknown = INCLUDE

    version = fields.Integer()
    generation = fields.Integer(metadata={"description": "A greater one replaces a lesser one"})
    queues = fields.List(fields.String())
    slots = fields.Integer()
    beat_s = fields.Float()
    test = fields.String(metadata={"description": "A self-test to make, or empty"})
    wants_about = fields.Boolean()
