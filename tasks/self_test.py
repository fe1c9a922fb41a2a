"""What every worker must be able to do, tried: storage takes, gives and removes; scratch space has room (ring 1).

A test never lies by leaving something out: it does what a step does, at its smallest.
"""

from __future__ import annotations

import logging
import os
import shutil
import uuid

from tasks.config import WorkerSettings
from tasks.errors import ReelyardError
from tasks.sandbox import sandbox_problem
from tasks.scratch import scratch_directory
from tasks.storage import Storage
from tasks.storage.s3 import open_storage

LEAST_FREE_BYTES = 256 << 20
TRIED_BYTES = 1 << 16
PREFIX = "self-tests/"
_log = logging.getLogger(__name__)


def examine_host(settings: WorkerSettings) -> list[str]:
    """Return what of storage and scratch space does not work; nothing when all does."""
    problems = [*examine_storage(open_storage(settings.storage)), *examine_scratch(settings.scratch_dir)]
    return problems + examine_sandbox(settings.sandbox)


def examine_storage(storage: Storage) -> list[str]:
    """Write an object, read it back and remove it."""
    key, data = f"{PREFIX}{uuid.uuid4().hex}", os.urandom(TRIED_BYTES)
    try:
        storage.put_bytes(key, data, content_type="application/octet-stream")
        same = storage.get_bytes(key) == data
        storage.delete([key])
    except ReelyardError as error:
        return [f"storage: {error.detail}"]
    return [] if same else ["storage: an object came back different"]


def examine_sandbox(mode: str) -> list[str]:
    """See that bubblewrap works where it is required; log what it is not, where it may be done without."""
    problem = "" if mode == "off" else sandbox_problem()
    if problem and mode == "auto":
        _log.warning("files of users are worked on under limits, without a sandbox", extra={"reason": problem})
    return [f"sandbox: {problem}"] if problem and mode == "required" else []


def examine_scratch(root: str) -> list[str]:
    """Write a file to the scratch space and read it back; see that there is room for more."""
    try:
        with scratch_directory(root, "self-test") as directory:
            path, data = directory / "tried", os.urandom(TRIED_BYTES)
            path.write_bytes(data)
            if path.read_bytes() != data:
                return ["scratch: a file came back different"]
            free = shutil.disk_usage(directory).free
    except OSError as error:
        return [f"scratch: {error.strerror or error}"]
    return [] if free >= LEAST_FREE_BYTES else [f"scratch: only {free >> 20} MiB are free"]
