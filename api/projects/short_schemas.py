"""What shorts look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.projects.models import TITLE_LENGTH
from tasks.contracts.outputs import ASPECTS
from tasks.contracts.shorts import LAYOUTS
from tasks.edits.removal import PACES

MOMENT = validate.Range(0, 86_400)
PART = validate.Range(0, 1)
ENTRY = fields.String(validate=validate.Length(1, 20), metadata={"example": "r3"})


class EvidenceResponse(Schema):
    """Why a stretch was chosen; numbers are 0..1."""

    hook = fields.Float()
    payoff = fields.Float()
    energy = fields.Float()
    novelty = fields.Float()
    boundary = fields.Float()
    cuts = fields.Float()
    reasons = fields.List(fields.String())
    scorer = fields.String()


class ShortStretchResponse(Schema):
    """A stretch of the video in seconds."""

    start = fields.Float()
    end = fields.Float()


class FrameOverrideRequest(StrictSchema):
    """From ``start`` to ``end`` of the video the crop's middle stands at ``x``, ``y``, or the layout is another."""

    start = fields.Float(required=True, validate=MOMENT)
    end = fields.Float(required=True, validate=MOMENT)
    x = fields.Float(load_default=None, allow_none=True, validate=PART, metadata={"description": "Part of the width"})
    y = fields.Float(load_default=None, allow_none=True, validate=PART, metadata={"description": "Part of the height"})
    layout = fields.String(load_default="", validate=validate.OneOf(["", *LAYOUTS]))


class FrameOverrideResponse(ShortStretchResponse):
    """A crop by hand."""

    x = fields.Float(allow_none=True)
    y = fields.Float(allow_none=True)
    layout = fields.String()


class ShortWishResponse(Schema):
    """How a short is to be made."""

    aspect = fields.String()
    layout = fields.String()
    width = fields.Integer()
    look = fields.String()
    pace = fields.String()
    fillers = fields.Boolean()
    phrases = fields.Boolean()
    stutters = fields.Boolean()
    off = fields.List(fields.Nested(ShortStretchResponse))
    overrides = fields.List(fields.Nested(FrameOverrideResponse))


class CropKeyResponse(Schema):
    """Where the crop's middle is at a moment of the video, in parts of the picture."""

    t = fields.Float()
    x = fields.Float()
    y = fields.Float()
    jump = fields.Boolean()


class FramedSceneResponse(ShortStretchResponse):
    """How one scene was framed."""

    layout = fields.String(validate=validate.OneOf(LAYOUTS))
    source = fields.String(metadata={"description": "What decided: speaker, faces, motion, middle or manual"})
    certainty = fields.Float(allow_none=True, metadata={"description": "0..1, that it is the speaker who is shown"})
    width = fields.Float()
    height = fields.Float()
    keys = fields.List(fields.Nested(CropKeyResponse))
    second = fields.List(fields.Nested(CropKeyResponse), metadata={"description": "In layout split: below"})


class FramingResponse(Schema):
    """How the picture was framed."""

    aspect = fields.String()
    scenes = fields.List(fields.Nested(FramedSceneResponse))


class ShortCutResponse(Schema):
    """How the newest clip was cut; its frames are those of ``kept``."""

    kept = fields.List(fields.Nested(ShortStretchResponse))
    framing = fields.Nested(FramingResponse, allow_none=True)
    frame_count = fields.Integer()
    copied_frames = fields.Integer(metadata={"description": "How many are the source's own, never encoded again"})
    encoded_because = fields.String(metadata={"description": "Why none is, like framed, codec, no_key_frame or seam"})
    framed = fields.Boolean(
        metadata={"description": "False: the clip keeps the video's picture, and its render is framed while it is made"}
    )


class ShortLinksResponse(Schema):
    """Where to go on; null where there is nothing."""

    self = fields.String(metadata={"example": "/api/v1/projects/0190…/shorts/0191…"})
    edits = fields.String()
    thumbnail = fields.String(allow_none=True)
    scenario = fields.String(allow_none=True, metadata={"description": "Captions of the clip, to be drawn in any look"})
    job = fields.String(allow_none=True)
    clip = fields.String(allow_none=True, metadata={"description": "The clip without captions, as an asset"})
    render = fields.String(allow_none=True, metadata={"description": "The clip with its captions"})


