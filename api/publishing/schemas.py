"""What publish targets and publications look like from outside. Secrets go in and never come out."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.assets.schemas import StrictSchema
from api.fields import Moment
from api.pagination import OwnedPageQuery, PageResponse
from api.publishing.models import NAME_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from tasks.contracts.delivery import TARGET_KINDS, VISIBILITIES

CLEAN = validate.Regexp(r"^[^\x00]*$")
SHORT = [validate.Length(1, 255), validate.Regexp(r"^[^\x00-\x1f]+$")]
ADDRESS = [validate.Length(1, 2048), validate.Regexp(r"^[^\x00]+$")]
SECRET = [validate.Length(1, 4096), validate.Regexp(r"^[\x21-\x7e]+$", error="Must be printable ASCII.")]


class TargetSettingsSchema(StrictSchema):
    """What a target is told that is no secret; which of it depends on the kind."""

    url = fields.String(validate=ADDRESS, metadata={"description": "webhook: where the clip's address is POSTed to"})
    bucket = fields.String(validate=SHORT, metadata={"description": "s3"})
    endpoint_url = fields.String(validate=ADDRESS, metadata={"description": "s3: of the storage; AWS if absent"})
    region = fields.String(validate=SHORT, metadata={"description": "s3"})
    prefix = fields.String(validate=[validate.Length(max=255), CLEAN], metadata={"description": "s3: before each key"})
    category_id = fields.Integer(validate=validate.Range(1, 100), metadata={"description": "youtube; 22 if absent"})
    made_for_kids = fields.Boolean(metadata={"description": "youtube"})
    disable_comment = fields.Boolean(metadata={"description": "tiktok"})
    disable_duet = fields.Boolean(metadata={"description": "tiktok"})
    disable_stitch = fields.Boolean(metadata={"description": "tiktok"})
    user_id = fields.String(
        validate=validate.Regexp(r"^[0-9]{1,30}$"), metadata={"description": "instagram: of the professional account"}
    )


class TargetSecretsRequest(StrictSchema):
    """What opens a target; which of it depends on the kind. Kept encrypted, handed to workers alone."""

    signing_secret = fields.String(
        validate=validate.Regexp(r"^whsec_[A-Za-z0-9+/=]{32,128}$"), metadata={"description": "webhook: whsec_…"}
    )
    access_key_id = fields.String(validate=SECRET, metadata={"description": "s3"})
    secret_access_key = fields.String(validate=SECRET, metadata={"description": "s3"})
    refresh_token = fields.String(validate=SECRET, metadata={"description": "youtube, tiktok"})
    access_token = fields.String(validate=SECRET, metadata={"description": "instagram: a long-lived one"})


class PublishTargetRequest(StrictSchema):
    """A place where clips are to be shown."""

    kind = fields.String(required=True, validate=validate.OneOf(TARGET_KINDS), metadata={"example": "webhook"})
    name = fields.String(
        required=True, validate=[validate.Length(1, NAME_LENGTH), CLEAN], metadata={"example": "Our channel"}
    )
    settings = fields.Nested(TargetSettingsSchema, load_default=dict)
    secrets = fields.Nested(TargetSecretsRequest, required=True)
    organisation_id = fields.UUID(load_default=None, allow_none=True)


class PublishTargetChangeRequest(StrictSchema):
    """What shall be another way; settings and secrets are replaced as a whole."""

    name = fields.String(validate=[validate.Length(1, NAME_LENGTH), CLEAN])
    settings = fields.Nested(TargetSettingsSchema)
    secrets = fields.Nested(TargetSecretsRequest)


class PublishTargetResponse(Schema):
    """A place where clips are shown, without its secrets."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    kind = fields.String(validate=validate.OneOf(TARGET_KINDS))
    name = fields.String()
    settings = fields.Nested(TargetSettingsSchema)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class PublishTargetPageResponse(PageResponse):
    """A page of targets."""

    items = fields.List(fields.Nested(PublishTargetResponse))


class WordsRequest(StrictSchema):
    """What is said of a clip where it is shown."""

    title = fields.String(
        load_default="",
        validate=[validate.Length(max=TITLE_LENGTH), CLEAN],
        metadata={"description": "The clip's own when empty"},
    )
    description = fields.String(load_default="", validate=[validate.Length(max=TEXT_LENGTH), CLEAN])
    tags = fields.List(
        fields.String(validate=[validate.Length(1, 60), CLEAN]), load_default=list, validate=validate.Length(max=30)
    )
    visibility = fields.String(load_default="private", validate=validate.OneOf(VISIBILITIES))
    at = Moment(load_default=None, allow_none=True, metadata={"description": "When; at once if absent or past"})


class PublicationRequest(WordsRequest):
    """A clip to be sent."""

    asset_id = fields.UUID(required=True, metadata={"description": "A video or the result of a render"})
    target_id = fields.UUID(required=True)


class PublicationErrorResponse(Schema):
    """Why a clip was not sent."""

    code = fields.String(metadata={"example": "publish.quota"})
    message = fields.String()
    details = fields.Dict()


class PublicationLinksResponse(Schema):
    """Where to go on."""

    self = fields.String()
    job = fields.String(allow_none=True, metadata={"description": "Cancel or retry it there"})
    target = fields.String()


class PublicationResponse(Schema):
    """A clip that is sent, or was."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True)
    target_id = fields.UUID()
    asset_id = fields.UUID()
    job_id = fields.UUID(allow_none=True)
    title = fields.String()
    description = fields.String()
    tags = fields.List(fields.String())
    visibility = fields.String(validate=validate.OneOf(VISIBILITIES))
    state = fields.String(validate=validate.OneOf(["scheduled", "sending", "sent", "failed", "cancelled"]))
    due_at = fields.AwareDateTime(allow_none=True)
    sent_at = fields.AwareDateTime(allow_none=True)
    remote_id = fields.String(metadata={"description": "The clip's name at the target"})
    remote_url = fields.String(metadata={"description": "Where it is shown; empty where the target does not tell"})
    error = fields.Nested(PublicationErrorResponse, allow_none=True)
    created_at = fields.AwareDateTime()
    links = fields.Nested(PublicationLinksResponse)


class PublicationPageResponse(PageResponse):
    """A page of publications."""

    items = fields.List(fields.Nested(PublicationResponse))


class PublicationQuery(OwnedPageQuery):
    """Which publications."""

    target_id = fields.UUID()
    asset_id = fields.UUID()
