"""The bucket is made where there is none, once, for the origins whose browsers send files."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from uuid import uuid4

import httpx

from tasks.storage.s3 import S3Storage
from tests.integration.buckets import presign, s3_settings


def run(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "api.bucket"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_a_bucket_is_made_once_and_takes_files_of_our_browsers(service_environ: dict[str, str]) -> None:
    name = f"made-{uuid4().hex[:12]}"
    own = {"REELYARD_S3_BUCKET": name, "REELYARD_PUBLIC_URL": "http://studio.example"}
    environ = {**service_environ, **own, "REELYARD_STORAGE_TYPE": "seaweedfs"}

    first, second = run(environ), run(environ)

    assert (first.returncode, first.stdout) == (0, f"Made the bucket {name}\n"), first.stderr
    assert (second.returncode, second.stdout) == (0, "The bucket is there\n")
    with closing(S3Storage(s3_settings(service_environ, s3_bucket=name))) as storage:
        storage.ping()
        url = presign(storage, "assets/x", b"film").parts[0]
    ask = {"Origin": "http://studio.example", "Access-Control-Request-Method": "PUT"}
    answer = httpx.options(url, headers=ask, trust_env=False)
    assert answer.headers.get("access-control-allow-origin") in ("http://studio.example", "*")


def test_a_storage_that_is_away_is_told_in_one_line(service_environ: dict[str, str]) -> None:
    away = {"S3_ENDPOINT_URL": "http://127.0.0.1:9", "REELYARD_STORAGE_TYPE": "seaweedfs"}

    done = run({**service_environ, **away})

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("storage.unavailable: ")
    assert done.stderr.count("\n") == 1
