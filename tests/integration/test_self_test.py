"""The self-test of a node against real storage and a real disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tasks import self_test
from tasks.config import WorkerSettings, read_worker_settings
from tasks.self_test import PREFIX, examine_host
from tasks.storage.s3 import S3Storage


@pytest.fixture
def settings(service_environ: dict[str, str], tmp_path: Path) -> WorkerSettings:
    settings = read_worker_settings({**service_environ, "REELYARD_SCRATCH_DIR": str(tmp_path)})
    S3Storage(settings.storage).ensure_bucket()
    return settings


def test_a_healthy_host_has_no_problems_and_keeps_nothing_of_its_test(settings: WorkerSettings, tmp_path: Path) -> None:
    assert examine_host(settings) == []
    assert list(S3Storage(settings.storage).list(PREFIX)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_storage_that_refuses_a_missing_folder_and_a_full_disk_are_told(
    settings: WorkerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = dataclasses.replace(
        settings, storage=dataclasses.replace(settings.storage, s3_secret_key="another secret")
    )
    missing = dataclasses.replace(settings, scratch_dir=str(tmp_path / "missing"))

    assert [problem.partition(":")[0] for problem in examine_host(refused)] == ["storage"]
    assert examine_host(missing) == ["scratch: No such file or directory"]
    monkeypatch.setattr(self_test, "LEAST_FREE_BYTES", 1 << 60)
    assert examine_host(settings)[0].startswith("scratch: only ")
