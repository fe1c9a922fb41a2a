"""Findings about scenarios as they look from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from tasks.scenario.quality import CODES, ERROR, WARNING


class PatchOperationResponse(Schema):
    """One operation of a JSON Patch (RFC 6902)."""

    op = fields.String(metadata={"example": "replace"})
    path = fields.String(metadata={"description": "JSON Pointer into the scenario"})
    value = fields.Raw(allow_none=True, metadata={"description": "Any JSON value"})


class ScenarioFindingResponse(Schema):
    """Why a scenario cannot be drawn, or what of a document of another format is not kept."""

    code = fields.String(metadata={"example": "scenario.unknown_key"})
    pointer = fields.String(metadata={"description": "JSON Pointer into the document that was sent"})
    message = fields.String(metadata={"description": "A sentence for a person"})
    suggestion = fields.String(dump_default=None, allow_none=True, metadata={"example": "did you mean fontSize?"})
    cue_id = fields.String(
        dump_default=None, allow_none=True, metadata={"description": "Where it is about a word: its caption"}
    )
    word_id = fields.String(dump_default=None, allow_none=True)


class QualityFindingResponse(Schema):
    """What is wrong with the look of a scenario that can be drawn."""

    code = fields.String(
        metadata={
            "example": "caption.low_contrast",
            "description": f"scenario.* where it cannot be drawn at all, else one of {', '.join(sorted(CODES))}",
        }
    )
    severity = fields.String(validate=validate.OneOf([ERROR, WARNING]))
    pointer = fields.String(metadata={"description": "JSON Pointer into the scenario", "example": "/tracks/0/cues/3"})
    cue_id = fields.String(allow_none=True)
    word_id = fields.String(allow_none=True)
    t = fields.Float(allow_none=True, metadata={"description": "Seconds"})
    box = fields.List(fields.Float(), allow_none=True, metadata={"description": "x, y, width, height in output pixels"})
    message = fields.String(metadata={"description": "A sentence for a person"})
    suggestion = fields.String(allow_none=True)
    fix = fields.List(
        fields.Nested(PatchOperationResponse),
        allow_none=True,
        metadata={"description": "JSON Patch (RFC 6902) of the scenario that mends it, where there is one"},
    )
