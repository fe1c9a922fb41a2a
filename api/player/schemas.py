"""What the player looks like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.player.machine import MAX_VOLUME, Mode, Status

MODES = [member.value for member in Mode]


class PlayerLoadRequest(StrictSchema):
    """What to play."""

    playlist_id = fields.UUID(required=True)


class PlayerPlayRequest(StrictSchema):
    """From where."""

    item_id = fields.UUID(
        load_default=None, allow_none=True, metadata={"description": "A line, from its start; where it is if null"}
    )


class PlayerSeekRequest(StrictSchema):
    """Where to go in the sound that is on."""

    position_s = fields.Float(required=True, validate=validate.Range(0, 86_400))


class PlayerChange(StrictSchema):
    """What to change; what is absent stays."""

    volume = fields.Integer(validate=validate.Range(0, MAX_VOLUME))
    mode = fields.Enum(Mode, by_value=True, metadata={"description": "What follows the end of a sound"})


class PlayerResponse(Schema):
    """The player as it is at ``at``; while playing, the position moves on with the clock."""

    playlist_id = fields.UUID(allow_none=True)
    status = fields.String(validate=validate.OneOf([member.value for member in Status]))
    mode = fields.String(validate=validate.OneOf(MODES))
    volume = fields.Integer(metadata={"description": "0 to 100"})
    item_id = fields.UUID(allow_none=True, metadata={"description": "The line of the playlist that is on"})
    index = fields.Integer(allow_none=True)
    length = fields.Integer(metadata={"description": "Lines in the playlist"})
    total_s = fields.Float(metadata={"description": "Seconds that all of it takes"})
    sound_id = fields.UUID(allow_none=True)
    title = fields.String(allow_none=True)
    duration_s = fields.Float(allow_none=True)
    position_s = fields.Float()
    at = fields.String(metadata={"description": "When the position was that", "example": "2026-01-31T12:00:00.5+00:00"})
