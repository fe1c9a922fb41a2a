"""What the live stream looks like from outside."""

from __future__ import annotations

from marshmallow import RAISE, Schema, fields, validate
from webargs.fields import DelimitedList

from api.live.models import Topic

TOPICS = [topic.value for topic in Topic]


class TicketResponse(Schema):
    """What opens a stream where no header can be sent."""

    ticket = fields.String(metadata={"description": "Good once, as ``?ticket=``"})
    expires_at = fields.AwareDateTime()


class LiveQuery(Schema):
    """What one wants to be told."""

    class Meta:
        unknown = RAISE

    topics = DelimitedList(
        fields.String(validate=validate.OneOf(TOPICS)),
        load_default=lambda: list(TOPICS),
        metadata={"description": "Divided by commas; all without"},
    )
    last_event_id = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 2**62),
        metadata={"description": "Go on after this one; the header ``Last-Event-ID`` comes first"},
    )
    ticket = fields.String(load_default="", metadata={"description": "Of ``POST /live/tickets``, in place of a token"})
