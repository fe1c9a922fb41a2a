"""What workers are answered."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class ClaimResponse(Schema):
    """A claim as ``tasks.contracts.Claim`` has it."""

    class Meta:
        unknown = INCLUDE

    version = fields.Integer()
    claimed = fields.Boolean()
    reason = fields.String(
        metadata={
            "description": "Why not: done, running, waiting, cancelled, failed, unknown, unknown_version, "
            "alone, limited, node_draining, node_quarantined, queue_paused, others_first"
        }
    )
    job_id = fields.String()
    step_id = fields.String()
    name = fields.String()
    part = fields.Integer()
    attempt = fields.Integer()
    token = fields.Integer(metadata={"description": "Fencing token; carried by every later call of the attempt"})
    lease_s = fields.Float()
    beat_s = fields.Float()
    input = fields.Dict(keys=fields.String())
    results = fields.Dict(keys=fields.String())
    output_prefix = fields.String()


class LeaseResponse(Schema):
    """A renewed lease."""

    lease_s = fields.Float()


class AcceptedResponse(Schema):
    """A report that was taken."""

    accepted = fields.Boolean()


class AcceptedWithNextResponse(Schema):
    """A report that was taken, and what to work on next."""

    accepted = fields.Boolean()
    next = fields.Nested(ClaimResponse, allow_none=True, metadata={"description": "null when there is nothing to do"})


class RenderCallbackResponse(Schema):
    """Either of the two, as the message was."""

    accepted = fields.Boolean()
    lease_s = fields.Float()
