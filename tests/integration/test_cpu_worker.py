"""The real CPU worker process over the real broker and the real object storage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from tasks.contracts import MediaInfo, Transcript
from tasks.names import Priority, TaskName
from tasks.storage.s3 import S3Storage
from tests import media_samples as samples
from tests.integration.control_server import ControlServer, control_server
from tests.integration.test_storage_contract import s3_settings

BUCKET = "cpu-worker"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[ControlServer]:
    with control_server() as running:
        yield running


@pytest.fixture
def environ(service_environ: dict[str, str], server: ControlServer, tmp_path: Path) -> dict[str, str]:
    """A worker's environment; a Redis database of its own, emptied."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    names = ("REDIS_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_ENDPOINT_URL")
    database = service_environ["REDIS_URL"].rsplit("/", 1)[0] + "/5"
    with redis.Redis.from_url(database) as client:
        client.flushdb()
    kept = {name: service_environ[name] for name in names if name in service_environ}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("REELYARD_")},
        **kept,
        "REDIS_URL": database,
        "REELYARD_CALLBACK_SECRET": service_environ["REELYARD_CALLBACK_SECRET"],
        "REELYARD_API_URL": server.url,
        "REELYARD_S3_BUCKET": BUCKET,
        "REELYARD_SCRATCH_DIR": str(scratch),
        "REELYARD_WHISPER_MODEL": "tiny.en",
        "REELYARD_LOG_FORMAT": "json",
    }


@pytest.fixture
def storage(service_environ: dict[str, str]) -> Iterator[S3Storage]:
    with closing(S3Storage(s3_settings(service_environ, s3_bucket=BUCKET))) as storage:
        storage.ensure_bucket()
        yield storage


@contextmanager
def worker(environ: dict[str, str], log: Path, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "-A", "tasks.worker", "worker", "-Q", "ingest,transcription"]
    command += ["--without-gossip", "--without-mingle", "--concurrency", "1", "--hostname", f"{uuid4().hex}@test"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**environ, **extra}, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def wait_for(condition: Callable[[], object], log: Path, *, timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.05)


def bell(task: TaskName, step_id: str, priority: Priority = Priority.NORMAL) -> list[str | int]:
    return [step_id, task.value, int(priority)]


SENDER = """
import json, sys
from tasks.app import make_celery
from tasks.names import Priority, TaskName
from tasks.workflows.plan import build_bell, build_canvas
make_celery("test")
waves = [[build_bell("job-1", step, TaskName(task), Priority(priority)) for step, task, priority in wave]
         for wave in json.loads(sys.argv[1])]
build_canvas("job-1", waves).apply_async()
"""


def publish(environ: dict[str, str], *waves: list[list[str | int]]) -> None:
    """Send a canvas from a process of its own, as the API does."""
    subprocess.run([sys.executable, "-c", SENDER, json.dumps(waves)], env=environ, cwd=ROOT, check=True, timeout=30)


def put(storage: S3Storage, path: Path) -> dict[str, object]:
    key = f"assets/{uuid4().hex}/source"
    storage.put_file(key, path, content_type="video/mp4")
    return {"object_key": key, "size_bytes": path.stat().st_size}


def claimed(server: ControlServer) -> list[str]:
    return [body["step_id"] for body in server.bodies("claim")]


