"""What playlists look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import NOT_BLANK
from api.pagination import OwnedPageQuery, PageResponse
from api.playlists.models import MOST_ITEMS, NAME_LENGTH

NAME = [validate.Length(1, NAME_LENGTH), validate.Regexp(NOT_BLANK, error="Not blank.")]
PLACE = validate.Range(0, MOST_ITEMS)


class PlaylistRequest(StrictSchema):
    """A playlist to be."""

    name = fields.String(required=True, validate=NAME, metadata={"example": "Friday"})
    organisation_id = fields.UUID(load_default=None, allow_none=True, metadata={"description": "Whose; yours if null"})


class PlaylistChange(StrictSchema):
    """What to change; what is absent stays."""

    name = fields.String(validate=NAME)


class PlaylistQuery(OwnedPageQuery):
    """Which page of the list of playlists."""


class PlaylistItemRequest(StrictSchema):
    """A sound to be put in."""

    sound_id = fields.UUID(required=True)
    position = fields.Integer(
        load_default=None, allow_none=True, validate=PLACE, metadata={"description": "From 0; at the end if null"}
    )


class PlaylistItemChange(StrictSchema):
    """Where a line goes."""

    position = fields.Integer(
        required=True, validate=PLACE, metadata={"description": "From 0; the end if there are fewer lines"}
    )


class PlaylistItemResponse(Schema):
    """One line."""

    id = fields.UUID()
    position = fields.Integer(metadata={"description": "0, 1, 2 … without gaps"})
    sound_id = fields.UUID()
    title = fields.String()
    duration_s = fields.Float()


class PlaylistLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/playlists/0190…"})
    items = fields.String()


class PlaylistResponse(Schema):
    """One playlist, with its lines in order."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    name = fields.String()
    is_current = fields.Boolean(metadata={"description": "Its owner's current one"})
    total_s = fields.Float(metadata={"description": "Seconds that all of it takes"})
    items = fields.List(fields.Nested(PlaylistItemResponse))
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    links = fields.Nested(PlaylistLinksResponse)


class PlaylistPageResponse(PageResponse):
    """A page of playlists, newest first."""

    items = fields.List(fields.Nested(PlaylistResponse))
