"""A CPU worker with short bodies."""

from bench.chaos import bodies
from bench.chaos.workers import make_worker
from tasks.names import TaskName

app = make_worker(
    "cpu",
    {
        TaskName.INGEST_PROBE: bodies.probe,
        TaskName.INGEST_POSTER: bodies.poster,
        TaskName.SPEECH_TRANSCRIBE: bodies.transcribe,
    },
)
