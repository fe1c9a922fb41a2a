"""How an asset is to be heard, and into what a transcript is to be translated."""

from __future__ import annotations

from marshmallow import ValidationError, fields, validate, validates_schema

from api.assets.schemas import StrictSchema

LANGUAGE = validate.Regexp(r"^[a-z]{2,3}$", error="Must be a lower-case language code such as en.")
HOTWORD = [validate.Length(1, 80), validate.Regexp(r"^[^\x00-\x1f]+$")]


class HearingRequest(StrictSchema):
    """How speech is to be heard."""

    hotwords = fields.List(
        fields.String(validate=HOTWORD),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Names and terms that may occur, spelt as they are to be written"},
    )
    diarize = fields.Boolean(load_default=False, metadata={"description": "Tell who speaks"})
    speakers = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 20),
        metadata={"description": "How many there are; guessed, and often wrong, if absent"},
    )

    @validates_schema
    def check_speakers(self, data: dict[str, object], **_: object) -> None:
        """Refuse a number of speakers nobody asked to tell apart."""
        if data.get("speakers") is not None and not data.get("diarize"):
            raise ValidationError("Without diarize nobody is told apart.", "speakers")


class HearAgainRequest(HearingRequest):
    """How an asset is to be heard once more."""

    language = fields.String(
        load_default=None, allow_none=True, validate=LANGUAGE, metadata={"description": "Detected when not given"}
    )


class TranslationRequest(StrictSchema):
    """Into which language."""

    to = fields.String(required=True, validate=LANGUAGE, metadata={"example": "de"})
