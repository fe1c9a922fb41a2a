"""What jobs look like from outside."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from api.jobs.states import JobState, Outcome, StepState
from api.pagination import OwnedPageQuery, PageResponse
from tasks.names import PRIORITY_NAMES

STATES = [state.value for state in JobState]


class ProgressResponse(Schema):
    """How far something is, counted in work done."""

    percent = fields.Float(metadata={"description": "0 to 99; 100 only when it has succeeded", "example": 42.5})
    stage = fields.String(metadata={"description": "Short stable word", "example": "frames"})
    done = fields.Float(metadata={"example": 120})
    total = fields.Float(metadata={"description": "0 while not known", "example": 510})
    unit = fields.String(metadata={"example": "frames"})


class JobErrorResponse(Schema):
    """Why something failed."""

    code = fields.String(metadata={"description": "Stable, noun.reason", "example": "media.truncated"})
    message = fields.String(metadata={"description": "A sentence for a person"})
    details = fields.Dict(keys=fields.String())


class AttemptResponse(Schema):
    """One time that a worker took a step on."""

    number = fields.Integer()
    started_at = fields.AwareDateTime()
    ended_at = fields.AwareDateTime(allow_none=True)
    outcome = fields.String(
        allow_none=True,
        validate=validate.OneOf([outcome.value for outcome in Outcome]),
        metadata={"description": "null while it runs; lost: the worker died or fell silent, which is not charged"},
    )
    code = fields.String(allow_none=True)
    message = fields.String(allow_none=True)


class StepResponse(Schema):
    """One step of a job."""

    id = fields.UUID()
    name = fields.String(metadata={"example": "transcribe"})
    part = fields.Integer()
    task = fields.String(metadata={"example": "speech.transcribe"})
    after = fields.List(fields.String(), metadata={"description": "Steps that must have succeeded before"})
    state = fields.String(validate=validate.OneOf([state.value for state in StepState]))
    progress = fields.Nested(ProgressResponse)
    attempt = fields.Integer(metadata={"description": "Times a worker took it on"})
    error = fields.Nested(JobErrorResponse, allow_none=True)
    started_at = fields.AwareDateTime(allow_none=True)
    finished_at = fields.AwareDateTime(allow_none=True)
    attempts = fields.List(fields.Nested(AttemptResponse))


class JobLinksResponse(Schema):
    """Where to go on."""

    self = fields.String(metadata={"example": "/api/v1/jobs/0190…"})
    events = fields.String(metadata={"description": "Server-Sent Events"})
    cancel = fields.String()
    retry = fields.String()


class JobSummaryResponse(Schema):
    """One job without its steps."""

    id = fields.UUID()
    organisation_id = fields.UUID(allow_none=True, metadata={"description": "null: it is its owner's alone"})
    kind = fields.String(metadata={"example": "render"})
    state = fields.String(validate=validate.OneOf(STATES))
    progress = fields.Nested(ProgressResponse)
    eta_s = fields.Float(allow_none=True, metadata={"description": "Seconds left at the speed observed, if any was"})
    error = fields.Nested(JobErrorResponse, allow_none=True)
    subject = fields.Dict(keys=fields.String(), metadata={"description": "Ids of what the job is about"})
    priority = fields.String(attribute="priority_name", validate=validate.OneOf(list(PRIORITY_NAMES)))
    run = fields.Integer(metadata={"description": "1, and one more for each retry"})
    created_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime(allow_none=True)
    finished_at = fields.AwareDateTime(allow_none=True)
    links = fields.Nested(JobLinksResponse)


class JobResponse(JobSummaryResponse):
    """One job."""

    gpu_s = fields.Float(metadata={"description": "Seconds that its steps held a GPU, as far as they have ended"})
    steps = fields.List(fields.Nested(StepResponse))


class JobPageResponse(PageResponse):
    """A page of jobs, newest first."""

    items = fields.List(fields.Nested(JobSummaryResponse))


class JobQuery(OwnedPageQuery):
    """Filters of the list of jobs."""

    kind = fields.String(validate=validate.Length(1, 32), metadata={"example": "render"})
    state = fields.String(validate=validate.OneOf(STATES))
