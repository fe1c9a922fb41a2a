"""Names of queues, priorities, tasks and steps, and the limits that every task runs under.

Whoever sends work sends it by these names; nobody imports a task body to send it (ring 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Queue(StrEnum):
    """Queues of the farm; each must have a consumer in the compose files."""

    CONTROL = "control"
    INGEST = "ingest"
    ANALYSIS = "analysis"
    TRANSCRIPTION = "transcription"
    GENERATION = "generation"
    COMPOSE = "compose"
    RENDER = "render"


class Priority(IntEnum):
    """Celery priorities on Redis: 0 is served first."""

    HIGH = 0
    NORMAL = 4
    LOW = 9


PRIORITY_NAMES = {"high": Priority.HIGH, "normal": Priority.NORMAL, "low": Priority.LOW}


class TaskName(StrEnum):
    """Every Celery task, as ``noun.verb``; never derived from a module path."""

    INGEST_PROBE = "ingest.probe"
    INGEST_POSTER = "ingest.poster"
    INGEST_FONT = "ingest.font"
    INGEST_IMAGE = "ingest.image"
    SPEECH_TRANSCRIBE = "speech.transcribe"
    SPEECH_HEAR = "speech.hear"
    SPEECH_TRANSLATE = "speech.translate"
    MUSIC_ANALYZE = "music.analyze"
    CLIPS_LISTEN = "clips.listen"
    CLIPS_MAKE = "clips.make"
    CLIPS_SHEET = "clips.sheet"
    CLIPS_COMPOSE = "clips.compose"
    SOUNDS_LEVEL = "sounds.level"
    SOUNDS_SPEAK = "sounds.speak"
    SOUNDS_TAKE = "sounds.take"
    LINKS_RESOLVE = "links.resolve"
    LINKS_CREATOR = "links.creator"
    LINKS_DOWNLOAD = "links.download"
    LINKS_LEVEL = "links.level"
    SAMPLES_EXTRACT = "samples.extract"
    SAMPLES_WAVEFORM = "samples.waveform"
    SAMPLES_ANALYZE = "samples.analyze"
    SAMPLES_LOOP = "samples.loop"
    SAMPLES_SAVE = "samples.save"
    SHORTS_ANALYZE = "shorts.analyze"
    SHORTS_CUT = "shorts.cut"
    DELIVERY_SEND = "delivery.send"
    RENDER_VIDEO = "render.video"
    RENDER_CHUNK = "render.chunk"
    RENDER_JOIN = "render.join"
    RENDER_STILL = "render.still"
    RENDER_CHECK = "render.check"
    CONTROL_EXPIRE_UPLOADS = "control.expire_uploads"
    CONTROL_SWEEP_OBJECTS = "control.sweep_objects"
    CONTROL_ROLL_UP_USAGE = "control.roll_up_usage"
    CONTROL_SWEEP_CHUNKS = "control.sweep_chunks"
    CONTROL_RECHARGE_CREDITS = "control.recharge_credits"
    CONTROL_SWEEP_ROWS = "control.sweep_rows"


@dataclass(frozen=True)
class TaskPolicy:
    """Where a task runs and how long and how often it may.

    :param soft_limit_s: seconds after which the task is interrupted and may still report.
    :param hard_limit_s: seconds after which its process is killed.
    :param max_attempts: attempts charged to the input (crashes of it, transient errors) before the step fails.
    """

    queue: Queue
    soft_limit_s: int
    hard_limit_s: int
    max_attempts: int = 3


POLICY: dict[TaskName, TaskPolicy] = {
    TaskName.INGEST_PROBE: TaskPolicy(Queue.INGEST, 120, 150),
    TaskName.INGEST_POSTER: TaskPolicy(Queue.INGEST, 120, 150),
    TaskName.INGEST_FONT: TaskPolicy(Queue.INGEST, 120, 150),
    TaskName.INGEST_IMAGE: TaskPolicy(Queue.INGEST, 60, 90),
    TaskName.SPEECH_TRANSCRIBE: TaskPolicy(Queue.TRANSCRIPTION, 3 * 3600, 3 * 3600 + 60),
    TaskName.SPEECH_HEAR: TaskPolicy(Queue.TRANSCRIPTION, 3600, 3600 + 60),
    TaskName.SPEECH_TRANSLATE: TaskPolicy(Queue.TRANSCRIPTION, 1200, 1260),
    TaskName.MUSIC_ANALYZE: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.CLIPS_LISTEN: TaskPolicy(Queue.GENERATION, 600, 660),
    TaskName.CLIPS_MAKE: TaskPolicy(Queue.GENERATION, 3600, 3660),
    TaskName.CLIPS_SHEET: TaskPolicy(Queue.GENERATION, 300, 330),
    TaskName.CLIPS_COMPOSE: TaskPolicy(Queue.COMPOSE, 2 * 3600, 2 * 3600 + 60),
    TaskName.SOUNDS_LEVEL: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.SOUNDS_SPEAK: TaskPolicy(Queue.ANALYSIS, 600, 660),
    TaskName.SOUNDS_TAKE: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.LINKS_RESOLVE: TaskPolicy(Queue.INGEST, 300, 330),
    TaskName.LINKS_CREATOR: TaskPolicy(Queue.INGEST, 300, 330),
    TaskName.LINKS_DOWNLOAD: TaskPolicy(Queue.INGEST, 3600, 3660),
    TaskName.LINKS_LEVEL: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.SAMPLES_EXTRACT: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.SAMPLES_WAVEFORM: TaskPolicy(Queue.ANALYSIS, 600, 660),
    TaskName.SAMPLES_ANALYZE: TaskPolicy(Queue.ANALYSIS, 1200, 1260),
    TaskName.SAMPLES_LOOP: TaskPolicy(Queue.ANALYSIS, 600, 660),
    TaskName.SAMPLES_SAVE: TaskPolicy(Queue.ANALYSIS, 120, 150),
    TaskName.SHORTS_ANALYZE: TaskPolicy(Queue.ANALYSIS, 3 * 3600, 3 * 3600 + 60),
    TaskName.SHORTS_CUT: TaskPolicy(Queue.ANALYSIS, 3600, 3660),
    TaskName.DELIVERY_SEND: TaskPolicy(Queue.INGEST, 7200, 7260, max_attempts=6),
    TaskName.RENDER_VIDEO: TaskPolicy(Queue.RENDER, 6 * 3600, 6 * 3600 + 60),
    TaskName.RENDER_CHUNK: TaskPolicy(Queue.RENDER, 2 * 3600, 2 * 3600 + 60),
    TaskName.RENDER_JOIN: TaskPolicy(Queue.RENDER, 2 * 3600, 2 * 3600 + 60),
    TaskName.RENDER_STILL: TaskPolicy(Queue.RENDER, 300, 330),
    TaskName.RENDER_CHECK: TaskPolicy(Queue.RENDER, 600, 630),
    TaskName.CONTROL_EXPIRE_UPLOADS: TaskPolicy(Queue.CONTROL, 60, 90),
    TaskName.CONTROL_SWEEP_OBJECTS: TaskPolicy(Queue.CONTROL, 600, 660),
    TaskName.CONTROL_ROLL_UP_USAGE: TaskPolicy(Queue.CONTROL, 120, 150),
    TaskName.CONTROL_SWEEP_CHUNKS: TaskPolicy(Queue.CONTROL, 600, 660),
    TaskName.CONTROL_RECHARGE_CREDITS: TaskPolicy(Queue.CONTROL, 300, 330),
    TaskName.CONTROL_SWEEP_ROWS: TaskPolicy(Queue.CONTROL, 120, 150),
}
"""Limits of every task; a test reads the Celery registry against this table."""


class CallbackPath(StrEnum):
    """Paths on the API that workers call, always signed (:mod:`tasks.contracts.signing`)."""

    CLAIM = "/api/internal/steps/{step_id}/claim"
    HEARTBEAT = "/api/internal/steps/{step_id}/heartbeat"
    NEWS = "/api/internal/steps/{step_id}/news"
    REPORT = "/api/internal/steps/{step_id}/report"
    REPORT_AND_ASK = "/api/internal/steps/{step_id}/report-and-ask"
    TRANSCRIPT_RESULT = "/api/upload-video/result"
    RENDER = "/api/render/callback"
    NODE_BEAT = "/api/internal/nodes/beat"


REPORT_PATH: dict[TaskName, CallbackPath] = {
    TaskName.SPEECH_TRANSCRIBE: CallbackPath.TRANSCRIPT_RESULT,
    TaskName.RENDER_VIDEO: CallbackPath.RENDER,
    TaskName.RENDER_JOIN: CallbackPath.RENDER,
}
"""Tasks whose reports go to a callback that keeps the name it had in a product replaced."""


def prediction_list(prediction_ref: str) -> str:
    """Name the Redis list into which a provider's webhook puts that a prediction is done."""
    return f"reelyard:prediction:{prediction_ref}"


def progress_channel(job_id: str) -> str:
    """Name the Redis pub/sub channel that carries hints of a job's progress."""
    return f"reelyard:progress:{job_id}"
