"""What nodes and administrators are answered, and what administrators send."""

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.farm.states import NodeState
from api.fields import Moment
from api.jobs.states import JobState
from tasks.names import Queue
from tasks.refused import MOST as MOST_REFUSED

QUEUE = validate.OneOf([queue.value for queue in Queue])
NODE = validate.Length(1, 255)
REASON = validate.Length(1, 500)
SLOTS = validate.Range(1, 256)


def strict(**options: Any) -> fields.Integer:
    """Return a field for a whole number that is one."""
    return fields.Integer(strict=True, **options)


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


class NodeQuery(StrictSchema):
    """Which nodes."""

    state = fields.String(load_default=None, validate=validate.OneOf([state.value for state in NodeState]))


class GpuResponse(Schema):
    """One GPU of a node's host, as its driver tells."""

    uuid = fields.String()
    index = fields.Integer()
    name = fields.String()
    driver = fields.String()
    memory_used = fields.Integer(metadata={"description": "Bytes"})
    memory_total = fields.Integer(metadata={"description": "Bytes"})
    use_percent = fields.Integer(allow_none=True)
    encoder_percent = fields.Integer(allow_none=True)
    encoder_sessions = fields.Integer(allow_none=True)
    temperature_c = fields.Integer(allow_none=True)
    power_w = fields.Float(allow_none=True)


class NodeResponse(Schema):
    """One worker process."""

    id = fields.String(metadata={"example": "render@gpu-1"})
    host = fields.String()
    role = fields.String(metadata={"description": "cpu, render or control"})
    pid = fields.Integer()
    state = fields.String(validate=validate.OneOf([state.value for state in NodeState]))
    reason = fields.String(
        metadata={"description": "Why: silent, not_consuming, stopped, finishing, drained, stopping; or a quarantine's"}
    )
    queues = fields.List(fields.String(), metadata={"description": "What it consumes now"})
    wanted_queues = fields.List(fields.String(), metadata={"description": "What it shall consume now"})
    able = fields.List(fields.String(), metadata={"description": "Queues whose tasks it has"})
    slots = fields.Integer()
    wanted_slots = fields.Integer()
    settled = fields.Boolean(metadata={"description": "It is what it shall be"})
    busy = fields.Integer(metadata={"description": "Slots at work, as it told"})
    running = fields.Integer(metadata={"description": "Steps that it owns"})
    about = fields.Dict(keys=fields.String(), metadata={"description": "Versions, encoders, browser, fonts as probed"})
    gpu = fields.String(metadata={"description": "GPU that its slots work on, or empty"})
    gpus = fields.List(fields.Nested(GpuResponse))
    registered_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime()
    seen_at = fields.AwareDateTime(metadata={"description": "Last beat"})
    consumed_at = fields.AwareDateTime(metadata={"description": "Last proof that it consumes"})
    drain_at = fields.AwareDateTime(allow_none=True)
    drain_until = fields.AwareDateTime(allow_none=True)
    quarantined_at = fields.AwareDateTime(allow_none=True)
    test_running = fields.Boolean(metadata={"description": "A self-test was asked for and has not ended"})
    tested_at = fields.AwareDateTime(allow_none=True)
    test_problems = fields.List(fields.String(), allow_none=True)


class NodesResponse(Schema):
    """All nodes."""

    items = fields.List(fields.Nested(NodeResponse))


class NodeRequest(StrictSchema):
    """What a node shall consume from now on; null means as it was started."""

    queues = fields.List(fields.String(validate=QUEUE), load_default=None, allow_none=True)
    slots = strict(load_default=None, allow_none=True, validate=SLOTS)


class DrainRequest(StrictSchema):
    """How long a node may finish what it has."""

    deadline_s = fields.Float(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 7 * 86400),
        metadata={"description": "Seconds after which its steps are taken back, uncharged; null lets it finish"},
    )


class ReasonRequest(StrictSchema):
    """Why."""

    reason = fields.String(required=True, validate=REASON, metadata={"example": "new driver"})


class ReleaseQuery(StrictSchema):
    """How a node comes back."""

    untested = fields.Boolean(load_default=False, metadata={"description": "At once, without a self-test"})


class FarmQueueResponse(Schema):
    """One queue."""

    name = fields.String()
    paused = fields.Boolean()
    paused_at = fields.AwareDateTime(allow_none=True)
    paused_reason = fields.String()
    depth = fields.Integer(metadata={"description": "Steps that are ready and not claimed"})
    oldest_s = fields.Float(metadata={"description": "Longest wait of one"})
    running = fields.Integer()
    per_minute = fields.Float(metadata={"description": "Steps that succeed in a minute, over the last five"})
    predicted_s = fields.Float(metadata={"description": "Seconds of work that wait, by what such steps take"})
    nodes = fields.List(fields.String(), metadata={"description": "Who consumes it"})
    weight = fields.Float(metadata={"description": "Share when the farm is rebalanced"})
    min_slots = fields.Integer(metadata={"description": "Slots before shares count"})
    gpu = fields.String(metadata={"description": "any, require or avoid GPU nodes"})


class QueuesResponse(Schema):
    """All queues."""

    items = fields.List(fields.Nested(FarmQueueResponse))


class QueuePolicyResponse(Schema):
    """What is said about a queue."""

    name = fields.String()
    paused = fields.Boolean()
    paused_at = fields.AwareDateTime(allow_none=True)
    paused_reason = fields.String()
    weight = fields.Float()
    min_slots = fields.Integer()
    gpu = fields.String()