class ShortResponse(Schema):
    """One stretch of a project's video."""

    id = fields.UUID()
    start_s = fields.Float()
    end_s = fields.Float()
    score = fields.Float(allow_none=True)
    title = fields.String()
    state = fields.String(validate=validate.OneOf(["found", "cutting", "cut", "failed"]))
    evidence = fields.Nested(EvidenceResponse, allow_none=True)
    job_id = fields.UUID(allow_none=True)
    clip_asset_id = fields.UUID(allow_none=True)
    render_id = fields.UUID(allow_none=True)
    wish = fields.Nested(ShortWishResponse)
    cut = fields.Nested(ShortCutResponse, allow_none=True)
    links = fields.Nested(ShortLinksResponse)


class ShortsResponse(Schema):
    """All shorts of a project, in order of time."""

    items = fields.List(fields.Nested(ShortResponse))


class ShortRequest(StrictSchema):
    """A stretch that somebody chose."""

    start_s = fields.Float(required=True, validate=MOMENT)
    end_s = fields.Float(required=True, validate=MOMENT)
    title = fields.String(load_default="", validate=validate.Length(max=TITLE_LENGTH))
    snap = fields.Boolean(
        load_default=True, metadata={"description": "Move ends that cut a word into the nearest pause"}
    )


class ShortEditRequest(StrictSchema):
    """What is to be otherwise; it counts from the next cut on."""

    start_s = fields.Float(validate=MOMENT)
    end_s = fields.Float(validate=MOMENT)
    title = fields.String(validate=validate.Length(max=TITLE_LENGTH))
    snap = fields.Boolean(
        load_default=True, metadata={"description": "Move ends that cut a word into the nearest pause"}
    )
    aspect = fields.String(
        validate=validate.OneOf(["", *ASPECTS]), metadata={"description": "Empty keeps the picture", "example": "9:16"}
    )
    layout = fields.String(validate=validate.OneOf(LAYOUTS), metadata={"example": "fill"})
    width = fields.Integer(validate=validate.Range(144, 2160), metadata={"description": "In pixels, at most"})
    look = fields.String(
        validate=validate.Length(max=64), metadata={"description": "Preset of the captions; empty: none"}
    )
    pace = fields.String(
        validate=validate.OneOf(["", *PACES]), metadata={"description": "Of removing silences; empty keeps them"}
    )
    fillers = fields.Boolean(metadata={"description": "Take out sounds like um"})
    phrases = fields.Boolean(metadata={"description": "Take out words that mostly fill, like you know"})
    stutters = fields.Boolean(metadata={"description": "Take out words said twice in a row"})
    overrides = fields.List(fields.Nested(FrameOverrideRequest), validate=validate.Length(max=200))


class ShortRemovalResponse(ShortStretchResponse):
    """Something that goes, in seconds of the video."""

    id = fields.String()
    kind = fields.String(metadata={"example": "silence"})
    text = fields.String()
    word_ids = fields.List(fields.String())
    enabled = fields.Boolean(metadata={"description": "False: switched off, so it stays"})


class ShortEditsResponse(Schema):
    """What goes of a short, and what it is then like."""

    removals = fields.List(fields.Nested(ShortRemovalResponse))
    kept = fields.List(fields.Nested(ShortStretchResponse))
    duration_s = fields.Float()
    document = fields.Dict(metadata={"description": "The words in the clip's own time: what captions are made of"})
    can_undo = fields.Boolean()


class ShortSwitchRequest(StrictSchema):
    """Which entries of the edit list stay, and which go after all."""

    off = fields.List(ENTRY, load_default=list, validate=validate.Length(max=2000))
    on = fields.List(ENTRY, load_default=list, validate=validate.Length(max=2000))


class ShortLookQuery(StrictSchema):
    """In which look."""

    preset = fields.String(load_default="", metadata={"description": "The short's own look when empty"})
