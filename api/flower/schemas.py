"""Bodies of the endpoint that opens Flower."""

from __future__ import annotations

from marshmallow import Schema, fields


class VisitResponse(Schema):
    """A way in to Flower; the cookie came with it."""

    url = fields.String(metadata={"description": "Open it in the same browser", "example": "/flower/"})
    expires_in_s = fields.Integer(metadata={"description": "Seconds for which the cookie is good", "example": 3600})