class QueuePolicyRequest(StrictSchema):
    """What shall change of a queue's policy."""

    weight = fields.Float(validate=validate.Range(0, 1000))
    min_slots = strict(validate=validate.Range(0, 10_000))
    gpu = fields.String(validate=validate.OneOf(("any", "require", "avoid")))


class MoveRequest(StrictSchema):
    """Which queue moves from where to where; without a source it is only added, without a target only taken away."""

    queue = fields.String(required=True, validate=QUEUE)
    source = fields.String(load_default=None, allow_none=True, validate=NODE)
    target = fields.String(load_default=None, allow_none=True, validate=NODE)


class RebalanceRequest(StrictSchema):
    """How to rebalance."""

    dry_run = fields.Boolean(load_default=True, metadata={"description": "Only say what would change"})
    by_demand = fields.Boolean(load_default=False, metadata={"description": "Weigh queues by the work that waits too"})


class ChangeResponse(Schema):
    """What changes for one node."""

    node = fields.String()
    before = fields.List(fields.String())
    after = fields.List(fields.String())
    reason = fields.String()


class ShareResponse(Schema):
    """What a queue gets."""

    queue = fields.String()
    slots = fields.Float(metadata={"description": "Slots of its own, and its part of shared ones"})
    target = fields.Float(metadata={"description": "Slots by the policy"})


class UnmetResponse(Schema):
    """What a queue cannot have."""

    queue = fields.String()
    reason = fields.String()


class RebalanceResponse(Schema):
    """A plan, and whether it was carried out."""

    applied = fields.Boolean()
    changes = fields.List(fields.Nested(ChangeResponse))
    shares = fields.List(fields.Nested(ShareResponse))
    unmet = fields.List(fields.Nested(UnmetResponse))


class LettersQuery(StrictSchema):
    """How far back."""

    days = fields.Integer(load_default=7, validate=validate.Range(1, 30))


class LettersResponse(Schema):
    """Jobs that failed in the same way."""

    signature = fields.String(metadata={"description": "Name of this way to fail; a filter of bulk actions"})
    code = fields.String()
    task = fields.String()
    message = fields.String(metadata={"description": "With ids, numbers, names and paths taken out"})
    count = fields.Integer()
    owner_count = fields.Integer()
    nodes = fields.List(fields.String())
    first_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime()
    samples = fields.List(fields.UUID(), metadata={"description": "Some of the jobs"})


class DeadLettersResponse(Schema):
    """All groups."""

    items = fields.List(fields.Nested(LettersResponse))


class RefusedQuery(StrictSchema):
    """How many."""

    limit = fields.Integer(load_default=100, validate=validate.Range(1, MOST_REFUSED))


class RefusedMessageResponse(Schema):
    """A message that a worker would not take."""

    at = fields.AwareDateTime()
    node = fields.String()
    queue = fields.String()
    reason = fields.String(validate=validate.OneOf(["not_json", "unknown_task", "malformed", "too_large"]))
    task = fields.String(metadata={"description": "As it said"})
    content_type = fields.String(metadata={"description": "As it said"})
    size_bytes = fields.Integer()
    sha256 = fields.String(metadata={"description": "Of its body, which is not kept"})


class RefusedMessagesResponse(Schema):
    """The latest, newest first."""

    items = fields.List(fields.Nested(RefusedMessageResponse))


class BulkFilter(StrictSchema):
    """Which jobs; what is absent does not matter."""

    state = fields.String(validate=validate.OneOf([state.value for state in JobState]))
    kind = fields.String(validate=validate.Length(1, 32))
    owner_id = fields.UUID()
    error_code = fields.String(validate=validate.Length(1, 64))
    node = fields.String(validate=NODE)
    signature = fields.String(validate=validate.Length(1, 64))
    created_after = Moment()
    created_before = Moment()


class BulkRequest(StrictSchema):
    """A bulk action."""

    filter = fields.Nested(BulkFilter, required=True)
    dry_run = fields.Boolean(load_default=True, metadata={"description": "Only say what would happen"})
    expected = strict(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 1_000_000),
        metadata={"description": "Jobs that the preview told of; more than these by now are a conflict"},
    )


class RefusedResponse(Schema):
    """A job that an action did not change."""

    job_id = fields.UUID()
    code = fields.String()
    message = fields.String()


class CreditsEffectResponse(Schema):
    """Credits that would move, by the ledger: as it was before an action that is applied."""

    reserved = fields.Integer(metadata={"description": "Retries take it from their owners until they end"})
    short_owner_count = fields.Integer(
        metadata={"description": "Owners whose balance does not hold that; some of their retries would be refused"}
    )
    charged = fields.Integer(metadata={"description": "For what was done of jobs that are cancelled"})
    refunded = fields.Integer(metadata={"description": "What jobs that are cancelled give back"})


class BulkResponse(Schema):
    """What an action would do (dry run), or has done."""

    applied = fields.Boolean()
    matched = fields.Integer()
    most_at_once = fields.Integer(metadata={"description": "Jobs that one call changes at most"})
    by_state = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_kind = fields.Dict(keys=fields.String(), values=fields.Integer())
    owner_count = fields.Integer()
    steps = fields.Dict(keys=fields.String(), values=fields.Integer())
    predicted_s = fields.Float(metadata={"description": "Seconds of work caused (retry) or saved (cancel)"})
    credits = fields.Nested(CreditsEffectResponse)
    samples = fields.List(fields.UUID())
    done = fields.Integer()
    refused_count = fields.Integer()
    refused = fields.List(fields.Nested(RefusedResponse))