def test_an_upload_is_probed_then_given_a_poster_and_a_transcript(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    speech = tmp_path / "speech.wav"
    length_s = samples.short_speech_wav(speech)
    clip = samples.make_video(tmp_path / "clip.mp4", duration_s=length_s, fps=10, audio=speech)
    source = put(storage, clip)
    server.offer("probe", input=source, output_prefix="jobs/j/probe/7/", lease_s=20.0)
    server.offer("poster", input=source, output_prefix="jobs/j/poster/7/", lease_s=20.0)
    server.offer("transcribe", input={**source, "language": None}, lease_s=20.0)
    log = tmp_path / "worker.log"

    with worker(environ, log):
        publish(
            environ,
            [bell(TaskName.INGEST_PROBE, "probe")],
            [bell(TaskName.SPEECH_TRANSCRIBE, "transcribe"), bell(TaskName.INGEST_POSTER, "poster")],
        )
        wait_for(lambda: len(server.bodies("report")) == 3, log)

    results = {report["step_id"]: report["result"] for report in server.bodies("report")}
    assert claimed(server)[0] == "probe"
    info = MediaInfo.from_json(results["probe"])
    assert info.duration_s == pytest.approx(length_s, abs=0.2)
    assert results["poster"] == {"object_key": "jobs/j/poster/7/poster.png", "width": 320, "height": 568}
    assert storage.get_bytes("jobs/j/poster/7/poster.png").startswith(b"\x89PNG")
    text = " ".join(segment.text for segment in Transcript.from_json(results["transcribe"]).segments).lower()
    assert "best of times" in text and "worst of times" in text
    left = [path.name for path in Path(environ["REELYARD_SCRATCH_DIR"]).iterdir()]
    assert left == [f"reelyard-sources-{os.geteuid()}"]


def test_a_permanent_failure_stops_the_chain(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    source = put(storage, samples.make_not_video(tmp_path / "letter.mp4"))
    server.offer("probe", input=source)
    server.offer("poster", input=source)
    server.offer("later", input=source)
    log = tmp_path / "worker.log"

    with worker(environ, log):
        publish(environ, [bell(TaskName.INGEST_PROBE, "probe")], [bell(TaskName.INGEST_POSTER, "poster")])
        wait_for(lambda: server.bodies("report"), log)
        publish(environ, [bell(TaskName.INGEST_PROBE, "later")])
        wait_for(lambda: len(server.bodies("report")) == 2, log)

    failure = server.bodies("report")[0]["failure"]
    assert (failure["code"], failure["permanent"]) == ("media.unsupported", True)
    assert claimed(server) == ["probe", "later"]
    assert "Traceback" not in log.read_text()


def test_a_join_rings_once_all_parts_have_ended(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    """Results are ignored everywhere; the chord works all the same."""
    source = put(storage, samples.make_video(tmp_path / "clip.mp4", duration_s=0.5))
    for step in ("part-1", "part-2", "part-3", "join"):
        server.offer(step, input=source, lease_s=20.0)
    log = tmp_path / "worker.log"

    with worker(environ, log):
        parts = [bell(TaskName.INGEST_PROBE, f"part-{number}") for number in (1, 2, 3)]
        publish(environ, parts, [bell(TaskName.INGEST_PROBE, "join")])
        wait_for(lambda: len(server.bodies("report")) == 4, log)

    assert sorted(claimed(server)[:3]) == ["part-1", "part-2", "part-3"]
    assert claimed(server)[3:] == ["join"]


def test_sending_leaves_no_subscription_behind(environ: dict[str, str]) -> None:
    publish(environ, [bell(TaskName.INGEST_PROBE, "a")], [bell(TaskName.INGEST_PROBE, "b")])

    with redis.Redis.from_url(environ["REDIS_URL"]) as client:
        assert client.pubsub_channels("*celery-task-meta*") == []
        assert client.keys("*celery-task-meta*") == []


def test_urgent_bells_are_answered_first(environ: dict[str, str], server: ControlServer, tmp_path: Path) -> None:
    for number, priority in enumerate((Priority.LOW, Priority.NORMAL, Priority.LOW, Priority.HIGH)):
        publish(environ, [bell(TaskName.INGEST_PROBE, f"{priority.name}-{number}", priority)])
    log = tmp_path / "worker.log"

    with worker(environ, log):
        wait_for(lambda: len(server.bodies("claim")) == 4, log)

    assert claimed(server) == ["HIGH-3", "NORMAL-1", "LOW-0", "LOW-2"]


def test_a_killed_attempt_leaves_the_worker_able_to_take_the_next(
    environ: dict[str, str], server: ControlServer, storage: S3Storage, tmp_path: Path
) -> None:
    source = put(storage, samples.make_video(tmp_path / "clip.mp4", duration_s=0.5))
    server.offer("probe", input=source, attempt=1, token=7)
    log = tmp_path / "worker.log"

    with worker(environ, log, REELYARD_FAILPOINTS="before_report#1=kill"):
        publish(environ, [bell(TaskName.INGEST_PROBE, "probe")])
        wait_for(lambda: server.bodies("claim"), log)
        server.offer("probe", input=source, attempt=2, token=8)
        time.sleep(1.0)
        publish(environ, [bell(TaskName.INGEST_PROBE, "probe")])
        wait_for(lambda: len(server.bodies("report")) == 2, log)

    told, done = server.bodies("report")
    assert (told["token"], told["failure"]["code"]) == (7, "step.crashed")  # by the worker's main process
    assert (done["token"], done.get("failure")) == (8, None)


def test_a_worker_with_a_wrong_environment_names_every_problem(environ: dict[str, str], tmp_path: Path) -> None:
    wrong = {**environ, "REELYARD_CALLBACK_SECRET": "short", "REELYARD_WHISPER_THREDS": "2"}
    log = tmp_path / "worker.log"

    with worker(wrong, log) as process:
        code = process.wait(30)

    output = log.read_text()
    assert code != 0
    assert "REELYARD_CALLBACK_SECRET must be at least 32 bytes long" in output
    assert "did you mean REELYARD_WHISPER_THREADS?" in output
